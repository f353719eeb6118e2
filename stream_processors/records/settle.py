"""What follows from a unit's changes, worked out once when all of them are applied: findings of the changed records and of those
that hang from them, links, claims.

Because it looks at the state and not at the events, any order of arrival inside the institution ends in the same findings.
What many records need at once, or what a first load would make again and again, is put off durably (`behind`).
"""

from __future__ import annotations

from typing import Any

from schemas import rules
from schemas.errors import HemisError
from schemas.logs import log
from schemas.rules import Found
from stream_processors.records import behind, facts, links
from stream_processors.records import row as rows
from stream_processors.records.claims import claim, person_of
from stream_processors.records.row import Open, Row
from stream_processors.records.unit import Due, Unit, entity_of

RELATED = frozenset({"V26"})
"""Rules that look at other records of the institution; the others depend on the record alone."""
FAN = 100
"""Records that hang from a changed one and are looked at in the same unit of work; if there are more, all are put off."""


def settle(unit: Unit) -> None:
    """Work out what follows from everything that has changed since the last call."""
    changed, unit.changed = unit.changed, {}
    for key, before in changed.items():
        try:
            _changed(unit, key, before)
        except Exception as error:
            _skip(unit, key, error)
    touched, unit.touched = unit.touched, {}
    for key, due in touched.items():
        if key not in changed:
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


def _changed(unit: Unit, key: bytes, before: Row | None) -> None:
    row = unit.row(key)
    assert row is not None
    entity, was_live = entity_of(key), before is not None and before.live
    values = unit.values(key)
    found: list[Found] = []
    if values is not None:
        found = rules.check(entity, values, row.envelope.untyped)
        for name in links.REFERENCES[entity]:
            if (parent := values[name]) is not None:
                unit.link(parent, key)
                if not unit.is_live(parent):
                    found.append(Found("V26", (name,), parent))
    if found or row.open:
        say(unit, key, row, found, _due(row))
    if was_live or values is None:
        _spread_from_before(unit, key, entity, row, before, values)
    else:
        assert values is not None
        _spread_from_new(unit, key, entity, row, before, values)


def _spread_from_new(unit: Unit, key: bytes, entity: str, row: Row, before: Row | None, values: dict[str, Any]) -> None:
    """A record has come (again)."""
    waiting = unit.institution.waiting.pop(key.decode(), ())
    if len(waiting) > FAN or (waiting and entity == "programme"):
        behind.put_off_children(unit, key, claims=entity == "programme")
    else:
        for child in waiting:
            unit.touch(child.encode(), _due(row))
    if entity == "person":
        unit.reclaim(key, _due(row))
        if before is None and not waiting:
            unit.lone.add(key)
    elif entity in facts.SHOWN and entity != "programme":
        _reclaim(unit, entity, values, row)


def _spread_from_before(
    unit: Unit, key: bytes, entity: str, row: Row, before: Row | None, values: dict[str, Any] | None
) -> None:
    """A live record has another content, or is gone."""
    if entity == "person":
        if values is not None and _waits(unit, row):
            behind.put_off_claim(unit, key.decode())
        else:
            unit.reclaim(key, _due(row))
    if values is None:
        look_at_children(unit, key, _due(row))
    if entity not in facts.SHOWN or before is None or not before.live:
        return
    _, old = unit.contract.values(before.raw, before.envelope)
    if values is not None and all(old[name] == values[name] for name in facts.SHOWN[entity]):
        return
    if entity == "programme":
        behind.put_off_children(unit, key, claims=True)
        return
    for content in (old, values):
        if content is not None:
            _reclaim(unit, entity, content, row)


def look_at_children(unit: Unit, key: bytes, due: Due) -> None:
    """The rules must look at what hangs from this record: at once if it is little."""
    parent = key.decode()
    children = unit.children(parent, most=FAN + 1)
    if len(children) > FAN:
        behind.put_off_children(unit, key)
        return
    for child in children:
        unit.touch(child, due)


def _reclaim(unit: Unit, entity: str, values: dict[str, Any], row: Row) -> None:
    """What the claim of this record's person shows has changed."""
    if entity == "study_decision" and values["kind"] not in facts.TRANSFERS:
        return
    if _waits(unit, row):
        above = behind.above(entity, values)
        if above is not None and unit.is_live(above):
            behind.put_off_claim(unit, above)
        return
    person = person_of(unit, entity, values)
    if person is not None:
        unit.reclaim(person, _due(row))


def _touched(unit: Unit, key: bytes, due: Due) -> None:
    """Something that this record refers to has changed."""
    row, values = unit.row(key), unit.values(key)
    if row is None or values is None:
        return
    found = [f.found for f in row.open if f.rule not in RELATED]
    for name in links.REFERENCES[entity_of(key)]:
        if (parent := values[name]) is not None and not unit.is_live(parent):
            found.append(Found("V26", (name,), parent))
    if found or row.open:
        say(unit, key, row, found, due)


def say(unit: Unit, key: bytes, row: Row, found: list[Found], due: Due) -> None:
    """Say what opened and what closed of a record; what stands is not said again."""
    was, now = {f.key: f for f in row.open}, dict[tuple[Any, ...], Open]()
    for f in found:
        if f[:3] in now:
            continue
        known = was.get(f[:3])
        now[f[:3]] = known or Open(*f, since=due.at)
        if known is None:
            unit.finding(key, now[f[:3]], "OPEN", due)
    for gone in was.keys() - now.keys():
        unit.finding(key, was[gone], "RESOLVED", due)
    after = tuple(now.values())
    if after == row.open:
        return
    unit.account.findings_open += len(now) - len(was)
    missing = rows.waiting_for(after)
    if missing or rows.waiting_for(row.open):
        unit.wait_for(key, missing)
    unit.put(key, row._replace(open=after))


def _waits(unit: Unit, row: Row) -> bool:
    """More is to come soon, as in a first load or a backlog: one claim for all of it is better than one for each change."""
    return unit.deferring or row.envelope.snapshot


def _due(row: Row) -> Due:
    """The record's newest event as what made something due."""
    return Due(row.envelope.place, row.envelope.changed_at)
