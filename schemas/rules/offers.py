"""Rules of what an institution offers: V09 in programmes, licences, degrees and assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.rules.found import Found, found

LEVELS = frozenset("789")
"""Levels that a major code names by its first digit: bachelor, master, doctor (TT 09/2022)."""


def has_form(code: str) -> bool:
    """Seven digits, as every major's code."""
    return len(code) == 7 and code.isdigit() and code.isascii()


def major(values: Mapping[str, Any], untyped: Mapping[str, str], all_found: list[Found]) -> None:
    """V09: a major code has seven digits, and the first is the level's."""
    code, level = values["major_code"], values["level"]
    if code is None:
        return
    if not has_form(code):
        all_found.append(found("V09", "form", "major_code", length=len(code)))
    elif level in LEVELS and code[0] != level:
        all_found.append(found("V09", "level", "major_code", "level", level=level))
