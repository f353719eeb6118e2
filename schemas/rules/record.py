"""Rules that need one record only. They run after the version rule and change nothing: what is wrong is applied, plus a finding.

They are compiled once per day that is judged for: cheap guards first, so that a record with nothing wrong costs little.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas.avro_schema import ENTITIES, fields
from schemas.names import is_clean
from schemas.rules.coded import coded
from schemas.rules.dates import is_date
from schemas.rules.degrees import degree, degree_correction
from schemas.rules.directory import in_force, tolerances
from schemas.rules.found import Found, found
from schemas.rules.offers import major
from schemas.rules.persons import person
from schemas.rules.program import Check
from schemas.rules.staff import staff_contract, teaching_assignment
from schemas.rules.studies import study_decision, study_record
from schemas.rules.texts import PLACEHOLDERS, broken, fillers

_MAKERS = {
    "person": person,
    "study_record": study_record,
    "study_decision": study_decision,
    "degree": degree,
    "degree_correction": degree_correction,
    "staff_contract": staff_contract,
    "teaching_assignment": teaching_assignment,
}
_NAMES: dict[str, tuple[str, ...]] = {
    e: ("full_name",) if e in ("person", "degree", "degree_correction") else () for e in ENTITIES
}
_WITH_MAJOR = frozenset(e for e in ENTITIES if {"major_code", "level"} <= {field.name for field in fields(e)})
_DATES: dict[str, tuple[str, ...]] = {e: tuple(f.name for f in fields(e) if f.kind == "date") for e in ENTITIES}
_DAYS = 64
"""Days whose compiled rules are kept. Changes come nearly in order, so few are needed at a time."""
_KNOWN_DATES = 100_000


class _Day:
    """The rules as they hold on one day."""

    def __init__(self, on: str) -> None:
        self.in_force = frozenset(in_force(on))
        allowed = tolerances(on)
        self.checks: dict[str, tuple[Check, ...]] = {}
        for entity in ENTITIES:
            made = [_MAKERS[entity](allowed, on)] if entity in _MAKERS else []
            codes = coded(entity, on)
            self.checks[entity] = (*made, *([codes] if codes else ()), *([major] if entity in _WITH_MAJOR else ()))


_days: dict[str, _Day] = {}
_sound_dates: set[str] = set()
"""Dates that were looked at once: a century has 36,525 days."""


def _day(on: str) -> _Day:
    if len(_days) >= _DAYS:
        _days.clear()
    made = _days[on] = _Day(on)
    return made


def check(entity: str, values: Mapping[str, Any], untyped: Mapping[str, str], on: str) -> list[Found]:
    """What is wrong with one live record, as the rules stood on a day (ISO 8601, that of the change). `values` are the entity's
    fields, `untyped` the texts that found no place in them."""
    day = _days.get(on) or _day(on)
    all_found: list[Found] = []
    if entity not in day.checks:
        return all_found
    if untyped:
        _untyped(entity, untyped, all_found)
    for name in _DATES[entity]:
        given = values[name]
        if given is not None and given not in _sound_dates and not _is_sound(given):
            untyped = {**untyped, name: given}  # no rule reads it, and none says that it is missing
            values = {**values, name: None}
            all_found += [] if name == "birth_date" and entity == "person" else [found("V12", "unreadable", name)]
    texts = "\n".join([v for v in values.values() if type(v) is str])
    if not is_clean(texts):
        all_found.extend(broken(values, _NAMES[entity]))
    if not PLACEHOLDERS.isdisjoint(values.values()) or "\n-" in texts:
        all_found.extend(fillers(values, _kinds(entity)))
    for judge in day.checks[entity]:
        judge(values, untyped, all_found)
    return [one for one in all_found if one.rule in day.in_force] if all_found else all_found


def _is_sound(text: str) -> bool:
    if not is_date(text):
        return False
    if len(_sound_dates) >= _KNOWN_DATES:
        _sound_dates.clear()
    _sound_dates.add(text)
    return True


@cache
def _kinds(entity: str) -> dict[str, str]:
    return {field.name: field.kind for field in fields(entity)}


def _untyped(entity: str, untyped: Mapping[str, str], all_found: list[Found]) -> None:
    kinds = _kinds(entity)
    for name in sorted(untyped):
        if name not in kinds or (entity == "person" and name == "birth_date"):  # V05 says so
            continue
        if kinds[name] in ("code", "bool"):
            all_found.append(found("V29", "unmapped", name))
        else:
            all_found.append(found("V12", "unreadable", name))
