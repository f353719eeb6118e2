"""Rules that need related records of one institution, as pure functions over plain mappings of fields.

Whoever evaluates them holds the records: RECORDS from its state. Each returns what it finds, or None; a record that is not known
(None, or missing from a list that is complete) is what the rule is about, a field that is not known contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

from schemas.names import canonical_key
from schemas.rules import directory
from schemas.rules.dates import add_months, age, before, earliest, full
from schemas.rules.degrees import CORRECTED
from schemas.rules.found import Found, found
from schemas.rules.studies import GRADUATED, STUDYING, SUSPENDED, TRANSFERRED, WITHDRAWN

Fields = Mapping[str, Any]

FINAL = frozenset({WITHDRAWN, GRADUATED, TRANSFERRED})
STEPS: Mapping[str, frozenset[str]] = {
    STUDYING: frozenset({SUSPENDED, WITHDRAWN, GRADUATED, TRANSFERRED}),
    SUSPENDED: frozenset({STUDYING, WITHDRAWN, GRADUATED, TRANSFERRED}),
    WITHDRAWN: frozenset({STUDYING}),
    GRADUATED: frozenset({STUDYING}),
    TRANSFERRED: frozenset({STUDYING}),
}
"""Statuses that may follow a status; from a final one only by decision."""
KINDS: Mapping[str, frozenset[str]] = {
    SUSPENDED: frozenset({"SUSPENSION"}),
    WITHDRAWN: frozenset({"WITHDRAWAL"}),
    GRADUATED: frozenset({"GRADUATION"}),
    TRANSFERRED: frozenset({"TRANSFER_OUT"}),
}
"""Kinds of decision that lead to a status."""
_ENDS = {kind: status for status, kinds in KINDS.items() if status in FINAL for kind in kinds}
"""Kinds of decision that end a study, and how."""


@lru_cache(maxsize=1000)
def _tolerance(rule: str, name: str, on: str) -> float:
    return directory.tolerances(on)[rule][name]


def _licences_of(programme: Fields, licences: Iterable[Fields]) -> list[Fields]:
    major, level = programme["major_code"], programme["level"]
    return [one for one in licences if one["major_code"] == major and level in (None, one["level"])]


def licensed_before_enrolment(study: Fields, programme: Fields, licences: Iterable[Fields]) -> Found | None:
    """V10. No licence at all is V11's, at the programme."""
    entered = study["enrolment_date"]
    opened = [one["decision_date"] for one in _licences_of(programme, licences)]
    if entered is None or not opened or any(day is None or not before(entered, day) for day in opened):
        return None
    return found("V10", "late", "programme", "enrolment_date")


def programme_is_licensed(programme: Fields, licences: Iterable[Fields]) -> Found | None:
    """V11, at the programme."""
    if programme["major_code"] is None or _licences_of(programme, licences):
        return None
    return found("V11", "unlicensed", "major_code", "level")


def own_programme(study_key: str, study: Fields) -> Found | None:
    """V11, at the study record: its programme is the same institution's."""
    programme = study["programme"]
    if programme is None or programme.partition("/")[0] == study_key.partition("/")[0]:
        return None
    return found("V11", "other_institution", "programme", other=programme)


def transition(before: Fields, after: Fields, decisions: Iterable[Fields]) -> Found | None:
    """V13: one step of a study record's status. `decisions`: those of this study record."""
    was, now = before["status"], after["status"]
    if was is None or now is None or was == now or was not in STEPS or now not in STEPS:
        return None
    if now not in STEPS[was]:
        return found("V13", "not_allowed", "status", "status_date", before=was, after=now)
    if was in FINAL and not _decided(before.get("status_date"), after.get("status_date"), was, decisions):
        return found("V13", "final", "status", "status_date", before=was, after=now)
    return None


def _decided(since: str | None, until: str | None, was: str, decisions: Iterable[Fields]) -> bool:
    """Is there a decision of the way back: later than the final status, not later than the new one, and not what led there?"""
    for decision in decisions:
        day = decision["decision_date"]
        if decision["kind"] in KINDS[was] or not decision["decision_number"] or day is None:
            continue
        if (since is None or not before(day, since)) and (until is None or not before(until, day)):
            return True
    return False


def against_decisions(study: Fields, decisions: Iterable[Fields], on: str) -> Found | None:
    """V13, of steps that nobody saw: what the study record's decisions say in the order of their days. One that takes effect after
    `on` says nothing yet."""
    dated = sorted(
        (day, one["kind"])
        for one in decisions
        if (day := one.get("effective_date") or one["decision_date"]) is not None and not before(on, day)
    )
    status = study["status"]
    last = next((at for at in reversed(range(len(dated))) if dated[at][1] in _ENDS), None)
    if status in (STUDYING, SUSPENDED) and last is not None:
        day, kind = dated[last]
        if all(other == kind or before(later, day) for later, other in dated):
            return found("V13", "final", "status", "status_date", before=_ENDS[kind], after=status)
    left = [day for day, kind in dated if kind == "SUSPENSION" or kind in _ENDS]
    back = [day for day, kind in dated if kind == "RETURN"]
    if back and (not left or before(back[0], left[0])):
        return found("V13", "never_left", "status", "status_date")
    return None


def study_before_award(study: Fields, degree: Fields) -> Found | None:
    """V14: enrolment and graduation are not after the award of the degree that ends the study."""
    awarded = degree["award_date"]
    if awarded is None:
        return None
    if study["enrolment_date"] is not None and before(awarded, study["enrolment_date"]):
        return found("V14", "award_before_enrolment", "enrolment_date")
    if study["status"] == GRADUATED and study["status_date"] is not None and before(awarded, study["status_date"]):
        return found("V14", "status_after_award", "status_date")
    return None


def study_time(study: Fields, programme: Fields, on: str) -> Found | None:
    """V15: until today, or until graduation; who left or is suspended is not counted."""
    standard, entered = programme["duration_months"], study["enrolment_date"]
    if not standard or entered is None or study["status"] not in (STUDYING, GRADUATED):
        return None
    end = study.get("status_date") or on if study["status"] == GRADUATED else on
    first, last = earliest(entered), earliest(end)
    if first is None or last is None or add_months(first, int(standard * _tolerance("V15", "times", on))) >= last:
        return None
    months = (last.year - first.year) * 12 + last.month - first.month
    return found("V15", "too_long", "enrolment_date", "programme", months=months, standard=standard)


def decision_of_status(study: Fields, decisions: Iterable[Fields]) -> Found | None:
    """V17, at the study record: a decision of the status' kind exists."""
    kinds = KINDS.get(study["status"] or "")
    if kinds is None or any(one["kind"] in kinds and one["decision_number"] for one in decisions):
        return None
    return found("V17", "no_decision", "status", status=study["status"])


NUMBERED = ("serial", "kind", "register_year", "register_number")
"""The fields of a degree that `number_keys` looks at."""


def number_keys(degree: Fields) -> dict[str, str]:
    """V18: what must be unique in an institution, by case, in a form that forgives case, blanks and signs. For an index."""
    keys = {}
    if degree["serial"]:
        keys["serial"] = _bare(degree["serial"])
    if degree["register_number"] and degree["register_year"] is not None:
        keys["register"] = f"{degree['kind'] or ''}/{degree['register_year']}/{_bare(degree['register_number'])}"
    return keys


def _bare(number: str) -> str:
    return "".join(char for char in number.upper() if char.isalnum())


_OF_NUMBER = {"serial": ("serial",), "register": ("kind", "register_number", "register_year")}


def taken(case: str, other: str) -> Found:
    """V18: another degree has the number of this case."""
    return found("V18", case, *_OF_NUMBER[case], other=other)


def unique_numbers(degree: Fields, others: Mapping[str, Fields]) -> list[Found]:
    """V18: the institution's other degrees, by record key, that have the serial or the register number."""
    own = number_keys(degree)
    return [
        taken(case, key)
        for key, other in sorted(others.items())
        for case, number in number_keys(other).items()
        if own.get(case) == number
    ]


def correction_present(degree: Fields, corrections: Collection[Fields]) -> Found | None:
    """V20: a corrected degree has a correction."""
    if degree["status"] != CORRECTED or corrections:
        return None
    return found("V20", "no_correction", "status")


def degree_matches_person(degree: Fields, person: Fields, corrections: Iterable[Fields]) -> Found | None:
    """V21: what is printed is the person's, or was corrected into it."""
    names = [degree["full_name"], *(one.get("full_name") for one in corrections)]
    if (
        person["full_name"] is not None
        and degree["full_name"] is not None
        and canonical_key(person["full_name"]) not in {canonical_key(name) for name in names if name is not None}
    ):
        return found("V21", "name", "full_name")
    days = [degree["birth_date"], *(one.get("birth_date") for one in corrections)]
    born = person["birth_date"]
    if born is not None and degree["birth_date"] is not None and not any(_may_be(born, day) for day in days):
        return found("V21", "birth_date", "birth_date")
    return None


def _may_be(one: str, other: str | None) -> bool:
    return other is not None and (one.startswith(other) or other.startswith(one))


def working_age(contract: Fields, person: Fields, on: str) -> Found | None:
    """V23: permanent and active past the retirement age of the person's sex."""
    born, sex = full(person["birth_date"]), person["sex"]
    if not contract["permanent"] or contract["status"] != "ACTIVE" or born is None or sex not in ("M", "F"):
        return None
    who = "men" if sex == "M" else "women"
    first = _tolerance("V23", f"{who}_months", on)
    steps = max(0, int(on[:4]) - int(_tolerance("V23", "first_year", on)))
    months = min(first + steps * _tolerance("V23", f"{who}_step", on), _tolerance("V23", f"{who}_last", on))
    if add_months(born, int(months)).isoformat() > on:
        return None
    return found("V23", "retired", "permanent", "status", age=age(person["birth_date"], on))


def missing_parent(field: str, parent: str, live: bool, hours: float) -> Found | None:
    """V26: the record that a field refers to is not there, and has been missing for so long."""
    if live:
        return None
    overdue = hours > _tolerance("V26", "grace_hours", "9999-12-31")
    return found("V26", "overdue" if overdue else "waiting", field, other=parent)


def degree_has_study(degree: Fields, study: Fields | None, decisions: Iterable[Fields]) -> Found | None:
    """R08: the study record that a degree ends, and the decision. `decisions`: those of the study record."""
    awarded = degree["award_date"]
    if study is None:
        day = earliest(awarded) if awarded is not None else None
        historic = day is not None and day.year < _tolerance("R08", "horizon_year", day.isoformat())
        return found("R08", "historic" if historic else "no_study", "study_record")
    if degree["decision_number"] or any(one["kind"] in KINDS[GRADUATED] for one in decisions):
        return None
    return found("R08", "no_decision", "decision_number")


def same_study_twice(study: Fields, other: Fields) -> bool:
    """R14: two studies of one programme whose time overlaps. An unknown beginning overlaps with nothing."""
    if study["programme"] is None or study["programme"] != other["programme"]:
        return False
    return _begins_within(study, other) or _begins_within(other, study)


def _begins_within(study: Fields, other: Fields) -> bool:
    entered, since = study["enrolment_date"], other["enrolment_date"]
    if entered is None or since is None or before(entered, since):
        return False
    return other["status"] not in FINAL or other["status_date"] is None or before(entered, other["status_date"])
