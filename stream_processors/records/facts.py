"""What hangs from a person record, as PEOPLE needs it: studies, contracts, degrees, transfers, visiting. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]

SHOWN: Mapping[str, tuple[str, ...]] = {
    "learner": ("person", "phone", "email"),
    "study_record": (
        "learner",
        "programme",
        "enrolment_date",
        "form_of_study",
        "status",
        "status_date",
        "main_programme",
    ),
    "study_decision": ("study_record", "kind", "decision_date", "effective_date", "other_institution"),
    "degree": ("person", "level", "major_code", "award_date", "status", "serial"),
    "staff_contract": ("person", "valid_from", "valid_to", "full_time", "permanent", "highest_degree", "status"),
    "teaching_assignment": ("person", "level", "major_code", "valid_from", "valid_to", "visiting", "home_institution"),
    "programme": ("level", "major_code"),
}
"""The fields of each entity that a claim shows. A change of others claims nobody anew."""

ENDED = frozenset({"WITHDRAWN", "TRANSFERRED", "GRADUATED"})
"""Study statuses whose date is the study's last day."""
TRANSFERS = frozenset({"TRANSFER_OUT", "TRANSFER_IN"})


def study(key: str, values: Values, programme: Values | None) -> dict[str, Any]:
    ended = values["status"] in ENDED
    return _fact(
        "STUDY",
        key,
        values["enrolment_date"],
        values["status_date"] if ended else None,
        values["status"],
        form_of_study=values["form_of_study"],
        main_programme=values["main_programme"],
        level=programme and programme["level"],
        major_code=programme and programme["major_code"],
        graduated=True if values["status"] == "GRADUATED" else None,
    )


def decision(key: str, values: Values) -> dict[str, Any] | None:
    """A transfer's fact; other decisions show in the study."""
    if values["kind"] not in TRANSFERS:
        return None
    since = values["effective_date"] or values["decision_date"]
    return _fact(values["kind"], key, since, None, None, other_institution=values["other_institution"])


def degree(key: str, values: Values) -> dict[str, Any]:
    shown = {name: values[name] for name in ("level", "major_code", "serial")}
    return _fact("DEGREE", key, values["award_date"], None, values["status"], **shown)


def contract(key: str, values: Values) -> dict[str, Any]:
    return _fact(
        "CONTRACT",
        key,
        values["valid_from"],
        values["valid_to"],
        values["status"],
        full_time=values["full_time"],
        permanent=values["permanent"],
        level=values["highest_degree"],
    )


def assignment(key: str, values: Values) -> dict[str, Any] | None:
    """A visiting lecturer's fact."""
    if not values["visiting"]:
        return None
    return _fact(
        "VISITING",
        key,
        values["valid_from"],
        values["valid_to"],
        None,
        level=values["level"],
        major_code=values["major_code"],
        other_institution=values["home_institution"],
    )


def _fact(
    kind: str, key: str, valid_from: str | None, valid_to: str | None, status: str | None, **attributes: Any
) -> dict[str, Any]:
    return {
        "kind": kind,
        "record_key": key,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "status": status,
        "attributes": {name: _text(value) for name, value in sorted(attributes.items()) if value is not None},
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
