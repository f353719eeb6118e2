"""Đúng: comparisons with an authority. Each yields, per institution, how many were made, how many agree, and how many
values wait for an authority; all read the state of `:moment`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sinks.quality.state import live


@dataclass(frozen=True)
class Comparison:
    """`known` and `agrees` are conditions over `source`, which has a column `institution`; without `known` a value that
    meets `open` is not assessed. Null is false."""

    name: str
    scope: str
    source: str
    known: str
    agrees: str
    open: str

    def statement(self) -> str:
        return (
            f"SELECT institution, '{self.scope}' AS scope, '{self.name}' AS comparison, "
            f"count(*) FILTER (WHERE {self.known}) AS made, "
            f"count(*) FILTER (WHERE CASE WHEN {self.known} THEN {self.agrees} END) AS agreed, "
            f"count(*) FILTER (WHERE ({self.known}) IS NOT TRUE AND ({self.open})) AS open "
            f"FROM {self.source} GROUP BY 1"
        )


_NUMBER = "r.citizen_number ~ '^[0-9]{3}[0-3][0-9]{8}$'"
_DIGIT = "substr(r.citizen_number, 4, 1)::int"
_OTHERS = (
    f"(SELECT r.institution, CASE WHEN o.claim IS NULL THEN r.%(name)s ELSE %(own)s END AS own, o.others, o.least, o.most FROM {live('person')} r LEFT JOIN "
    "(SELECT claim, count(DISTINCT theirs) AS others, min(theirs) AS least, max(theirs) AS most FROM "
    "(SELECT a.claim, %(theirs)s AS theirs FROM golden_person_as_of(:moment) g CROSS JOIN LATERAL unnest(g.claims) a(claim) "
    "CROSS JOIN LATERAL unnest(g.claims) b(claim) "
    f"JOIN {live('person')} p ON p.record_key = b.claim WHERE g.live AND cardinality(g.claims) > 1 "
    "AND split_part(a.claim, '/', 1) <> split_part(b.claim, '/', 1)) each WHERE theirs IS NOT NULL GROUP BY claim) o "
    "ON o.claim = r.record_key) other"
)
"""Each person record beside what other institutions say of the same golden person; few have any, and only theirs are put into
canonical form."""


def _identity() -> Iterator[Comparison]:
    yield Comparison(
        "sex and citizen number",
        "person",
        f"{live('person')} r",
        f"{_NUMBER} AND r.sex IN ('M', 'F')",
        f"({_DIGIT} % 2 = 0) = (r.sex = 'M')",
        "r.sex IS NOT NULL",
    )
    yield Comparison(
        "birth year and citizen number",
        "person",
        f"{live('person')} r",
        f"{_NUMBER} AND r.birth_date IS NOT NULL",
        f"(19 + {_DIGIT} / 2)::text || substr(r.citizen_number, 5, 2) = left(r.birth_date, 4)",
        "r.birth_date IS NOT NULL",
    )
    for name, value in (
        ("full_name", "hemis_name_key({0}.full_name)"),
        ("birth_date", "{0}.birth_date"),
        ("sex", "{0}.sex"),
    ):
        yield Comparison(
            f"{name} and other institutions",
            "person",
            _OTHERS % {"name": name, "own": value.format("r"), "theirs": value.format("p")},
            "own IS NOT NULL AND others > 0",
            "least = own AND most = own",
            "own IS NOT NULL",
        )


def _decisions() -> Iterator[Comparison]:
    pairs = ("GRADUATED", "GRADUATION"), ("WITHDRAWN", "WITHDRAWAL"), ("SUSPENDED", "SUSPENSION"), ("TRANSFERRED", "TRANSFER_OUT")  # fmt: skip
    kinds = ", ".join(f"('{status}', '{kind}')" for status, kind in pairs)
    yield Comparison(
        "status date and decision",
        "study_record",
        f"(SELECT r.institution, r.status_date, d.dates FROM {live('study_record')} r JOIN (VALUES {kinds}) k(status, kind) "
        "ON k.status = r.status LEFT JOIN (SELECT study_record, kind, array_agg(coalesce(effective_date, decision_date)) "
        f"|| array_agg(decision_date) AS dates FROM {live('study_decision')} d GROUP BY 1, 2) d "
        "ON d.study_record = r.record_key AND d.kind = k.kind) s",
        "dates IS NOT NULL AND status_date IS NOT NULL",
        "status_date = ANY (dates)",
        "true",
    )


def _register() -> Iterator[Comparison]:
    source = (
        "(SELECT r.institution, r.full_name, r.birth_date, r.level, r.major_code, r.decision_number, p.full_name AS person_name, "
        "p.birth_date AS person_birth, g.level AS programme_level, g.major_code AS programme_major, d.numbers, "
        f"c.degree IS NOT NULL AS corrected FROM {live('degree')} r "
        f"LEFT JOIN {live('person')} p ON p.record_key = r.person "
        f"LEFT JOIN {live('study_record')} s ON s.record_key = r.study_record "
        f"LEFT JOIN {live('programme')} g ON g.record_key = s.programme "
        "LEFT JOIN (SELECT study_record, array_agg(decision_number) AS numbers FROM "
        f"{live('study_decision')} d WHERE kind = 'GRADUATION' GROUP BY 1) d ON d.study_record = r.study_record "
        f"LEFT JOIN (SELECT DISTINCT degree FROM {live('degree_correction')} c) c ON c.degree = r.record_key) t"
    )
    for name, own, theirs, agrees in (
        ("name", "full_name", "person_name", "(corrected OR hemis_name_key(full_name) = hemis_name_key(person_name))"),
        ("birth date", "birth_date", "person_birth", "(corrected OR birth_date = person_birth)"),
        ("level", "level", "programme_level", "level = programme_level"),
        ("major", "major_code", "programme_major", "major_code = programme_major"),
        ("graduation decision", "decision_number", "numbers", "decision_number = ANY (numbers)"),
    ):
        known = f"{own} IS NOT NULL AND {theirs} IS NOT NULL"
        yield Comparison(f"degree: {name}", "degree", source, known, agrees, f"{own} IS NOT NULL")


def _staff() -> Iterator[Comparison]:
    """Declared degrees beside the register, over all institutions, along the golden person."""
    yield Comparison(
        "highest degree and register",
        "staff_contract",
        f"(SELECT r.institution, r.highest_degree, h.highest FROM {live('staff_contract')} r LEFT JOIN "
        "(SELECT a.claim, max(d.level) AS highest FROM golden_person_as_of(:moment) g CROSS JOIN LATERAL unnest(g.claims) a(claim) "
        f"CROSS JOIN LATERAL unnest(g.claims) b(claim) JOIN {live('degree')} d ON d.person = b.claim "
        "WHERE g.live GROUP BY 1) h ON h.claim = r.person) s",
        "highest IS NOT NULL AND highest_degree IS NOT NULL",
        "highest = highest_degree",
        "highest_degree IS NOT NULL",
    )


COMPARISONS: tuple[Comparison, ...] = (*_identity(), *_decisions(), *_register(), *_staff())
