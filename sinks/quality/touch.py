"""Days that come: records whose verdict a day changes without any change of theirs. Each is named once per rule and day in the table
`touch`, and an order TOUCH lets RECORDS look at it.

Who is due is asked in sets, with the rules' own tolerances, but decides nothing: RECORDS judges. What was ordered stays noted, so a
restart orders nothing twice but what was on its way; ordered twice, it changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

import sqlalchemy as sa

from schemas.rules import RULES
from sinks.model import TOUCH
from sinks.quality.days import Day
from sinks.quality.set_rules import SET_GENERATION

KEEP_DAYS = 90
"""After so long a record that is still due, because RECORDS judged otherwise, is asked about once more."""


class Orders(Protocol):
    """Gives orders to RECORDS."""

    def touch(self, institution: str, record: str, causes: str, at_micros: int) -> None: ...

    def flush(self) -> None:
        """Raises HemisError: some may be missing; the next run gives them again."""
        ...


def _first(column: str) -> str:
    """The first day that a date of reduced precision can be."""
    return f"hemis_date({column} || substring('0001-01-01' FROM length({column}) + 1))"


_V15, _V23 = RULES["V15"].tolerance, RULES["V23"].tolerance


def _retirement(who: str) -> str:
    """Months of life at which somebody retires in the year of :day."""
    steps = f"greatest(0, extract(year FROM :day)::int - {_V23['first_year']:.0f})"
    first, step, last = (f"{_V23[f'{who}_{name}']:.0f}" for name in ("months", "step", "last"))
    return f"least({first} + {steps} * {step}, {last})"


_NOT_FOUND = "NOT EXISTS (SELECT FROM finding f WHERE f.record_key = {alias}.record_key AND f.rule = '{rule}' AND f.status <> 'RESOLVED')"

CAUSES = {
    "V13": f"""
SELECT s.institution, s.record_key, min(coalesce(d.effective_date_day, d.decision_date_day)) AS due
FROM study_record_live s JOIN study_decision_live d ON d.study_record = s.record_key
WHERE s.status IN ('STUDYING', 'SUSPENDED') AND d.kind IN ('GRADUATION', 'WITHDRAWAL', 'TRANSFER_OUT')
  AND coalesce(d.effective_date_day, d.decision_date_day) <= :day
  AND coalesce(d.effective_date_day, d.decision_date_day) > (s.changed_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
  AND {_NOT_FOUND.format(alias="s", rule="V13")} GROUP BY 1, 2""",
    "V15": f"""
SELECT institution, record_key, due FROM (
  SELECT s.institution, s.record_key,
    ({_first("s.enrolment_date")} + make_interval(months => (p.duration_months * {_V15["times"]})::int))::date + 1 AS due
  FROM study_record_live s JOIN programme_live p ON p.record_key = s.programme
  WHERE s.status = 'STUDYING' AND p.duration_months > 0 AND {_NOT_FOUND.format(alias="s", rule="V15")}) s WHERE due <= :day""",
    "V23": f"""
SELECT institution, record_key, due FROM (
  SELECT c.institution, c.record_key, (p.birth_date_day + make_interval(months => CASE p.sex WHEN 'M' THEN {_retirement("men")}
    ELSE {_retirement("women")} END))::date AS due
  FROM staff_contract_live c JOIN person_live p ON p.record_key = c.person
  WHERE c.permanent AND c.status = 'ACTIVE' AND p.sex IN ('M', 'F') AND {_NOT_FOUND.format(alias="c", rule="V23")}) c
WHERE due <= :day""",
    "V26": f"""
SELECT institution, record_key, (at + interval '{RULES["V26"].tolerance["grace_hours"]:.0f} hours')::date AS due FROM finding
WHERE rule = 'V26' AND status = 'OPEN' AND details->>'case' = 'waiting'
  AND at < :moment - interval '{RULES["V26"].tolerance["grace_hours"]:.0f} hours'""",
    "waiver": f"""
SELECT institution, record_key, waived_until::date + 1 AS due FROM finding
WHERE status = 'WAIVED' AND waived_until < (:day)::text AND generation <> {SET_GENERATION}
  AND rule IN ({", ".join(f"'{rule.id}'" for rule in RULES.values() if rule.stage == "records")})""",
}
"""What falls due, and the day since when; each gives institution, record_key and due."""


def look(connection: sa.Connection, now: Day) -> int:
    """Note who has become due; how many there are. Reads whole tables."""
    t = TOUCH.c
    connection.execute(sa.delete(TOUCH).where(t.ordered_at < now.now - timedelta(days=KEEP_DAYS)))
    found = 0
    for cause, statement in CAUSES.items():
        query = (
            "INSERT INTO touch (institution, record_key, cause, due) "
            f"SELECT DISTINCT institution, record_key, '{cause}', due FROM ({statement}) d ON CONFLICT DO NOTHING"
        )
        found += connection.execute(sa.text(query), {"day": now.day, "moment": now.now}).rowcount
    return found


def give(connection: sa.Connection, orders: Orders, now: Day, most: int) -> int:
    """Order the next records of every institution, `most` of each, those that wait longest first; how many."""
    query = """
SELECT institution, record_key, string_agg(DISTINCT cause, ',') AS causes FROM (
  SELECT *, dense_rank() OVER (PARTITION BY institution ORDER BY due, record_key) AS place FROM touch WHERE ordered_at IS NULL) t
WHERE place <= :most GROUP BY 1, 2"""
    chosen = connection.execute(sa.text(query), {"most": most}).all()
    for institution, record, causes in chosen:
        orders.touch(institution, record, causes, round(now.now.timestamp() * 1_000_000))
    orders.flush()
    t = TOUCH.c
    given = sa.update(TOUCH).where(t.ordered_at.is_(None), t.record_key.in_([record for _, record, _ in chosen]))
    connection.execute(given.values(ordered_at=now.now))
    return len(chosen)
