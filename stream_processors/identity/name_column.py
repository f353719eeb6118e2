"""Names of people: canonical key, lost accents, swapped order, a part left out, typing errors, another syllable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from rapidfuzz.distance import OSA

from schemas.names import canonical_key, plain_key
from stream_processors.identity.column import EQUAL, Column, Level
from stream_processors.identity.legacy import as_meant

LOST, MARKS, ORDER, PART, TYPO, TWO_TYPOS, SYLLABLE, ENDS, ONE_END, DIFFERENT = range(2, 12)
_NOT_A_LETTER = re.compile(r"[^\w\s?�]|[\d_]")
_KNOWN = 0.0004
"""A syllable that so large a share of names has is a name of its own, not a slip of the pen for its neighbour."""
_CACHE = 200_000


class Name(NamedTuple):
    canonical: str
    plain: str
    syllables: tuple[str, ...]
    bag: str


class NameColumn(Column):
    levels = (
        Level("equal", 0.75, 2e-4, 0.005),
        Level("accents lost", 0.07, 5e-5, 0.002),
        Level("accents differ", 0.02, 3e-5, 0.005),
        Level("order swapped", 0.01, 2e-5, 0.001),
        Level("part left out", 0.02, 1e-3, 0.005),
        Level("typing error", 0.06, 2e-4, 0.005),
        Level("two typing errors", 0.01, 2e-4, 0.005),
        Level("another syllable", 0.02, 3e-2, 0.47),
        Level("first and last syllable", 0.01, 5e-3, 0.02),
        Level("one end", 0.01, 0.3, 0.4),
        Level("different", 0.01, 0.66, 0.08),
    )
    agreeing = frozenset({EQUAL, LOST})
    parts = ("canonical", "plain", "bag", "first", "last", "ends", "tail")

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, options)
        self._read: dict[str, Name | None] = {}
        self.syllables: Counter[str] = Counter()
        self.first: Counter[str] = Counter()
        self.middle: Counter[str] = Counter()
        self.last: Counter[str] = Counter()
        self.seen = 0

    def read(self, text: str, row: Mapping[str, str]) -> Name | None:
        if text not in self._read:
            if len(self._read) >= _CACHE:
                self._read.clear()
            self._read[text] = self._parse(text)
        return self._read[text]

    def _parse(self, text: str) -> Name | None:
        cleaned = _NOT_A_LETTER.sub(" ", as_meant(text))
        canonical = canonical_key(cleaned)
        plain = plain_key(cleaned)
        syllables = tuple(plain.split())
        return Name(canonical, plain, syllables, " ".join(sorted(syllables))) if syllables else None

    def level(self, a: Name, b: Name) -> int:
        if a.plain == b.plain:
            return LOST if a.canonical == a.plain or b.canonical == b.plain else MARKS
        if a.bag == b.bag or a.plain.replace(" ", "") == b.plain.replace(" ", ""):
            return ORDER
        x, y = a.syllables, b.syllables
        if "?" in a.plain or "�" in a.plain or "?" in b.plain or "�" in b.plain:
            return LOST if _readable_alike(a.plain, b.plain) else DIFFERENT
        common = sum((Counter(x) & Counter(y)).values()) if len(x) != len(y) else 0
        if common >= 2 and common == min(len(x), len(y)):
            return PART
        size = max(len(a.plain), len(b.plain))
        allowed = min((size + 3) // 6 + 1, 3)
        distance = OSA.distance(a.plain, b.plain, score_cutoff=allowed)
        if distance <= allowed and self._slip(x, y):
            if distance == 1:
                return TYPO
            if distance == 2 or size > 15:
                return TWO_TYPOS
        if len(x) == len(y) and sum(map(str.__eq__, x, y)) == len(x) - 1 and len(x) > 2:
            return SYLLABLE
        first, last = x[0] == y[0], x[-1] == y[-1]
        if first and last:
            return ENDS
        return ONE_END if first or last else DIFFERENT

    def _slip(self, x: tuple[str, ...], y: tuple[str, ...]) -> bool:
        """Whether every difference has a side that is hardly a name."""
        if len(x) != len(y):
            return True
        known = self.seen * _KNOWN + 2
        return all(s == t or min(self.syllables[s], self.syllables[t]) <= known for s, t in zip(x, y, strict=True))

    def key(self, feature: Name, part: str) -> Hashable | None:
        if part in ("canonical", "plain", "bag"):
            found: str = getattr(feature, part)
            return None if "?" in found else found
        syllables = feature.syllables
        if part == "first":
            return syllables[0]
        if part == "last":
            return syllables[-1]
        if part == "ends":
            return (syllables[0], syllables[-1])
        return syllables[1:]

    def value(self, a: Name, b: Name, level: int) -> Hashable | None:
        if level == 1:
            return a.canonical
        if level in (LOST, MARKS):
            return (a.plain,)
        if level == ORDER:
            return (min(a.plain, b.plain, key=len),)
        return None

    def values(self, feature: Name) -> tuple[Hashable, ...]:
        return feature.canonical, (feature.plain,)

    def learn(self, feature: Name, sign: int) -> None:
        for syllable in feature.syllables:
            self.syllables[syllable] += sign
        parts = feature.canonical.split()
        self.first[parts[0]] += sign
        self.middle[" ".join(parts[1:-1])] += sign
        self.last[parts[-1]] += sign
        self.seen += sign

    def floor(self, value: Hashable, counts: Mapping[Hashable, int], records: int) -> float:
        """A name is as rare as its parts together: surname, middle, given."""
        if not isinstance(value, str):
            return 1.0 / (records + 100)
        parts = value.split()
        shares = (self.first[parts[0]], self.middle[" ".join(parts[1:-1])], self.last[parts[-1]])
        product = 1.0
        for count in shares:
            product *= (count + 0.5) / (self.seen + 50)
        return product


def _readable_alike(a: str, b: str) -> bool:
    """Equal but for characters that a broken export made question marks of."""
    return len(a) == len(b) and all(x == y or x in "?�" or y in "?�" for x, y in zip(a, b, strict=True))
