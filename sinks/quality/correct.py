"""Đúng: comparisons with an authority. Each yields, per institution, how many were made, how many agree, and how many
values wait for an authority; all read the state of `:moment`."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.quality.state import live

OPEN, DIFFERS, AGREES = 0, 1, 2
"""What is said of a row: it waits for an authority, or was compared."""


@dataclass(frozen=True)
class Comparison:
    """`known` and `agrees` are conditions over a register's rows; without `known` a value that meets `open` is not assessed. Null
    is false."""

    name: str
    known: str
    agrees: str
    open: str

    def verdict(self) -> str:
        """Null: nothing is said."""
        return f"CASE WHEN {self.known} THEN CASE WHEN {self.agrees} THEN {AGREES} ELSE {DIFFERS} END WHEN {self.open} THEN {OPEN} END"


@dataclass(frozen=True)
class Register:
    """Comparisons of an entity's records that one scan makes. `rows` is a relation with a column `institution`, `parts` the CTEs that
    it is made from."""

    scope: str
    rows: str
    comparisons: tuple[Comparison, ...]
    parts: str = ""

    def statement(self) -> str:
        """How many records have the same verdicts: institution, one column per comparison, records. Each is worked out once a row."""
        columns = ", ".join(f"{one.verdict()} AS v{number}" for number, one in enumerate(self.comparisons))
        places = ", ".join(str(number + 1) for number in range(len(self.comparisons) + 1))
        return f"{self.parts} SELECT institution, {columns}, count(*) AS records FROM {self.rows} GROUP BY {places}"


def _identity() -> Register:
    """Each person record beside its own number, and beside what other institutions say of the same golden person; few have any, and
    only theirs are put into canonical form."""
    number, digit = "r.citizen_number ~ '^[0-9]{3}[0-3][0-9]{8}$'", "substr(r.citizen_number, 4, 1)::int"
    values = ("name", "birth_date", "sex")
    least_and_most = ", ".join(f"min(b.{value}) AS {value}_least, max(b.{value}) AS {value}_most" for value in values)
    parts = (
        "WITH member AS MATERIALIZED (SELECT g.person_key, c.claim, split_part(c.claim, '/', 1) AS institution, "
        "hemis_name_key(p.full_name) AS name, p.birth_date, p.sex FROM golden_person_as_of(:moment) g "
        f"CROSS JOIN LATERAL unnest(g.claims) c(claim) JOIN {live('person')} p ON p.record_key = c.claim "
        "WHERE g.live AND cardinality(g.claims) > 1), "
        f"other AS MATERIALIZED (SELECT a.claim, min(a.name) AS own_name, {least_and_most} FROM member a JOIN member b USING (person_key) "
        "WHERE a.institution <> b.institution GROUP BY 1)"
    )
    own = {"name": "o.own_name", "birth_date": "r.birth_date", "sex": "r.sex"}
    columns = {"name": "full_name"}
    return Register(
        "person",
        f"{live('person')} r LEFT JOIN other o ON o.claim = r.record_key",
        (
            Comparison(
                "sex and citizen number",
                f"{number} AND r.sex IN ('M', 'F')",
                f"({digit} % 2 = 0) = (r.sex = 'M')",
                "r.sex IS NOT NULL",
            ),
            Comparison(
                "birth year and citizen number",
                f"{number} AND r.birth_date IS NOT NULL",
                f"(19 + {digit} / 2)::text || substr(r.citizen_number, 5, 2) = left(r.birth_date, 4)",
                "r.birth_date IS NOT NULL",
            ),
            *(
                Comparison(
                    f"{columns.get(value, value)} and other institutions",
                    f"{own[value]} IS NOT NULL AND o.{value}_least IS NOT NULL",
                    f"o.{value}_least = {own[value]} AND o.{value}_most = {own[value]}",
                    f"r.{columns.get(value, value)} IS NOT NULL",
                )
                for value in values
            ),
        ),
        parts,
    )


def _decisions() -> Register:
    pairs = ("GRADUATED", "GRADUATION"), ("WITHDRAWN", "WITHDRAWAL"), ("SUSPENDED", "SUSPENSION"), ("TRANSFERRED", "TRANSFER_OUT")  # fmt: skip
    kinds = ", ".join(f"('{status}', '{kind}')" for status, kind in pairs)
    return Register(
        "study_record",
        f"(SELECT r.institution, r.status_date, d.dates FROM {live('study_record')} r JOIN (VALUES {kinds}) k(status, kind) "
        "ON k.status = r.status LEFT JOIN (SELECT study_record, kind, array_agg(coalesce(effective_date, decision_date)) "
        f"|| array_agg(decision_date) AS dates FROM {live('study_decision')} d GROUP BY 1, 2) d "
        "ON d.study_record = r.record_key AND d.kind = k.kind) s",
        (
            Comparison(
                "status date and decision",
                "dates IS NOT NULL AND status_date IS NOT NULL",
                "status_date = ANY (dates)",
                "true",
            ),
        ),
    )


def _degrees() -> Register:
    same_name = "full_name = person_name OR hemis_name_key(full_name) = hemis_name_key(person_name)"
    return Register(
        "degree",
        "(SELECT r.institution, r.full_name, r.birth_date, r.level, r.major_code, r.decision_number, p.full_name AS person_name, "
        "p.birth_date AS person_birth, g.level AS programme_level, g.major_code AS programme_major, d.numbers, "
        f"c.degree IS NOT NULL AS corrected FROM {live('degree')} r "
        f"LEFT JOIN {live('person')} p ON p.record_key = r.person "
        f"LEFT JOIN {live('study_record')} s ON s.record_key = r.study_record "
        f"LEFT JOIN {live('programme')} g ON g.record_key = s.programme "
        "LEFT JOIN (SELECT study_record, array_agg(decision_number) AS numbers FROM "
        f"{live('study_decision')} d WHERE kind = 'GRADUATION' GROUP BY 1) d ON d.study_record = r.study_record "
        f"LEFT JOIN (SELECT DISTINCT degree FROM {live('degree_correction')} c) c ON c.degree = r.record_key) t",
        tuple(
            Comparison(f"degree: {name}", f"{own} IS NOT NULL AND {theirs} IS NOT NULL", agrees, f"{own} IS NOT NULL")
            for name, own, theirs, agrees in (
                ("name", "full_name", "person_name", f"corrected OR {same_name}"),
                ("birth date", "birth_date", "person_birth", "corrected OR birth_date = person_birth"),
                ("level", "level", "programme_level", "level = programme_level"),
                ("major", "major_code", "programme_major", "major_code = programme_major"),
                ("graduation decision", "decision_number", "numbers", "decision_number = ANY (numbers)"),
            )
        ),
    )


def _staff() -> Register:
    """Declared degrees beside the register, over all institutions, along the golden person."""
    return Register(
        "staff_contract",
        f"(SELECT r.institution, r.highest_degree, h.highest FROM {live('staff_contract')} r LEFT JOIN "
        "(SELECT a.claim, max(d.highest) AS highest FROM claim a JOIN (SELECT b.person_key, max(d.level) AS highest FROM claim b "
        f"JOIN {live('degree')} d ON d.person = b.claim GROUP BY 1) d USING (person_key) GROUP BY 1) h ON h.claim = r.person) s",
        (
            Comparison(
                "highest degree and register",
                "highest IS NOT NULL AND highest_degree IS NOT NULL",
                "highest = highest_degree",
                "highest_degree IS NOT NULL",
            ),
        ),
        "WITH claim AS (SELECT g.person_key, c.claim FROM golden_person_as_of(:moment) g CROSS JOIN LATERAL unnest(g.claims) c(claim) "
        "WHERE g.live)",
    )


REGISTERS: tuple[Register, ...] = (_identity(), _decisions(), _degrees(), _staff())
