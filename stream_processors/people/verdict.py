"""What a person's live claims come to: golden persons, each with what is disputed about it, and findings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.rules.people import Addressed, OnBus, check_person
from stream_processors.people.golden import Claimed, Golden, IsOwn, golden_persons, institution_of

CONFLICT = "R02"
CONFLICT_FIELDS = ("citizen_number", "full_name", "birth_date")


class Judged(NamedTuple):
    golden: Golden
    disputes: tuple[str, ...]


class Verdict(NamedTuple):
    persons: tuple[Judged, ...]
    findings: tuple[Addressed, ...]

    @property
    def conflict(self) -> bool:
        return len(self.persons) > 1


def judge(person_key: str, claims: Sequence[Claimed], is_own: IsOwn, on_bus: OnBus) -> Verdict:
    goldens = golden_persons(person_key, claims, is_own)
    conflict = len(goldens) > 1
    findings: list[Addressed] = contradictions([str(claim["record_key"]) for claim in claims]) if conflict else []
    persons = []
    for golden in goldens:
        found = check_person(golden.facts, _first_records(golden), on_bus) if golden.facts else []
        disputes = {case.rule for case in found if case.disputed} | ({CONFLICT} if conflict else set())
        persons.append(Judged(golden, tuple(sorted(disputes))))
        findings += found
    return Verdict(tuple(persons), tuple(findings))


def contradictions(records: Sequence[str]) -> list[Addressed]:
    """R02, about each record that carries the number, to its institution."""
    institutions = {record.partition("/")[0] for record in records}
    found = []
    for record in records:
        own = record.partition("/")[0]
        other = next(r for r in records if r != record) if len(records) == 2 else ""
        details = (("institutions", ",".join(sorted(institutions - {own}))),) if len(institutions) > 1 else ()
        found.append(Addressed(CONFLICT, own, record, CONFLICT_FIELDS, other, len(institutions) > 1, details))
    return found


def _first_records(golden: Golden) -> dict[str, str]:
    found: dict[str, str] = {}
    for claim in golden.claims:
        found.setdefault(institution_of(claim), str(claim["record_key"]))
    return found
