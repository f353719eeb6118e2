"""Rules that need one record only. They run after the version rule and change nothing: what is wrong is applied, plus a finding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from schemas.avro_schema import fields

_CITIZEN = re.compile(r"[0-9]{12}")
_MOJIBAKE = re.compile("[\u00c2\u00c3\u00c4][\u0080-\u00bf]|\u00e1\u00ba|\u00e1\u00bb|\ufffd")
_FIRST_COUNTRY, _LAST_COUNTRY, _LAST_PROVINCE = 101, 299, 96


class Found(NamedTuple):
    """One finding of a rule about a record's fields; `details` are masked facts."""

    rule: str
    fields: tuple[str, ...]
    other: str = ""
    details: tuple[tuple[str, str], ...] = ()


def is_plausible_citizen_number(number: str | None) -> bool:
    """Could this be somebody's number? An implausible one never becomes a person key: it would gather strangers."""
    if number is None or not _CITIZEN.fullmatch(number):
        return False
    place = int(number[:3])
    return (1 <= place <= _LAST_PROVINCE or _FIRST_COUNTRY <= place <= _LAST_COUNTRY) and len(set(number[3:])) > 2


def check(entity: str, values: Mapping[str, Any], untyped: Mapping[str, str]) -> list[Found]:
    """What is wrong with one live record. `values` are the entity's fields, `untyped` the texts that found no place in them."""
    found: list[Found] = []
    if untyped:
        found += _untyped(entity, untyped)
    texts = "\n".join([v for v in values.values() if type(v) is str])
    if not texts.isascii() and not _is_clean(texts):
        found += [Found("V04", (n,)) for n, v in values.items() if type(v) is str and not _is_clean(v)]
    if entity == "person":
        number = values["citizen_number"]
        if number is not None and not is_plausible_citizen_number(number):
            found.append(Found("V01", ("citizen_number",), details=(("length", str(len(number))),)))
        if values["birth_date"] is None and "birth_date" not in untyped:
            found.append(Found("V05", ("birth_date",)))
    return found


def _is_clean(text: str) -> bool:
    return unicodedata.is_normalized("NFC", text) and not _MOJIBAKE.search(text)


@cache
def _kinds(entity: str) -> dict[str, str]:
    return {field.name: field.kind for field in fields(entity)}


def _untyped(entity: str, untyped: Mapping[str, str]) -> list[Found]:
    kinds = _kinds(entity)
    found = []
    for name in sorted(untyped):
        if name not in kinds:
            continue
        rule = "V05" if name == "birth_date" else "V29" if kinds[name] in ("code", "bool") else "V12"
        found.append(Found(rule, (name,)))
    return found
