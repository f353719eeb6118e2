"""What follows from a unit's changes, worked out once when all of them are applied: findings of the changed records and of those
that depend on them, links, claims.

Because it looks at the state and not at the events, any order of arrival inside the institution ends in the same findings.
What many records need at once, or what a first load would make again and again, is put off durably (`behind`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from schemas import rules
from schemas.errors import HemisError
from schemas.logs import log
from schemas.rules import Found, related, severity_of
from stream_processors.records import behind, duplicates, links, spread, waivers
from stream_processors.records import row as rows
from stream_processors.records.claims import claim
from stream_processors.records.facts import SHOWN, Values
from stream_processors.records.judge import judge
from stream_processors.records.row import Open, Row
from stream_processors.records.unit import Due, Unit, entity_of

_COMPARED = frozenset({*links.DECIDING, *SHOWN, *spread.WATCHED} - {"person"})
"""Entities of which a change is compared with what was; of a person everything is claimed anew."""


def settle(unit: Unit) -> None:
    """Work out what follows from everything that has changed since the last call."""
    changed, unit.changed = unit.changed, {}
    compared: set[bytes] = set()
    for key, before in changed.items():
        try:
            if _changed(unit, key, before):
                compared.add(key)
        except Exception as error:
            _skip(unit, key, error)
    touched, unit.touched = unit.touched, {}
    for key, due in touched.items():
        if unit.stepping:
            behind.put_off_judging(unit, key)
        elif key not in changed or key in compared or due.on:
            try:
                _touched(unit, key, due)
            except Exception as error:
                _skip(unit, key, error)
    claims, unit.claims = unit.claims, {}
    for key, due in claims.items():
        try:
            claim(unit, key, due, alone=key in unit.lone and not unit.linked(key))
        except Exception as error:
            _skip(unit, key, error)
    unit.lone.clear()
    if unit.careful:
        unit.institution.doubted.update(changed, touched)
    shared, unit.shared = unit.shared, {}
    for person, due in shared.items():
        if unit.stepping or (unit.behind and not unit.comparing):
            behind.put_off_comparison(unit, person)
            continue
        for key, found in duplicates.judged(unit, person):
            if (row := unit.row(key)) is not None:
                say(unit, key, row, found, due)


def _skip(unit: Unit, key: bytes, error: Exception) -> None:
    """A defect of ours may cost what follows from one record's change, not the institution's stream (P5)."""
    if isinstance(error, HemisError) and error.transient:
        raise error
    log(
        "error",
        "what follows from a change could not be worked out",
        action="report this defect",
        institution=unit.code,
        entity=entity_of(key),
        place=unit.account.place,
        error=error.code if isinstance(error, HemisError) else type(error).__name__,
    )


def _changed(unit: Unit, key: bytes, before: Row | None) -> bool:
    """What follows from one record's change; was only looked at what is not as it was?"""
    row = unit.row(key)
    assert row is not None
    entity, values = entity_of(key), unit.values(key)
    due = Due(row.place, row.changed_at)
    if values is None:
        if row.open:
            say(unit, key, row, [], due)
        spread.gone(unit, key, entity, before, due)
        return False
    old, lone = None, False
    waiting: Collection[str] = ()
    if before is None or not before.live:
        waiting = unit.institution.waiting.pop(key.decode(), ())
        lone = before is None and not waiting and not unit.linked(key)
    elif entity in _COMPARED:
        old = unit.former_values(key, before)
    found, related = _found(unit, key, entity, values, row, due.at, due, lone=lone, old=old)
    if related and unit.waits(row):
        related = _already_open(unit, key, row, related)
    found += related
    if found or row.open:
        say(unit, key, row, found, due)
    if before is None or not before.live:
        spread.come(unit, key, entity, values, waiting, due, lone=lone)
    else:
        spread.changed(unit, key, entity, before, values, old, due)
    return old is not None


def _touched(unit: Unit, key: bytes, due: Due) -> None:
    """Something that this record depends on has changed, or a day has come."""
    row, values = unit.row(key), unit.values(key)
    if row is None or values is None:
        return
    found, related = _found(unit, key, entity_of(key), values, row, row.changed_at, due)
    found += related
    if found or row.open:
        say(unit, key, row, found, due)


def _found(
    unit: Unit,
    key: bytes,
    entity: str,
    values: Values,
    row: Row,
    at: int,
    due: Due,
    *,
    lone: bool = False,
    old: Values | None = None,
) -> tuple[list[Found], list[Found]]:
    """What is wrong with a live record by itself and by its references; and by the rules over related records. `at`: when it changed,
    whose day is that of the rules. `old`: what it was before this change; what hangs from what is as it was is not looked up again,
    since whatever changes elsewhere says so."""
    day = rules.day_of(at)
    own = rules.check(entity, values, row.untyped, day)
    for name in links.REFERENCES[entity]:
        parent = values[name]
        if parent is None:
            continue
        if old is not None and old[name] == parent:
            if row.open:
                own += [f.found for f in row.open if f.key == ("V26", (name,), parent)]
        elif not unit.is_live(parent):
            own.append(_missing(row, name, parent, due))
    if entity == "learner" and row.open and unit.is_live(values["person"] or ""):
        own += [f.found for f in row.open if f.rule == duplicates.RULE]  # worked out with the person's claim
    return own, judge(unit, key, entity, values, row, due.on or day, lone=lone, old=old)


def _missing(row: Row, name: str, parent: str, due: Due) -> Found:
    """V26. How long the parent has been missing is asked on a day that has come, and never forgotten while it is missing."""
    known = next((f for f in row.open if f.key == ("V26", (name,), parent)), None)
    if known is not None and not due.on:
        return known.found
    hours = (due.at - known.since) / 3.6e9 if known is not None else 0.0
    return related.missing_parent(name, parent, False, hours) or Found("V26", (name,), parent)


def _already_open(unit: Unit, key: bytes, row: Row, related: list[Found]) -> list[Found]:
    """While more is to come, what opens is put off: in a first load most of it would close again."""
    stands = {f.key for f in row.open}
    kept = [f for f in related if f[:3] in stands]
    if len(kept) < len(related):
        behind.put_off_judging(unit, key)
    return kept


def say(unit: Unit, key: bytes, row: Row, found: list[Found], due: Due) -> None:
    """Say what opened and what closed of a record; what stands is not said again, unless it weighs more or less now."""
    was, now = {f.key: f for f in row.open}, dict[tuple[Any, ...], Open]()
    for f in found:
        if f[:3] in now:
            continue
        known, waiver = was.get(f[:3]), waivers.standing(unit, key, *f[:3], due)
        status = "WAIVED" if waiver else "OPEN"
        if known is None or status != known.said or severity_of(f) != severity_of(known.found):
            now[f[:3]] = made = Open(*f, since=known.since if known else due.at, said=status)
            unit.finding(key, made, status, due, waiver)
        else:
            now[f[:3]] = known
    for gone in row.open:
        if gone.key not in now:
            unit.finding(key, gone, "RESOLVED", due)
    after = tuple(now.values())
    if after == row.open:
        return
    unit.account.findings_open += _counted(after) - _counted(row.open)
    missing = rows.waiting_for(after)
    if missing or rows.waiting_for(row.open):
        unit.wait_for(key, missing)
    unit.put(key, row._replace(open=after))


def _counted(found: tuple[Open, ...]) -> int:
    return sum(f.said == "OPEN" for f in found)
