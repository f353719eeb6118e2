"""Rules of one contract or teaching assignment: V22, V24."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from schemas.rules.catalogue import Tolerances
from schemas.rules.dates import add_months, before, full
from schemas.rules.found import Found, found
from schemas.rules.program import Check


def staff_contract(tolerances: Tolerances, on: str) -> Check:
    months = int(tolerances["V22"]["months"])

    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        start, end, permanent = values["valid_from"], values["valid_to"], values["permanent"]
        if start is not None and end is not None and (before(end, start) or (start == end and len(end) == 10)):
            all_found.append(found("V22", "end_before_start", "valid_from", "valid_to"))
        elif end is None:
            if permanent is False and values["full_time"] and "valid_to" not in untyped:
                all_found.append(found("V22", "no_end", "permanent", "valid_to"))
        elif permanent:
            all_found.append(found("V22", "permanent_with_end", "permanent", "valid_to"))
        elif values["full_time"] and permanent is False and _shorter(start, end, months):
            all_found.append(found("V22", "too_short", "full_time", "valid_from", "valid_to"))

    return check


def _shorter(start: str | None, end: str, months: int) -> bool:
    first, last = full(start), full(end)
    return first is not None and last is not None and add_months(first, months) > last + timedelta(days=1)


def teaching_assignment(tolerances: Tolerances, on: str) -> Check:
    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        start, end = values["valid_from"], values["valid_to"]
        if start is not None and end is not None and before(end, start):
            all_found.append(found("V22", "end_before_start", "valid_from", "valid_to"))
        if values["visiting"] and values["home_institution"] is None and "home_institution" not in untyped:
            all_found.append(found("V24", "no_home", "home_institution", "visiting"))

    return check
