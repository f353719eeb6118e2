"""An institution's person record as a claim about one person, with what hangs from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.codec import codec, long_bytes, size_bytes, text_bytes
from stream_processors.records import duplicates, facts, links
from stream_processors.records.decisions import person_key
from stream_processors.records.facts import Values
from stream_processors.records.institution import AGAIN
from stream_processors.records.unit import NOTHING_HANGS, Due, Unit, entity_of

CROWD = 200
"""Records of one kind that hang from one record, at most, in a claim: an institution that puts everything under one person
must not make each change of it as dear as all of them (P5)."""

_FACT = codec("vn.hemis.Fact")


class Hanging(NamedTuple):
    """What hangs from a person record: its learners' files, and facts in order of record key."""

    learners: list[bytes]
    facts: list[dict[str, Any]]


_NOTHING = Hanging([], [])


def claim(unit: Unit, key: bytes, due: Due, *, alone: bool = False) -> None:
    """Claim the person record for its person; if the person changed, retract it from the former one.

    `alone`: nothing can hang from it yet.
    """
    row = unit.row(key)
    if row is None:
        return
    person, values, hanging = "", unit.values(key), _NOTHING
    if values is not None:
        person = person_key(unit, key, values)
        hanging = _NOTHING if alone else gather(unit, key.decode())
        unit.claim(person, key, row.envelope, due.place, _encoded(unit, hanging), row.raw[row.body :])
        if unit.institution.behind and not alone:
            _strike(unit, key, *hanging.learners)
    if row.person and row.person != person:
        unit.claim(row.person, key, row.envelope, due.place, moved_to=person)
    if row.person != person:
        unit.put(key, row._replace(person=person))
        if person:
            unit.link(links.group("person", person), key)
    for one in {row.person, person} - {""}:
        if not alone and duplicates.concerned(unit, one, hanging.learners):
            unit.shared[one] = due


def _strike(unit: Unit, *records: bytes) -> None:
    """Of the notes that asked for this claim, one is enough."""
    for record in records:
        if unit.name(AGAIN + record):
            unit.set_name(AGAIN + record, None)


def person_of(unit: Unit, entity: str, values: Values) -> bytes | None:
    """The person record from which a record with these values hangs, as far as the records between are known."""
    match entity:
        case "person":
            return None
        case "study_record":
            return _above(unit, "learner", values["learner"])
        case "study_decision":
            return _above(unit, "study_record", values["study_record"])
        case _:
            person = values.get("person")
            return person.encode() if person is not None else None


def _above(unit: Unit, entity: str, key: str | None) -> bytes | None:
    values = unit.values(key.encode()) if key is not None else None
    return person_of(unit, entity, values) if values is not None else None


def gather(unit: Unit, person: str) -> Hanging:
    """Follow the links down from a person record."""
    learners: list[bytes] = []
    found: list[dict[str, Any]] = []
    for key, entity, values in _under(unit, person):
        match entity:
            case "learner":
                learners.append(key)
                found += _studies(unit, key.decode())
            case "staff_contract":
                found.append(facts.contract(key.decode(), values))
            case "degree":
                found.append(facts.degree(key.decode(), values))
            case "teaching_assignment":
                found += _if_any(facts.assignment(key.decode(), values))
    return Hanging(learners, sorted(found, key=lambda fact: str(fact["record_key"])))


def _studies(unit: Unit, learner: str) -> Iterator[dict[str, Any]]:
    for key, entity, values in _under(unit, learner):
        if entity != "study_record":
            continue
        programme = values["programme"]
        yield facts.study(key.decode(), values, unit.values(programme.encode()) if programme is not None else None)
        for child, kind, its in _under(unit, key.decode()):
            if kind == "study_decision":
                yield from _if_any(facts.decision(child.decode(), its))


def _under(unit: Unit, parent: str) -> Iterator[tuple[bytes, str, Values]]:
    for key in unit.children(parent, most=CROWD):
        values = unit.values(key)
        if values is not None:
            yield key, entity_of(key), values


def _if_any(fact: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [] if fact is None else [fact]


def _encoded(unit: Unit, hanging: Hanging) -> bytes:
    """Telephone and e-mail of the newest learner's file that has one, and the facts."""
    if not hanging.learners and not hanging.facts:
        return NOTHING_HANGS
    facts_bytes = b"\x00"
    if hanging.facts:  # with the block's size before it, so that PEOPLE can pass over it
        block = b"".join(map(_FACT.encode, hanging.facts))
        facts_bytes = long_bytes(-len(hanging.facts)) + size_bytes(len(block)) + block + b"\x00"
    return _newest(unit, hanging.learners, "phone") + _newest(unit, hanging.learners, "email") + facts_bytes


def _newest(unit: Unit, learners: list[bytes], name: str) -> bytes:
    known = []
    for key in learners:
        row, values = unit.row(key), unit.values(key)
        if row is not None and values is not None and values[name] is not None:
            known.append((row.changed_at, key, values[name]))
    return b"\x02" + text_bytes(max(known)[2]) if known else b"\x00"
