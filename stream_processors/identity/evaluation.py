"""Scored pairs against the truth: precision, recall and F1 at every threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Point(NamedTuple):
    threshold: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def true_pairs(persons: Iterable[str]) -> int:
    """How many pairs of records are of one person."""
    return sum(count * (count - 1) // 2 for count in Counter(persons).values())


def curve(scored: Iterable[tuple[float, bool]], true: int) -> list[Point]:
    """One point per distinct score, highest first. A true pair that nobody scored lowers recall everywhere."""
    points, right = [], 0
    ordered = sorted(scored, reverse=True)
    for found, (score, is_right) in enumerate(ordered, 1):
        right += is_right
        if found == len(ordered) or ordered[found][0] != score:
            points.append(Point(score, right / found, right / true if true else 0.0))
    return points


def best(points: Iterable[Point]) -> Point:
    """The point of the highest F1."""
    return max(points, key=lambda point: point.f1, default=Point(0.0, 0.0, 0.0))


def recall_at(points: Iterable[Point], precision: float) -> float:
    """The highest recall at which precision is at least this."""
    return max((point.recall for point in points if point.precision >= precision), default=0.0)


def is_true(truth: Mapping[str, str], a: str, b: str) -> bool:
    return a in truth and truth[a] == truth.get(b)
