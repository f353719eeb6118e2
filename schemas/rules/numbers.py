"""Numbers of identity documents: 12 digits of the citizen number = place (3), century and sex (1), year (2), random (6)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from schemas.codes import table
from schemas.rules.found import Found, found, masked

_PASSPORT = re.compile(r"[A-Za-z]{1,3}[0-9]{5,9}")
_COUNTRIES = range(101, 300)
_CENTURIES = {"19": "01", "20": "23", "21": "45"}


@cache
def places() -> frozenset[str]:
    """What a number may begin with: the old provinces, and countries."""
    provinces = (row.attributes.get("citizen_prefix") for row in table("province"))
    return frozenset(prefix for prefix in provinces if prefix) | {str(country) for country in _COUNTRIES}


def is_plausible_citizen_number(number: str | None) -> bool:
    """Could this be somebody's number? An implausible one never becomes a person key: it would gather strangers."""
    return (
        number is not None
        and len(number) == 12
        and number[:3] in places()
        and number.isdigit()
        and number.isascii()
        and len(set(number[3:])) > 2
    )


def implausible(number: str) -> Found:
    """Why a number in the citizen number's field is none: V03 where it is another document's, else V01."""
    if len(number) == 9 and number.isascii() and number.isdigit():
        return found("V03", "nine_digits", "citizen_number", length=9)
    if _PASSPORT.fullmatch(number):
        return found("V03", "passport", "citizen_number", length=len(number))
    shown: dict[str, Any] = {"length": len(number), "value": masked(number)}
    wrong = next((at for at, char in enumerate(number, 1) if char not in "0123456789"), 0)
    if wrong:
        return found("V01", "characters", "citizen_number", **shown, position=wrong)
    if len(number) != 12:
        return found("V01", "length", "citizen_number", **shown)
    if number[:3] not in places():
        return found("V01", "place", "citizen_number", **shown, position="1-3")
    return found("V01", "repeated", "citizen_number", **shown, position="4-12")


def contradicted(number: str, sex: str | None, born: str | None) -> list[Found]:
    """V02: digits of a plausible number that differ from sex or birth date."""
    against: list[Found] = []
    digit = number[3]
    if sex in ("M", "F") and (digit in "02468") != (sex == "M"):
        against.append(found("V02", "sex", "citizen_number", "sex", position=4))
    if born is not None and len(born) >= 4:
        if digit not in _CENTURIES.get(born[:2], digit):
            against.append(found("V02", "century", "citizen_number", "birth_date", position=4))
        elif number[4:6] != born[2:4]:
            against.append(found("V02", "year", "citizen_number", "birth_date", position="5-6"))
    return against
