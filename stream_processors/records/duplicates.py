"""R14: one person with two student files and one course of study, inside one institution. Worked out with the claims, since only
there it is known which person records are one person."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.rules import Found
from schemas.rules.related import same_study_twice
from stream_processors.records import links
from stream_processors.records.facts import Values
from stream_processors.records.unit import Unit, entity_of

RULE = "R14"
FILES = 20
"""Person records of one person, and their learners, that are compared: more are a number that belongs to nobody (P5)."""
STUDIES = 50


def members(unit: Unit, person: str) -> list[bytes]:
    """The institution's records that are claimed for a person."""
    return unit.children(links.group("person", person), most=FILES)


def concerned(unit: Unit, person: str, learners: list[bytes]) -> bool:
    """Is there anything to compare, or anything that stands from a former comparison?"""
    if len(learners) > 1 or len(members(unit, person)) > 1:
        return True
    rows = (unit.row(key) for key in learners)
    return any(row is not None and any(f.rule == RULE for f in row.open) for row in rows)


def judged(unit: Unit, person: str) -> Iterator[tuple[bytes, list[Found]]]:
    """Every learner of the person with all that now stands of it."""
    learners = [key for record in members(unit, person) for key in _under(unit, record, "learner")][:FILES]
    studies = {key: [values for _, values in _studies(unit, key)] for key in learners}
    for key in learners:
        row = unit.row(key)
        assert row is not None
        others = [other for other in learners if other != key and _twice(studies[key], studies[other])]
        kept = [f.found for f in row.open if f.rule != RULE]
        if others or len(kept) < len(row.open):
            yield key, kept + [Found(RULE, ("code",), other.decode()) for other in others]


def _twice(ones: list[Values], others: list[Values]) -> bool:
    return any(same_study_twice(one, other) for one in ones for other in others)


def _studies(unit: Unit, learner: bytes) -> Iterator[tuple[bytes, Values]]:
    for key in _under(unit, learner, "study_record"):
        if (values := unit.values(key)) is not None:
            yield key, values


def _under(unit: Unit, parent: bytes, entity: str) -> list[bytes]:
    return [key for key in unit.children(parent.decode(), most=STUDIES) if entity_of(key) == entity]
