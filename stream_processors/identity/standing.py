"""Where pairs stand when all records are seen together, not two by two.

Two laws that a pair alone does not know. *Passing on*: if a and c are one person, and c and b, then so are a and b, however badly a and b
were written; unless they contradict each other. *Exclusion*: if a and b are two persons, c is at most one of them; two near candidates
take from each other, so that neither is sure (the margin rule), and a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log2

from stream_processors.identity.matcher import CERTAIN, Matcher

LOOK = -6.0
"""Bits from which a pair counts as evidence for or against others."""
CONTRADICTION = -4.0
"""Below this, two records' own evidence says that they are two persons."""
DOUBT = 0.5
"""How much of what speaks against a pair that a third record joins is taken from it."""
FORBIDDEN = -14.0
"""Below this, no third record joins two."""
CROWD = 40
"""Neighbours of one record that are looked at together."""


class Standing(dict[tuple[int, int], float]):
    """Scores by pair of numbers, smaller first."""


def standing(matcher: Matcher) -> Standing:
    """Every pair's score as it stands now."""
    own = {(a, b): score for a, b, score in matcher.pairs()}
    near = _near(own)
    found = Standing(own)
    for a, b in own:
        found[a, b] = _excluded(matcher, own, near, a, b)
    for (a, b), score in _passed_on(matcher, own, found, near):
        found[a, b] = max(found.get((a, b), -CERTAIN), score)
    return found


def _near(own: dict[tuple[int, int], float]) -> dict[int, list[int]]:
    near: dict[int, list[tuple[float, int]]] = {}
    for (a, b), score in own.items():
        if score > LOOK:
            near.setdefault(a, []).append((-score, b))
            near.setdefault(b, []).append((-score, a))
    return {record: [other for _, other in sorted(others)[:CROWD]] for record, others in near.items()}


def _excluded(matcher: Matcher, own: dict[tuple[int, int], float], near: dict[int, list[int]], a: int, b: int) -> float:
    """The pair's score, less what the rivals at both ends take."""
    score = own[a, b]
    if abs(score) >= CERTAIN:
        return score
    for at, other in ((a, b), (b, a)):
        rivals = 0.0
        for rival in near.get(at, ()):
            if rival != other and _score(matcher, own, other, rival) < CONTRADICTION:
                rivals += 2.0 ** min(own[min(at, rival), max(at, rival)], 200.0)
        score -= log2(1.0 + rivals)
    return score


def _passed_on(
    matcher: Matcher, own: dict[tuple[int, int], float], found: Standing, near: dict[int, list[int]]
) -> Iterator[tuple[tuple[int, int], float]]:
    """Pairs that a third record joins, with the weaker of its two scores."""
    for c, others in near.items():
        strong = [(o, s) for o in others if (s := found[min(c, o), max(c, o)]) > 0]
        for i, (a, first) in enumerate(strong):
            for b, second in strong[i + 1 :]:
                pair = (min(a, b), max(a, b))
                direct = _score(matcher, own, a, b)
                score = min(first, second) + min(direct, 0.0) * DOUBT
                if direct > FORBIDDEN and direct < score:
                    yield pair, score


def _score(matcher: Matcher, known: dict[tuple[int, int], float], a: int, b: int) -> float:
    score = known.get((min(a, b), max(a, b)))
    return matcher.direct(a, b) if score is None else score
