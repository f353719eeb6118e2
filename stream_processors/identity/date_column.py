"""Dates of reduced precision: equal, equal as far as known, 1 January put for unknown, day and month swapped, one digit wrong."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from rapidfuzz.distance import OSA

from stream_processors.identity.column import EQUAL, Column, Level

KNOWN, FIRST, SWAPPED, DIGIT, COMPONENT, YEAR, DIFFERENT = range(2, 9)
_ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?$")
_LOCAL = re.compile(r"(?:(?:(\d{1,2})[/.-])?(\d{1,2})[/.-])?(\d{4})$")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})$")
_EARLIEST = 1901
"""What lies before is what an export wrote where it had nothing; it says nothing and brings nobody together."""
_PLACEHOLDERS = frozenset({(1970, 1, 1), (1999, 12, 31), (2000, 1, 1), (1990, 1, 1), (1980, 1, 1)})
"""Days on which somebody may well be born, and that many exports write for "unknown": only the year counts, and little."""


class Date(NamedTuple):
    text: str
    year: int
    month: int
    day: int


class DateColumn(Column):
    levels = (
        Level("equal", 0.85, 2e-4, 0.88),
        Level("equal as far as known", 0.05, 3e-3, 0.05),
        Level("first of January", 0.02, 2e-3, 0.02),
        Level("day and month swapped", 0.02, 5e-5, 0.02),
        Level("one digit wrong", 0.03, 2e-3, 0.02),
        Level("one part differs", 0.02, 1e-2, 0.005),
        Level("same year", 0.005, 6e-2, 0.0025),
        Level("different", 0.005, 0.92, 0.0025),
    )
    agreeing = frozenset({EQUAL, KNOWN})
    parts = ("day", "swapped", "month", "year", "in_year")
    options = ("precision",)

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, options)
        self._precision: str | None = options.get("precision")
        self._read: dict[tuple[str, str], Date | None] = {}

    def read(self, text: str, row: Mapping[str, str]) -> Date | None:
        asked = (text, row.get(self._precision, "")[:2].lower() if self._precision else "")
        if asked not in self._read:
            if len(self._read) >= 100_000:
                self._read.clear()
            self._read[asked] = _parse(*asked)
        return self._read[asked]

    def level(self, a: Date, b: Date) -> int:
        if not (a.day and b.day):
            return self._reduced(a, b)
        same_year, same_month, same_day = a.year == b.year, a.month == b.month, a.day == b.day
        if same_year and a.month == b.day and a.day == b.month:
            return SWAPPED
        if same_year and ((a.month == 1 and a.day == 1) or (b.month == 1 and b.day == 1)):
            return FIRST
        if _one_digit(a.text, b.text):
            return DIGIT
        if same_year + same_month + same_day == 2:
            return COMPONENT
        return YEAR if same_year else DIFFERENT

    @staticmethod
    def _reduced(a: Date, b: Date) -> int:
        if a.year == b.year:
            return YEAR if a.month and b.month and a.month != b.month else KNOWN
        return DIGIT if _one_digit(a.text[:4], b.text[:4]) and a.month == b.month else DIFFERENT

    def key(self, feature: Date, part: str) -> Hashable | None:
        if part == "year":
            return feature.year
        if part == "month":
            return (feature.year, feature.month) if feature.month else None
        if not feature.day or (feature.year, feature.month, feature.day) in _PLACEHOLDERS:
            return None
        if part == "day":
            return feature.text
        if part == "swapped":
            return (feature.year, *sorted((feature.month, feature.day)))
        return (feature.month, feature.day)

    def value(self, a: Date, b: Date, level: int) -> Hashable | None:
        if level == 1:
            return a.text if a.month else a.year
        return a.year if level in (KNOWN, FIRST) else None

    def values(self, feature: Date) -> tuple[Hashable, ...]:
        return (feature.text, feature.year) if feature.month else (feature.year,)

    def floor(self, value: Hashable, counts: Mapping[Hashable, int], records: int) -> float:
        if isinstance(value, int):
            return 1.0 / (records + 10)
        text = str(value)
        return (counts.get(int(text[:4]), 0) + 1) / (records + 50) / (365 if len(text) > 7 else 12)


def _parse(text: str, precision: str) -> Date | None:
    text = text.strip()
    year = month = day = 0
    if found := _COMPACT.match(text) or _ISO.match(text):
        year, month, day = (int(part or 0) for part in found.groups())
    elif found := _LOCAL.match(text):
        day, month, year = (int(part or 0) for part in found.groups())
    if precision[:1] == "y" or precision in ("na", "nă"):
        month = day = 0
    elif precision[:1] in ("m", "t"):
        day = 0
    if not _EARLIEST <= year <= 2100:
        return None
    if month > 12 and day and day <= 12:
        month, day = day, month
    if month > 12 or day > 31 or not month:
        month = month if 1 <= month <= 12 else 0
        day = day if month and day <= 31 else 0
    shown = f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if day else "")
    return Date(shown, year, month, day)


def _one_digit(a: str, b: str) -> bool:
    """One digit differs, or two neighbours are exchanged."""
    return len(a) == len(b) and OSA.distance(a, b, score_cutoff=1) == 1
