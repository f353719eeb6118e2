"""How often each value occurs: agreeing on a rare one says more (31 % of people are called Nguyễn)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import log2
from typing import Any

from stream_processors.identity.column import EQUAL, Column
from stream_processors.identity.model import BITS, MASK, Model

OWN = 4
"""So many records with a value may well be one person's; only what goes beyond makes the value common."""


class Frequencies:
    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._counts: list[Counter[Hashable]] = [Counter() for _ in columns]
        self._squares: list[Counter[type]] = [Counter() for _ in columns]
        self._present = [0] * len(columns)

    def add(self, features: tuple[Any, ...], sign: int = 1) -> None:
        for number, feature in enumerate(features):
            if feature is not None:
                self._present[number] += sign
                column, counts, squares = self._columns[number], self._counts[number], self._squares[number]
                column.learn(feature, sign)
                for value in column.values(feature):
                    count = counts[value]
                    counts[value] = count + sign
                    squares[type(value)] += 2 * sign * count + 1

    def share(self, column: int, value: Hashable) -> float:
        """The share of people with this value."""
        counts, present = self._counts[column], self._present[column]
        floor = self._columns[column].floor(value, counts, present)
        return min(max((counts[value] - OWN) / (present + OWN), 0.0) + floor, 1.0)

    def correction(self, model: Model, pattern: int, a: tuple[Any, ...], b: tuple[Any, ...]) -> float:
        """Bits to add to the model's score of two records, for how rare that is on which they agree."""
        bits, rest = 0.0, pattern
        for number, column in enumerate(self._columns):
            level = rest & MASK
            rest >>= BITS
            if level and (value := column.value(a[number], b[number], level)) is not None:
                average = model.u[number][level] if level == EQUAL else self._average(number, type(value))
                bits += log2(average / self.share(number, value))
        return bits

    def _average(self, column: int, kind: type) -> float:
        """How probably two random records share a value of this kind. At a weaker level than equal, u was measured at that
        level; the value's rarity counts against this."""
        return max(self._squares[column][kind], 1) / max(self._present[column], 1) ** 2
