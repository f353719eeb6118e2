"""Codes against the dated tables: V06, V07, V08, V09, V12 and V29, by the table that a field names.

A code that was found good once on a day is not looked up again for it. An incomplete list proves nothing: a code that it lacks
is a warning, and an empty one says nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas.avro_schema import fields
from schemas.codes import CodeTable, table
from schemas.rules.found import Found, found
from schemas.rules.offers import has_form
from schemas.rules.program import Check

OF_TABLE: Mapping[str, str] = {
    "ethnicity": "V07",
    "country": "V08",
    "province": "V06",
    "commune": "V06",
    "major": "V09",
    "level": "V09",
    **dict.fromkeys(
        (
            "study_status", "degree_status", "staff_status", "licence_status", "programme_status", "institution_status",
            "org_unit_status",
        ),
        "V12",
    ),
}  # fmt: skip
"""The rule that a code breaks by not being in its table; V29 for all other tables."""
CASES = ("unknown", "unlisted", "expired")


def coded(entity: str, on: str) -> Check | None:
    """The check of an entity's codes as the tables stand on a day."""
    own = [
        (f.name, f.codes)
        for f in fields(entity)
        if f.codes is not None and f.codes != "commune" and len(table(f.codes))
    ]
    members = tuple((name, set[str](), codes, _day(name, codes, on)) for name, codes in own)
    with_ward = any(f.codes == "commune" for f in fields(entity))
    if not members and not with_ward:
        return None

    def check(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
        for name, good, codes, day in members:
            code = values[name]
            if code is None or code in good:
                continue
            listed = table(codes)
            if listed.valid(code, day):
                good.add(code)
            elif name != "major_code" or has_form(code):  # else V09 says so already
                all_found.append(_lacking(name, code, listed, day))
        if with_ward and values["ward_code"] is not None:
            all_found.extend(_ward(values, on))

    return check


def _day(name: str, codes: str, on: str) -> str:
    return _before_the_merger() if (name, codes) == ("birth_province", "province") else on


@cache
def _before_the_merger() -> str:
    """The last day of the old provinces, whose codes birth provinces keep."""
    return max(row.valid_to for row in table("province"))


def _lacking(name: str, code: str, codes: CodeTable, day: str) -> Found:
    rule = OF_TABLE.get(codes.name, "V29")
    if not codes.complete_on(day):
        return found(rule, "unlisted", name)
    return found(rule, "expired" if codes.known(code) else "unknown", name)


def _ward(values: Mapping[str, Any], on: str) -> list[Found]:
    """A ward on its own date, and in the province of the same record."""
    ward, communes = values["ward_code"], table("commune")
    day = values.get("address_from") or on
    if not communes.valid(ward, day):
        return [_lacking("ward_code", ward, communes, day)]
    province = values.get("province_code")
    if province is None or communes.parent(ward, day) in (province, None):
        return []
    return [found("V06", "outside", "ward_code", "province_code")]
