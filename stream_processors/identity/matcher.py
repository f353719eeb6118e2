"""The matcher: every record is compared with the candidates stored before it, and stored. Scores move as parameters move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from stream_processors.identity.blocks import CAP, Blocks
from stream_processors.identity.column import EQUAL
from stream_processors.identity.comparison import Automatic, Comparison
from stream_processors.identity.decisions import Decisions
from stream_processors.identity.frequencies import Frequencies
from stream_processors.identity.model import Model, level_of
from stream_processors.identity.pairing import pairing

LIMIT = 24
"""Candidates that one record is compared with, more or less: a block that was begun is finished."""
KEPT = -14.0
"""Bits, without term frequency, below which a pair is forgotten: no later parameter lifts it to a match."""
CERTAIN = 100.0
"""The score of what a person decided."""
RANDOM_PAIRS = 400_000
"""So many random pairs teach u fast; from then on one a record."""
FIRST_LESSON, LESSON_GROWTH = 64, 1.2


class Candidate(NamedTuple):
    record: str
    score: float


class Matcher:
    """Records by id. `add` of an id that is there replaces it."""

    def __init__(self, comparison: Comparison, *, cap: int = CAP, limit: int = LIMIT, seed: int = 0) -> None:
        self.comparison = comparison
        self.decisions = Decisions()
        self.model = Model([column.levels for column in comparison.columns], relatives=comparison.relatives)
        self.frequencies = Frequencies(comparison.columns)
        self.ids: list[str] = []
        self._features: list[tuple[Any, ...] | None] = []
        self._numbers: dict[str, int] = {}
        self._near: dict[int, dict[int, int]] = {}
        self._blocks = Blocks(comparison, cap)
        self._compare = pairing(comparison.columns)
        self._limit = limit
        self._random = Random(seed)
        self._lesson = FIRST_LESSON
        self.lessons = 0
        """How often the parameters have moved."""

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, record: str) -> bool:
        return record in self._numbers

    def number(self, record: str) -> int:
        """The number that `pairs` and `direct` know a stored record by."""
        return self._numbers[record]

    def add(self, record: str, row: Mapping[str, str]) -> list[Candidate]:
        """Compare a record with those stored, store it, and say who may be the same person, best first."""
        if record in self._numbers:
            self.remove(record)
        features = self.comparison.features(row)
        keys = self._blocks.keys(features)
        near = self._compared(features, keys)
        self._sample(features)
        number = len(self.ids)
        self.ids.append(record)
        self._features.append(features)
        self._numbers[record] = number
        self.frequencies.add(features)
        self._blocks.add(keys, number)
        if near:
            self._near[number] = near
            for other, pattern in near.items():
                self._near.setdefault(other, {})[number] = pattern
        if len(self._numbers) >= self._lesson:
            self._lesson = int(self._lesson * LESSON_GROWTH) + 1
            self.model.learn(len(self._numbers))
            self.lessons += 1
        return self._candidates(number, near)

    def candidates(self, record: str) -> list[Candidate]:
        """Who may be the same person as a stored record, as scores stand now, best first."""
        number = self._numbers[record]
        return self._candidates(number, self._near.get(number, {}))

    def differ(self, record: str, other: str, column: str) -> bool:
        """Whether two candidates both have a value in a column, and not the same."""
        pattern = self._near[self._numbers[record]][self._numbers[other]]
        return level_of(pattern, self.comparison.names().index(column)) > EQUAL

    def automatic(self, record: str) -> list[str]:
        """Stored records that are the same person without asking anybody (R01): an equal number, and nothing of what must agree
        contradicts. What people decided goes before."""
        rule = self.comparison.automatic
        number = self._numbers[record]
        features = self._features[number]
        if rule is None or features is None or (own := features[rule.number]) is None or not own[0].isalnum():
            return []
        found = []
        for other, pattern in self._near.get(number, {}).items():
            if level_of(pattern, rule.number) == EQUAL and self._agree(rule, pattern):
                other_id = self.ids[other]
                if self.decisions.verdict(record, other_id) != "OTHER":
                    found.append(other_id)
        return found

    def _agree(self, rule: Automatic, pattern: int) -> bool:
        columns = self.comparison.columns
        return all(level_of(pattern, at) in columns[at].agreeing for at in rule.agree)

    def remove(self, record: str) -> None:
        """Forget a record, and what its pairs have taught; decisions about it stay."""
        number = self._numbers.pop(record)
        features = self._features[number]
        assert features is not None
        self._features[number] = None
        self.frequencies.add(features, -1)
        self._blocks.remove(self._blocks.keys(features), number)
        for other, pattern in self._near.pop(number, {}).items():
            self._near[other].pop(number, None)
            self.model.patterns[pattern] -= 1

    def _compared(self, features: tuple[Any, ...], keys: list[int]) -> dict[int, int]:
        """The pairs worth keeping, with their patterns."""
        near: dict[int, int] = {}
        seen: set[int] = set()
        stored, compare, patterns, score = self._features, self._compare, self.model.patterns, self.model.score
        for block in self._blocks.members(keys):
            for other in block:
                if other in seen:
                    continue
                seen.add(other)
                pattern = compare(stored[other], features)  # type: ignore[arg-type]
                patterns[pattern] += 1
                if score(pattern).strangers > KEPT:
                    near[other] = pattern
            if len(seen) >= self._limit:
                break
        return near

    def _sample(self, features: tuple[Any, ...]) -> None:
        stored = len(self._features)
        if not stored:
            return
        uniform, sampled = self._random.random, self.model.random
        times = 10 if stored * 10 < RANDOM_PAIRS else 1
        for _ in range(times):
            other = self._features[int(uniform() * stored)]
            if other is not None:
                sampled[self._compare(other, features)] += 1

    def score(self, a: int, b: int, pattern: int) -> float:
        """Where the pair stands now, by its own evidence and what people decided."""
        if verdict := self.decisions.verdict(self.ids[a], self.ids[b]):
            return CERTAIN if verdict == "SAME" else -CERTAIN
        x, y = self._features[a], self._features[b]
        assert x is not None
        assert y is not None
        return self.model.score(pattern).corrected(self.frequencies.correction(self.model, pattern, x, y))

    def _candidates(self, number: int, near: Mapping[int, int]) -> list[Candidate]:
        found = [Candidate(self.ids[other], self.score(number, other, pattern)) for other, pattern in near.items()]
        return sorted((c for c in found if c.score > KEPT), key=lambda c: (-c.score, c.record))

    def pairs(self) -> Iterator[tuple[int, int, float]]:
        """Every kept pair of numbers, smaller first, with where it stands by its own evidence."""
        for a, near in self._near.items():
            for b, pattern in near.items():
                if a < b:
                    yield a, b, self.score(a, b, pattern)

    def direct(self, a: int, b: int) -> float:
        """Compare any two stored records."""
        x, y = self._features[a], self._features[b]
        assert x is not None
        assert y is not None
        return self.score(a, b, self._compare(x, y))
