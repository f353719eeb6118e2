"""Numbers that name one person or one telephone: equal, a digit wrong, two exchanged, one lost, an old kind against a new one."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping

from rapidfuzz.distance import OSA

from stream_processors.identity.column import Column, Level

DIGIT, EXCHANGED, LENGTH, KIND, DIFFERENT = range(2, 7)
_NOISE = re.compile(r"[\s.\-/'()]+")
_TWELVE, _NINE = 12, 9
_MOVED = {
    **{f"016{n}": f"03{n}" for n in range(2, 10)},
    **dict(zip(("0120", "0121", "0122", "0126", "0128"), ("070", "079", "077", "076", "078"), strict=True)),
    **dict(zip(("0123", "0124", "0125", "0127", "0129"), ("083", "084", "085", "081", "082"), strict=True)),
    "0186": "056",
    "0188": "058",
    "0199": "059",
}
"""Prefixes of eleven-digit mobile numbers, moved to ten digits in 2018."""


class NumberColumn(Column):
    """A feature is a tuple of the number alone."""

    levels = (
        Level("equal", 0.9, 1e-7, 0.002),
        Level("one digit wrong", 0.03, 1e-6, 0.01),
        Level("two digits exchanged", 0.01, 2e-7, 0.002),
        Level("a digit lost", 0.005, 1e-6, 0.001),
        Level("old and new kind", 0.03, 0.1, 0.05),
        Level("different", 0.005, 0.9, 0.935),
    )
    parts = ("all", "head", "tail", "odd", "even")
    options = ("digits",)

    def read(self, text: str, row: Mapping[str, str]) -> tuple[str] | None:
        number = _NOISE.sub("", text).upper()
        if number.endswith(".0"):
            number = number[:-2]
        if number.isdecimal() and len(number) in (_TWELVE - 1, _NINE - 1):
            number = "0" + number  # a spreadsheet took it for a quantity
        return None if is_placeholder(number) else (number,)

    def level(self, a: tuple[str], b: tuple[str]) -> int:
        x, y = a[0], b[0]
        distance = OSA.distance(x, y, score_cutoff=2)
        if distance > 2:
            return DIFFERENT if len(x) == len(y) else KIND
        if len(x) != len(y):
            return LENGTH
        wrong = sum(map(str.__ne__, x, y))
        if distance == 1:
            return DIGIT if wrong == 1 else EXCHANGED
        # a digit lost here and another put in there, also a zero in front of what was taken for eleven digits
        return LENGTH if wrong > 2 and len(x) > 6 else DIFFERENT

    def key(self, feature: tuple[str], part: str) -> Hashable | None:
        number = feature[0]
        if part == "all":
            return number
        half = len(number) // 2
        if part == "head":
            return number[:half] + "<"
        if part == "tail":
            return number[half:]
        return number[part == "odd" :: 2]

    def value(self, a: tuple[str], b: tuple[str], level: int) -> Hashable | None:
        return a[0] if level == 1 else None

    def values(self, feature: tuple[str]) -> tuple[Hashable, ...]:
        return feature

    def floor(self, value: Hashable, counts: Mapping[Hashable, int], records: int) -> float:
        return 1e-7


class PhoneColumn(NumberColumn):
    """Vietnamese telephone numbers, with and without the country code, before and after the change of 2018."""

    levels = (
        Level("equal", 0.7, 1e-6, 0.25),
        Level("one digit wrong", 0.03, 1e-6, 0.01),
        Level("two digits exchanged", 0.01, 2e-7, 0.003),
        Level("a digit lost", 0.005, 1e-6, 0.002),
        Level("other kind", 0.005, 0.01, 0.005),
        Level("different", 0.25, 0.99, 0.73),
    )

    def read(self, text: str, row: Mapping[str, str]) -> tuple[str] | None:
        number = re.sub(r"\D+", "", text.removesuffix(".0"))
        if number.startswith("0084"):
            number = number[2:]
        if number.startswith("84") and len(number) in (11, 12):
            number = "0" + number[2:]
        if len(number) == 9 and number[0] != "0":
            number = "0" + number
        if len(number) == 11 and number[:4] in _MOVED:
            number = _MOVED[number[:4]] + number[4:]
        return None if is_placeholder(number) else (number,)


def is_placeholder(number: str) -> bool:
    """What people type where they must type something."""
    body = number.lstrip("0")
    if len(body) < 4 or len(set(number[1:])) <= 1 or len(set(body)) <= 1:
        return True
    return number in "01234567890123456789" or number in "98765432109876543210"
