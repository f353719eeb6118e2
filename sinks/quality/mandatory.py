"""Cells that a record must have. QD 4998 marks no field as mandatory, so this list is the project's own proposal."""

from __future__ import annotations

from schemas.avro_schema import Kind, fields

_VIETNAMESE = "coalesce(r.nationality, 'VN') = 'VN'"
_FOREIGN = "r.nationality <> 'VN'"

MANDATORY: dict[str, dict[str, str]] = {
    "institution": {"code": "", "name": "", "institution_type": "", "status": "", "province_code": ""},
    "org_unit": {"code": "", "name": "", "kind": "", "status": ""},
    "major_licence": {"major_code": "", "level": "", "decision_number": "", "decision_date": "", "status": ""},
    "programme": {
        "code": "",
        "name": "",
        "major_code": "",
        "level": "",
        "form_of_study": "",
        "duration_months": "",
        "status": "",
    },
    "person": {
        "full_name": "",
        "birth_date": "",
        "sex": "",
        "nationality": "",
        "citizen_number": _VIETNAMESE,
        "document_type": _FOREIGN,
        "document_number": _FOREIGN,
        "birth_province": _VIETNAMESE,
        "permanent_address": "",
        "ward_code": _VIETNAMESE,
    },
    "learner": {"code": "", "person": "", "phone": "", "email": ""},
    "study_record": {
        "local_id": "",
        "learner": "",
        "programme": "",
        "enrolment_date": "",
        "enrolment_decision": "",
        "form_of_study": "",
        "cohort": "",
        "year_of_study": "r.status = 'STUDYING'",
        "status": "",
        "status_date": "",
        "main_programme": "",
    },
    "study_decision": {
        "study_record": "",
        "kind": "",
        "decision_number": "",
        "decision_date": "",
        "effective_date": "",
        "other_institution": "r.kind IN ('TRANSFER_OUT', 'TRANSFER_IN')",
    },
    "degree": {
        "serial": "",
        "register_number": "",
        "register_year": "",
        "kind": "",
        "person": "",
        "study_record": "",
        "full_name": "",
        "birth_date": "",
        "level": "",
        "major_code": "",
        "award_date": "",
        "decision_number": "",
        "decision_date": "",
        "signer": "",
        "status": "",
        "status_decision_number": "r.status IN ('2', '3', '4')",
        "status_decision_date": "r.status IN ('2', '3', '4')",
    },
    "degree_correction": {"degree": "", "decision_number": "", "decision_date": "", "reason": ""},
    "staff_contract": {
        "staff_code": "",
        "person": "",
        "contract_form": "",
        "valid_from": "",
        "valid_to": "r.permanent IS NOT TRUE",
        "full_time": "",
        "permanent": "",
        "title": "",
        "highest_degree": "",
        "status": "",
    },
    "teaching_assignment": {
        "staff_code": "",
        "person": "",
        "level": "",
        "major_code": "",
        "valid_from": "",
        "main": "",
        "home_institution": "r.visiting",
    },
}
"""Per entity its fields, each with the condition, on the row `r`, under which it is mandatory; empty: always."""

PLACEHOLDERS = (
    "", "-", "--", ".", "?", "0", "n/a", "na", "null", "none", "không", "không có", "chưa có", "chưa rõ", "unknown",
    "0123456789", "0000000000", "000000000", "000000000000", "123456789012", "1900-01-01", "1900",
)  # fmt: skip
"""What stands where nothing is known, in lower case."""


def cells(entity: str) -> str:
    """How many mandatory cells the row `r` has."""
    return " + ".join(f"(coalesce({condition or 'true'}, false))::int" for condition in MANDATORY[entity].values())


def filled(entity: str) -> str:
    """How many of them have a value that is no placeholder. A value that can't be read is one: what is wrong with it is
    another measure's."""
    kinds: dict[str, Kind] = {field.name: field.kind for field in fields(entity)}
    return " + ".join(
        f"(coalesce({condition or 'true'}, false) AND {_filled(name, kinds[name])})::int"
        for name, condition in MANDATORY[entity].items()
    )


def _filled(name: str, kind: Kind) -> str:
    there = f'r."{name}" IS NOT NULL'
    if kind in ("text", "code", "date"):
        there += f""" AND lower(btrim(r."{name}")) <> ALL (:placeholders)"""
    return f"({there} OR coalesce(jsonb_exists(r.untyped, '{name}'), false))"
