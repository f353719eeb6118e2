"""The rules over related records of one institution, gathered from its state for one record. What the rules say is in
`schemas.rules.related`; here is only where their records come from."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from schemas import rules
from schemas.rules import Found, related
from stream_processors.records import links
from stream_processors.records.facts import Values
from stream_processors.records.row import Row
from stream_processors.records.unit import Unit, entity_of

JUDGED = frozenset({"study_record", "degree", "programme", "staff_contract"})
MOST = 100
"""Decisions, degrees, corrections or licences that a rule looks at, at most (P5)."""
_looked_at = itemgetter("programme", "enrolment_date", "status", "status_date")
"""What the rules look at in a study record itself."""
NAMED = 8
"""Records with the same number that are looked at until one is found: a finding names one other record."""


def judge(
    unit: Unit, key: bytes, entity: str, values: Values, row: Row, on: str, *, lone: bool, old: Values | None
) -> list[Found]:
    """What related records say is wrong with this one. `lone`: nothing hangs from it. `on`: the day of its change, or one that has
    come; a rule that a later day has broken stays broken. `old`: what the record was when it was judged last."""
    if entity not in JUDGED:
        return []
    match entity:
        case "study_record":
            found = _study(unit, key, values, row, lone, on, old)
        case "degree":
            found = _degree(unit, key, values, lone)
        case "programme":
            found = [related.programme_is_licensed(values, _licences(unit, values))]
        case "staff_contract" if values["permanent"]:
            person = _values(unit, values["person"])
            found = [related.working_age(values, person, _until("V23", row, on)) if person else None]
        case _:
            return []
    return [one for one in found if one is not None]


def _study(
    unit: Unit, key: bytes, values: Values, row: Row, lone: bool, on: str, old: Values | None
) -> list[Found | None]:
    found: list[Found | None] = []
    programme = _values(unit, values["programme"])
    if old is not None and not row.open and _looked_at(old) == _looked_at(values):
        return [related.study_time(values, programme, on)] if programme is not None else found  # the only rule by day
    if values["programme"] is not None:
        found.append(related.own_programme(key.decode(), values))
    if programme is not None:
        found.append(related.licensed_before_enrolment(values, programme, _licences(unit, programme)))
        found.append(related.study_time(values, programme, _until("V15", row, on)))
    under = [] if lone else _under(unit, key.decode())
    decisions = [its for entity, its in under if entity == "study_decision"]
    found.append(related.decision_of_status(values, decisions))
    if row.former:
        before = {"status": row.former[0], "status_date": row.former[1]}
        found.append(related.transition(before, values, decisions))
    if decisions:
        found.append(related.against_decisions(values, decisions, _until("V13", row, on)))
    found += [related.study_before_award(values, its) for entity, its in under if entity == "degree"]
    return found


def _until(rule: str, row: Row, on: str) -> str:
    """The day that a rule is judged for which a day can break without any change: once a touch has found it, it stands until the
    record says otherwise."""
    return max([on, *(rules.day_of(f.since) for f in row.open if f.rule == rule)])


def _degree(unit: Unit, key: bytes, values: Values, lone: bool) -> list[Found | None]:
    corrections = [] if lone else [its for _, its in _under(unit, key.decode())]
    study, person = values["study_record"], _values(unit, values["person"])
    decisions = [] if study is None else [its for entity, its in _under(unit, study) if entity == "study_decision"]
    found = [
        related.correction_present(values, corrections),
        related.degree_has_study(values, _values(unit, study), decisions),
    ]
    if person is not None:
        found.append(related.degree_matches_person(values, person, corrections))
    for case, number in related.number_keys(values).items():
        others = unit.children(links.group(case, number), most=NAMED)
        found += [related.taken(case, other.decode()) for other in [one for one in others if one != key][:1]]
    return found


def _licences(unit: Unit, programme: Values) -> list[Values]:
    major = programme["major_code"]
    if major is None:
        return []
    return [its for entity, its in _under(unit, links.group("major", major)) if entity == "major_licence"]


def _under(unit: Unit, parent: str) -> Iterable[tuple[str, Any]]:
    return [(entity_of(key), unit.values(key)) for key in unit.children(parent, most=MOST)]


def _values(unit: Unit, key: str | None) -> Values | None:
    return unit.values(key.encode()) if key is not None else None
