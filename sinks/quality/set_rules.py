"""Rules over sets: they see many records at once, so no stage of the stream can hold them.

The scheduled job is the only writer of their findings. They go to hemis.findings.<inst> like all others, so that an
institution's inbox and the national table have them by the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.rules import RULES

SET_GENERATION = -1
"""Of no topic: tells set rules' findings from those that RECORDS and PEOPLE write under the same rule id."""


@dataclass(frozen=True)
class SetRule:
    """`statement` gives one row per finding: institution, record_key, fields, other_record, details (jsonb, masked). The
    fields or the other record differ from what a stage of the stream says under the same id."""

    id: str
    severity: Literal["ERROR", "WARNING"]
    statement: str


REGISTER_GAPS = """
WITH numbered AS (
  SELECT DISTINCT ON (institution, kind, register_year, number) *
  FROM (SELECT institution, kind, register_year, record_key, substring(register_number FROM '^\\D*(\\d{1,9})')::bigint AS number
        FROM degree_live WHERE register_year IS NOT NULL) d
  WHERE number IS NOT NULL ORDER BY institution, kind, register_year, number, record_key),
placed AS (
  SELECT *, lag(number) OVER series AS before, lag(record_key) OVER series AS before_key, count(*) OVER whole AS registered,
    max(number) OVER whole - min(number) OVER whole + 1 AS span
  FROM numbered WINDOW series AS (PARTITION BY institution, kind, register_year ORDER BY number),
    whole AS (PARTITION BY institution, kind, register_year))
SELECT institution, record_key, ARRAY['register_number', 'register_year', 'kind'] AS fields, before_key AS other_record,
  jsonb_build_object('case', 'gap', 'year', register_year::text, 'kind', coalesce(kind, ''), 'first', before::text, 'last', number::text,
    'missing', (number - before - 1)::text) AS details
FROM placed WHERE number - before > 1 AND registered * 2 >= span
"""
"""A series with more gaps than numbers is not counted upwards, and says nothing."""

_SHARED = """
SELECT institution, min(record_key) AS record_key, ARRAY['{field}'] AS fields,
  min(record_key) FILTER (WHERE place = 2) AS other_record,
  jsonb_build_object('case', 'crowd', 'persons', count(*)::text, 'length', max(length("{field}"))::text) AS details
FROM (SELECT institution, record_key, "{field}", row_number() OVER (PARTITION BY institution, "{field}" ORDER BY record_key) AS place
      FROM {entity}_live WHERE "{field}" IS NOT NULL) v
GROUP BY institution, "{field}" HAVING count(*) > {most}
"""
_V25 = RULES["V25"].tolerance
MOST = {
    ("learner", "phone"): _V25["phones"],
    ("learner", "email"): _V25["emails"],
    ("person", "document_number"): _V25["numbers"],
    ("person", "citizen_number"): _V25["numbers"],
}
"""How many records of an institution may share a value before it is taken for a placeholder."""

_NEW_YEAR = """
SELECT institution, min(record_key) FILTER (WHERE right(birth_date, 5) = '01-01') AS record_key, ARRAY['birth_date'] AS fields,
  max(record_key) FILTER (WHERE right(birth_date, 5) = '01-01') AS other_record,
  jsonb_build_object('case', 'crowd', 'persons', (count(*) FILTER (WHERE right(birth_date, 5) = '01-01'))::text, 'of', count(*)::text, 'day', '01-01') AS details
FROM person_live WHERE length(birth_date) = 10 GROUP BY institution
HAVING count(*) FILTER (WHERE right(birth_date, 5) = '01-01') >= 20
  AND count(*) FILTER (WHERE right(birth_date, 5) = '01-01') > count(*) * 0.02
"""
"""A 365th of all people were born on 1 January; seven times as many were not."""

PLACEHOLDERS = " UNION ALL ".join(
    f"({statement})"
    for statement in (
        *(_SHARED.format(entity=entity, field=field, most=most) for (entity, field), most in MOST.items()),
        _NEW_YEAR,
    )
)

_STOCK = """
study AS (
  SELECT * FROM (
    SELECT institution, hemis_date(enrolment_date) AS came,
      CASE WHEN status IN ('STUDYING', 'SUSPENDED') THEN 'infinity' ELSE hemis_date(status_date) END AS went
    FROM study_record_live OFFSET 0) s
  WHERE came IS NOT NULL),
school AS (SELECT institution, min(record_key) AS record_key FROM institution_live GROUP BY 1),
day AS MATERIALIZED (SELECT (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS last)
"""
"""A study whose end has no date can't be placed in time; it counts at neither day. `OFFSET 0`: each date is read once, not at each of
its mentions, and so is today."""

_BAND = RULES["V27"].tolerance["percent"] / 100
STOCK_BAND = f"""
WITH {_STOCK}, stock AS (
  SELECT institution, count(*) FILTER (WHERE came <= last AND went > last) AS now,
    count(*) FILTER (WHERE came <= last - 365 AND went > last - 365) AS before FROM study, day GROUP BY 1)
SELECT institution, coalesce(record_key, institution || '/institution/' || institution) AS record_key, ARRAY['status'] AS fields,
  '' AS other_record, jsonb_build_object('case', 'band', 'now', now::text, 'before', before::text,
    'percent', round((now - before) * 100.0 / before)::text) AS details
FROM stock LEFT JOIN school USING (institution) WHERE before >= 100 AND (now > before * {1 + _BAND} OR now < before * {1 - _BAND})
"""

FLOW = f"""
WITH {_STOCK}, decided AS (
  SELECT DISTINCT institution, study_record FROM study_decision_live, day
  WHERE kind IN ('WITHDRAWAL', 'TRANSFER_OUT', 'GRADUATION')
    AND coalesce(hemis_date(effective_date), hemis_date(decision_date)) > last - 365
    AND coalesce(hemis_date(effective_date), hemis_date(decision_date)) <= last),
flow AS (
  SELECT institution, count(*) FILTER (WHERE came <= last - 365 AND went > last - 365) AS before,
    count(*) FILTER (WHERE came > last - 365 AND came <= last) AS came,
    count(*) FILTER (WHERE came <= last AND went > last) AS now FROM study, day GROUP BY 1),
gone AS (SELECT institution, count(*) AS went FROM decided GROUP BY 1)
SELECT institution, coalesce(record_key, institution || '/institution/' || institution) AS record_key, ARRAY['status'] AS fields,
  '' AS other_record, jsonb_build_object('case', 'unequal', 'before', before::text, 'in', came::text, 'out by decision', went::text,
    'now', now::text, 'difference', (now - (before + came - went))::text) AS details
FROM flow JOIN gone USING (institution) LEFT JOIN school USING (institution) WHERE now <> before + came - went
"""
"""An institution that sends no decisions can't be asked."""

SERIALS = """
WITH d AS (
  SELECT g.institution, g.record_key, upper(regexp_replace(g.serial, '\\s', '', 'g')) AS serial, coalesce(c.person_key, g.person, g.record_key) AS person
  FROM degree_live g LEFT JOIN LATERAL (SELECT min(person_key) AS person_key FROM person_claim WHERE record_key = g.person) c ON true
  WHERE g.serial ~ '[0-9]'),
shared AS (SELECT serial FROM d GROUP BY 1 HAVING count(DISTINCT institution) > 1 AND count(DISTINCT person) > 1)
SELECT a.institution, a.record_key, ARRAY['serial'] AS fields, min(b.record_key) AS other_record,
  jsonb_build_object('degrees', count(*)::text) AS details
FROM shared JOIN d a USING (serial) JOIN d b USING (serial)
WHERE b.institution <> a.institution AND b.person <> a.person GROUP BY 1, 2
"""

_V05 = RULES["V05"].tolerance
ENTRY_AGE = f"""
SELECT institution, record_key, ARRAY['enrolment_date'] AS fields, '' AS other_record,
  jsonb_build_object('case', 'entry_age', 'age', years::text) AS details
FROM (
  SELECT s.institution, s.record_key, extract(year FROM age(s.enrolment_date_day, p.birth_date_day))::int AS years
  FROM study_record_live s JOIN learner_live l ON l.record_key = s.learner JOIN person_live p ON p.record_key = l.person) s
WHERE years NOT BETWEEN {_V05["youngest"]} AND {_V05["oldest"]}
"""
"""A study and its person are two records apart, and who changes follows no order: RECORDS would look at every study of a person
whose birth date is touched."""

_V16 = RULES["V16"].tolerance
COHORT_PEERS = f"""
WITH placed AS (
  SELECT institution, record_key, cohort, left(enrolment_date, 4)::int AS year FROM study_record_live
  WHERE cohort IS NOT NULL AND enrolment_date ~ '^[0-9]{{4}}'),
counted AS (SELECT institution, cohort, year, count(*) AS studies FROM placed GROUP BY 1, 2, 3),
usual AS (
  SELECT DISTINCT ON (institution, cohort) *, sum(studies) OVER (PARTITION BY institution, cohort) AS of FROM counted
  ORDER BY institution, cohort, studies DESC, year)
SELECT p.institution, p.record_key, ARRAY['cohort'] AS fields, '' AS other_record,
  jsonb_build_object('case', 'peers', 'usual', u.year::text) AS details
FROM placed p JOIN usual u USING (institution, cohort)
WHERE u.of >= {_V16["peers"]} AND u.studies * 100 >= u.of * {_V16["peers_percent"]} AND abs(p.year - u.year) > {_V16["cohort_years"]}
"""
"""A cohort whose name holds no year has the year that nearly all of its members enrolled in."""

SET_RULES: tuple[SetRule, ...] = (
    SetRule("V05", "WARNING", ENTRY_AGE),
    SetRule("V16", "WARNING", COHORT_PEERS),
    SetRule("V18", "WARNING", REGISTER_GAPS),
    SetRule("V25", "WARNING", PLACEHOLDERS),
    SetRule("V27", "WARNING", STOCK_BAND),
    SetRule("V28", "ERROR", FLOW),
    SetRule("R10", "ERROR", SERIALS),
)
