"""Rules of one study record or study decision: V12, V14, V16, V17."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from schemas.rules.catalogue import Tolerances
from schemas.rules.dates import before
from schemas.rules.found import Found, found
from schemas.rules.program import Check

STUDYING, SUSPENDED, WITHDRAWN = "STUDYING", "SUSPENDED", "WITHDRAWN"
GRADUATED, TRANSFERRED = "GRADUATED", "TRANSFERRED"
LATER = frozenset({SUSPENDED, WITHDRAWN, GRADUATED, TRANSFERRED})
"""Statuses that a study record changes to; it begins as studying."""
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")


def study_record(tolerances: Tolerances, on: str) -> Check:
    years = tolerances["V16"]
    longest, ahead, apart = int(years["longest"]), int(years["ahead"]), int(years["cohort_years"])
    this_year = int(on[:4])

    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        status, since, entered = values["status"], values["status_date"], values["enrolment_date"]
        if since is None:
            if status in LATER and "status_date" not in untyped:
                all_found.append(found("V12", "no_date", "status", "status_date", status=status))
        else:
            if since > on:
                all_found.append(found("V12", "future", "status_date"))
            if entered is not None and since < entered and before(since, entered):
                all_found.append(found("V14", "status_before_enrolment", "enrolment_date", "status_date"))
        year, cohort = values["year_of_study"], values["cohort"]
        if year is not None:
            if not 1 <= year <= longest:
                all_found.append(found("V16", "range", "year_of_study", year=year))
            elif entered is not None and year > this_year - int(entered[:4]) + 1 + ahead:
                all_found.append(found("V16", "ahead", "year_of_study", "enrolment_date", year=year))
        if cohort is not None and entered is not None and len(cohort) >= 4:
            named = _YEAR.search(cohort)
            if named is not None and abs(int(named[0]) - int(entered[:4])) > apart:
                all_found.append(found("V16", "cohort", "cohort", "enrolment_date"))

    return check


def study_decision(tolerances: Tolerances, on: str) -> Check:
    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        if not values["decision_number"]:
            all_found.append(found("V17", "no_number", "decision_number"))
        if values["decision_date"] is None:
            if "decision_date" not in untyped:
                all_found.append(found("V17", "no_date", "decision_date"))
        elif values["decision_date"] > on:
            all_found.append(found("V12", "future", "decision_date"))

    return check
