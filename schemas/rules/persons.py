"""Rules of one person record: V01, V02, V03, V04 (name), V05, V08, V25 (birth date)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.rules.catalogue import Tolerances
from schemas.rules.dates import age
from schemas.rules.found import Found, found
from schemas.rules.numbers import contradicted, implausible, is_plausible_citizen_number
from schemas.rules.program import Check
from schemas.rules.texts import judge_name, sound_name

_CENTURIES = {("M", "19"): "0", ("F", "19"): "1", ("M", "20"): "2", ("F", "20"): "3"}
VIETNAM = "VN"
FORMER_CARD = "CMND"
OF_CITIZENS, OF_FOREIGNERS = frozenset({FORMER_CARD, "CCCD"}), frozenset({"RESIDENCE_CARD"})
PLACEHOLDER_DAYS = frozenset({"1900-01-01", "1901-01-01", "1970-01-01", "1899-12-30", "1899-12-31", "0001-01-01"})
"""Days that spreadsheets, programs and export tools write where no day is known."""


def person(tolerances: Tolerances, on: str) -> Check:
    ages, names = tolerances["V05"], tolerances["V04"]
    longest = int(names["long"])
    year = int(on[:4])
    # Strings compare as the dates do; whoever was born between has an age that needs no closer look.
    first, last = f"{year - int(ages['longest_life']):04}", f"{year - int(ages['youngest']):04}"

    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        number, born, sex = values["citizen_number"], values["birth_date"], values["sex"]
        if number is not None:
            if not is_plausible_citizen_number(number):
                all_found.append(implausible(number))
            elif (
                born is None
                or _CENTURIES.get((sex, born[:2]), number[3]) != number[3]
                or born[2:4] != number[4:6]
                or sex is None
            ):
                all_found += contradicted(number, sex, born)
        if born is None:
            all_found.append(found("V05", "unreadable" if "birth_date" in untyped else "missing", "birth_date"))
        elif not first < born < last or born[4:] == "-01-01" or len(born) < 10:
            all_found += _birth(born, on, ages)
        name, nationality = values["full_name"], values["nationality"]
        if name is not None and not sound_name(name, longest):
            wrong = judge_name("full_name", name, nationality, names)
            if wrong is not None:
                all_found.append(wrong)
        if values["document_number"] is not None or values["document_type"] is not None:
            all_found += _document(values["document_type"], values["document_number"], untyped)
        if nationality == VIETNAM:
            if values["document_type"] in OF_FOREIGNERS:
                all_found.append(found("V08", "resident", "nationality", "document_type"))
        elif nationality is not None:
            all_found += _foreigner(values, number)

    return check


def _birth(born: str, on: str, tolerance: Mapping[str, float]) -> list[Found]:
    if born in PLACEHOLDER_DAYS:
        return [found("V25", "placeholder_day", "birth_date")]
    if born > on:
        return [found("V05", "future", "birth_date")]
    years = age(born, on)
    if years is not None and years < tolerance["youngest"]:
        return [found("V05", "too_young", "birth_date", age=years)]
    if years is not None and years > tolerance["longest_life"]:
        return [found("V05", "too_old", "birth_date", age=years)]
    return [found("V25", "first_of_january", "birth_date")] if born[4:] == "-01-01" else []


def _document(kind: str | None, number: str | None, untyped: Mapping[str, str]) -> list[Found]:
    if kind is None:
        unread = "document_type" in untyped  # V29 says so
        return [] if unread else [found("V03", "type_missing", "document_type", "document_number")]
    if kind == FORMER_CARD and number is not None and not (len(number) in (9, 12) and number.isdigit()):
        return [found("V03", "former_card", "document_number", length=len(number))]
    return []


def _foreigner(values: Mapping[str, Any], number: str | None) -> list[Found]:
    if is_plausible_citizen_number(number):
        return [found("V08", "foreigner", "nationality", "citizen_number")]
    if values["document_type"] in OF_CITIZENS:
        return [found("V08", "foreigner", "nationality", "document_type")]
    return []
