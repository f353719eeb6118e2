"""What depends on what: which records the rules must look at again, and whose claim shows something else, after a change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from stream_processors.records import behind, facts, links
from stream_processors.records.claims import person_of
from stream_processors.records.decisions import person_key
from stream_processors.records.facts import Values
from stream_processors.records.row import Row
from stream_processors.records.unit import Due, Unit, entity_of

FAN = 100
"""Records that hang from a changed one and are looked at in the same unit of work; if there are more, all are put off."""

WATCHED: Mapping[str, tuple[str, ...]] = {
    "person": ("full_name", "birth_date", "sex"),
    "programme": ("major_code", "level", "duration_months"),
    "major_licence": ("major_code", "level", "decision_date"),
    "study_decision": ("study_record", "kind", "decision_number", "decision_date", "effective_date"),
    "degree": ("study_record", "award_date", "serial", "register_number", "register_year", "kind"),
    "degree_correction": ("degree", "full_name", "birth_date"),
}
"""The fields of each entity that rules over other records look at."""
_JUDGED_BY_PERSON = (b"/degree/", b"/staff_contract/")


def come(
    unit: Unit, key: bytes, entity: str, values: Values, waiting: Collection[str], due: Due, *, lone: bool
) -> None:
    """A record has come (again). `waiting`: what missed it."""
    if len(waiting) > FAN or (waiting and entity == "programme"):
        behind.put_off_children(unit, key.decode(), due, claims=entity == "programme")
    else:
        for child in waiting:
            unit.touch(child.encode(), due)
    if entity == "person":
        unit.reclaim(key, due)
        if lone:
            unit.lone.add(key)
        return
    if entity in WATCHED and entity != "programme":
        _dependents(unit, key, entity, values, due)
    if entity in facts.SHOWN and entity != "programme":
        _reclaim(unit, key, entity, values, due)


def changed(unit: Unit, key: bytes, entity: str, before: Row, values: Values, old: Values | None, due: Due) -> None:
    """A live record has another content; `old`, where it is known, is the one it had."""
    if entity == "person":
        # Who the record is must not wait: what is put off may be worked off twice, and only one of them would be retracted.
        if unit.waits(unit.row(key)) and person_key(unit, key, values) == before.person:
            behind.put_off_claim(unit, key.decode())
        else:
            unit.reclaim(key, due)
        if not any(part in child for child in unit.links_of(key.decode(), FAN) for part in _JUDGED_BY_PERSON):
            return
    shown, watched = facts.SHOWN.get(entity, ()), WATCHED.get(entity, ())
    if not shown and not watched:
        return
    if old is None:
        old = unit.former_values(key, before)
    show = any(old[name] != values[name] for name in shown)
    if entity == "programme":
        if show or any(old[name] != values[name] for name in watched):
            behind.put_off_children(unit, key.decode(), due, claims=show)
        return
    if any(old[name] != values[name] for name in watched):
        _dependents(unit, key, entity, old, due)
        _dependents(unit, key, entity, values, due)
    if show:
        _reclaim(unit, key, entity, old, due)
        _reclaim(unit, key, entity, values, due)


def gone(unit: Unit, key: bytes, entity: str, before: Row | None, due: Due) -> None:
    """A record was cancelled."""
    if before is None or not before.live:
        return
    look_at(unit, key.decode(), due)
    if entity == "person":
        unit.reclaim(key, due)
        return
    old = unit.former_values(key, before)
    if entity in WATCHED and entity != "programme":
        _dependents(unit, key, entity, old, due)
    if entity in facts.SHOWN and entity != "programme":
        _reclaim(unit, key, entity, old, due)


def look_at(unit: Unit, parent: str, due: Due) -> None:
    """The rules must look at what hangs from this record or group: at once if it is little."""
    children = unit.children(parent, most=FAN + 1)
    if len(children) > FAN:
        behind.put_off_children(unit, parent, due)
        return
    for child in children:
        unit.touch(child, due)


def _dependents(unit: Unit, key: bytes, entity: str, values: Values, due: Due) -> None:
    """What the rules must look at again, of a record that has, or had, these values."""
    match entity:
        case "person":
            look_at(unit, key.decode(), due)
        case "major_licence" if values["major_code"] is not None:
            for programme in unit.children(links.group("major", values["major_code"]), most=FAN):
                if entity_of(programme) == "programme":
                    unit.touch(programme, due)
                    behind.put_off_children(unit, programme.decode(), due)
        case "study_decision" if values["study_record"] is not None:
            unit.touch(values["study_record"].encode(), due)
            for child in unit.links_of(values["study_record"], FAN):
                if entity_of(child) == "degree":
                    unit.touch(child, due)
        case "degree":
            if values["study_record"] is not None:
                unit.touch(values["study_record"].encode(), due)
            for group in links.groups_of(entity, values):
                _peers(unit, key, group, due)
        case "degree_correction" if values["degree"] is not None:
            unit.touch(values["degree"].encode(), due)


def _peers(unit: Unit, key: bytes, group: str, due: Due) -> None:
    """Records with the same number. Each names the first other one, so behind the second a change concerns nobody else."""
    first = unit.children(group, most=FAN + 1)
    if len(first) <= 2 or key <= first[1]:
        look_at(unit, group, due)


def _reclaim(unit: Unit, key: bytes, entity: str, values: Mapping[str, Any], due: Due) -> None:
    """What the claim of this record's person shows has changed."""
    if entity == "study_decision" and values["kind"] not in facts.TRANSFERS:
        return
    if unit.waits(unit.row(key)):
        above = behind.above(entity, values)
        if above is not None and unit.is_live(above):
            behind.put_off_claim(unit, above)
        return
    person = person_of(unit, entity, values)
    if person is not None:
        unit.reclaim(person, due)
