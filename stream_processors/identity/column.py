"""A column of a comparison: how its texts are read, in which degrees two of them agree, and which keys they give.

A degree of agreement is a *level*: 0 missing, 1 equal, the rest weaker, the last different. A level's starting m and u (its share among
pairs of one person, and among pairs of two) hold until the stream teaches better ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

MISSING, EQUAL = 0, 1


class Level(NamedTuple):
    """A degree of agreement with its starting shares."""

    name: str
    m: float
    u: float
    kin: float | None = None
    """Its share among pairs of close relatives, twins above all; None: as between any two persons."""


class Column(ABC):
    """One kind of comparison, set up for one column. Features are opaque to everybody else; None means missing."""

    levels: tuple[Level, ...]
    """Without MISSING; the first is EQUAL."""
    parts: tuple[str, ...]
    """What blocking keys may name behind the column's name."""
    agreeing: frozenset[int] = frozenset({MISSING, EQUAL})
    """Levels that contradict nothing, where a number decides alone (R01)."""
    options: tuple[str, ...] = ()
    """What a comparison file may say of the column beside its kind."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name

    @abstractmethod
    def read(self, text: str, row: Mapping[str, str]) -> Any:
        """The feature of a text, or None if it says nothing."""

    @abstractmethod
    def level(self, a: Any, b: Any) -> int:
        """The level of two features that are not equal in their first element."""

    @abstractmethod
    def key(self, feature: Any, part: str) -> Hashable | None:
        """A blocking key's share; None: no key can be made."""

    @abstractmethod
    def value(self, a: Any, b: Any, level: int) -> Hashable | None:
        """What the two agree on, if its rarity matters at this level (term frequency)."""

    @abstractmethod
    def values(self, feature: Any) -> tuple[Hashable, ...]:
        """Everything `value` may ask for, to be counted."""

    def learn(self, feature: Any, sign: int) -> None:  # noqa: B027 - most kinds have nothing to learn
        """A record with this feature came (1) or went (-1)."""

    @abstractmethod
    def floor(self, value: Hashable, counts: Mapping[Hashable, int], records: int) -> float:
        """The share of people expected to have this value, however seldom it has been seen."""
