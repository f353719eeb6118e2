"""Rules of one degree, or of one correction of a degree: V04 (name), V12, V14, V17, V19, V20."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.rules.catalogue import Tolerances
from schemas.rules.dates import before, days_between
from schemas.rules.found import Found, found
from schemas.rules.program import Check
from schemas.rules.texts import judge_name, sound_name

VALID, REVOKED, CANCELLED, CORRECTED = "1", "2", "3", "4"
NEED_DECISION = frozenset({REVOKED, CANCELLED, CORRECTED})


def degree(tolerances: Tolerances, on: str) -> Check:
    names, most = tolerances["V04"], tolerances["V19"]["days"]
    longest = int(names["long"])

    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        name = values["full_name"]
        if name is not None and not sound_name(name, longest):
            wrong = judge_name("full_name", name, None, names)
            if wrong is not None:
                all_found.append(wrong)
        decided, awarded = values["decision_date"], values["award_date"]
        # A degree without any decision is R08's, which knows the study record and how old the degree is.
        if decided is not None and not values["decision_number"]:
            all_found.append(found("V17", "no_number", "decision_number"))
        if decided is None and values["decision_number"] and "decision_date" not in untyped:
            all_found.append(found("V17", "no_date", "decision_date"))
        if awarded is not None and decided is not None:
            if before(awarded, decided):
                all_found.append(found("V14", "award_before_decision", "decision_date", "award_date"))
            elif (days := days_between(decided, awarded)) is not None and days > most:
                all_found.append(found("V19", "late", "decision_date", "award_date", days=days))
        if awarded is not None and awarded > on:
            all_found.append(found("V12", "future", "award_date"))
        if values["status"] in NEED_DECISION:
            all_found.extend(_status_decision(values, untyped))

    return check


def _status_decision(values: Mapping[str, Any], untyped: Mapping[str, str]) -> list[Found]:
    missing = [
        name for name in ("status_decision_number", "status_decision_date") if not values[name] and name not in untyped
    ]
    if missing:
        return [found("V20", "no_decision", "status", *missing, status=values["status"])]
    awarded, decided = values["award_date"], values["status_decision_date"]
    if awarded is not None and decided is not None and before(decided, awarded):
        return [found("V14", "status_before_award", "award_date", "status_decision_date")]
    return []


def degree_correction(tolerances: Tolerances, on: str) -> Check:
    names = tolerances["V04"]
    longest = int(names["long"])

    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        name = values["full_name"]
        if name is not None and not sound_name(name, longest):
            wrong = judge_name("full_name", name, None, names)
            if wrong is not None:
                all_found.append(wrong)
        for field, case in (("decision_number", "no_number"), ("decision_date", "no_date")):
            if not values[field] and field not in untyped:
                all_found.append(found("V17", case, field))

    return check
