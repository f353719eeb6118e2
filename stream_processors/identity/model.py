"""The Fellegi-Sunter model: shares of agreement among pairs of one person (m) and of two (u), learned beside the stream.

u comes from pairs drawn at random, which are nearly all of two persons. m and the share of true pairs come from EM over the *patterns*
(levels of all columns) of the pairs that blocking brought together; every pair that it did not bring together counts as one of two
persons, so that which keys there are hardly matters. What is declared with the levels stands in until there is data, as a prior.

With `relatives` there is a third kind of pair: two persons who are close, twins above all. They share what two strangers never share
by chance, day, place and telephone, but not the name; without them the model takes a twin's name for a badly written one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log2
from typing import NamedTuple

from stream_processors.identity.column import Level

BITS = 4
"""Bits of a pattern per column."""
MASK = (1 << BITS) - 1
PRIOR_PAIRS, PRIOR_KIN = 30.0, 200.0
"""How many pairs the declared shares are worth, those of m at least."""
PRIOR_OF_RECORDS = 0.025
"""And per record. Where nobody stands twice, as in a first institution's records, a lighter m drifts to the likest strangers, of whom
there are the more the more records there are, and never comes back. Half as much was too light for one of the demo's first loads (2026-11-29)."""
TURNED = 20.0
"""So many times its declared share "different" may become among pairs of one person, and no more. There are far more namesakes than
people who stand twice; EM would else take them for one person whose birth date mostly differs, when it has seen little else yet."""
PRIOR_RECORDS, PRIOR_MATCHES, PRIOR_RELATED = 50.0, 0.3, 0.003
"""Until there is data: so many records, each with so many pairs of one person, and of relatives."""
NEVER = 1e6
_LEAST = 1e-9
_UNLIKELY = -20.0

Shares = list[list[float]]


class Score(NamedTuple):
    """log2 odds of one person against two strangers, and against two relatives."""

    strangers: float
    relatives: float

    def corrected(self, bits: float) -> float:
        """log2 odds of one person against anything else; `bits`: what rare values add against strangers."""
        x, y = self.strangers + bits, self.relatives
        low, high = (x, y) if x < y else (y, x)
        return low if high - low > 30 else low - log2(1.0 + 2.0 ** (low - high))


def level_of(pattern: int, column: int) -> int:
    return pattern >> (column * BITS) & MASK


class Model:
    """Parameters and what they are learned from. Scores are log2 of the odds that two records are of one person."""

    def __init__(self, columns: Sequence[Sequence[Level]], *, relatives: bool = False) -> None:
        self._relatives = relatives
        self._prior_m = [_normal([level.m for level in levels]) for levels in columns]
        self._prior_u = [_normal([level.u for level in levels]) for levels in columns]
        self._prior_kin = [_normal([x.u if x.kin is None else x.kin for x in levels]) for levels in columns]
        self.m = [list(x) for x in self._prior_m]
        self.u = [list(x) for x in self._prior_u]
        self.kin = [list(x) for x in self._prior_kin]
        self.patterns: Counter[int] = Counter()
        self.random: Counter[int] = Counter()
        self.matches = self.related = 0.0
        self.prior = log2(2 * PRIOR_MATCHES / PRIOR_RECORDS)
        self._prior_related = log2(PRIOR_MATCHES / PRIOR_RELATED) if relatives else NEVER
        self._scores: dict[int, Score] = {}
        self._weigh()

    def score(self, pattern: int) -> Score:
        """Without term frequency."""
        score = self._scores.get(pattern)
        if score is None:
            strangers, related, rest = self.prior, self._prior_related, pattern
            for against_u, against_kin in self._weights:
                level = rest & MASK
                strangers += against_u[level]
                related += against_kin[level]
                rest >>= BITS
            score = self._scores[pattern] = Score(strangers, related)
        return score

    def learn(self, records: int, rounds: int = 2) -> None:
        """Some rounds of EM over all that was seen so far, from where the last ones ended."""
        self._fit(self.u, self._totals(self.random), self._prior_u, PRIOR_PAIRS)
        for _ in range(rounds):
            self._refresh(records)
            self._maximise(max(PRIOR_PAIRS, PRIOR_OF_RECORDS * records))
        self._refresh(records)

    def _refresh(self, records: int) -> None:
        pairs = records * (records - 1) / 2 + 1.0
        weight = records / (records + PRIOR_RECORDS)
        matches = (self.matches + PRIOR_MATCHES * PRIOR_RECORDS) * weight
        share = min(matches / pairs, 0.5)
        self.prior = log2(share / (1 - share))
        if self._relatives:
            self._prior_related = log2(matches / ((self.related + PRIOR_RELATED * PRIOR_RECORDS) * weight))
        self._weigh()
        self._scores.clear()

    def _weigh(self) -> None:
        self._weights = [
            (_bits(m, u), _bits(m, kin) if self._relatives else [0.0] * len(m))
            for m, u, kin in zip(self.m, self.u, self.kin, strict=True)
        ]

    def _maximise(self, worth: float) -> None:
        one: dict[int, float] = {}
        related: dict[int, float] = {}
        for pattern, count in self.patterns.items():
            score = self.score(pattern)
            if score.strangers > _UNLIKELY or score.strangers - score.relatives > _UNLIKELY:
                strangers, kin = 2.0 ** -min(score.strangers, 200.0), 2.0 ** -min(score.relatives, 200.0)
                one[pattern] = count / (1.0 + strangers + kin)
                related[pattern] = one[pattern] * kin
        self.matches, self.related = sum(one.values()), sum(related.values())
        self._fit(self.m, self._totals(one), self._prior_m, worth)
        for shares, prior in zip(self.m, self._prior_m, strict=True):
            _bound(shares, TURNED * prior[-1])
        if self._relatives:
            self._fit(self.kin, self._totals(related), self._prior_kin, PRIOR_KIN)

    @staticmethod
    def _fit(shares: Shares, counts: Shares, priors: Shares, worth: float) -> None:
        for share, count, prior in zip(shares, counts, priors, strict=True):
            seen = sum(count[1:])
            for level in range(1, len(prior)):
                share[level] = (count[level] + worth * prior[level]) / (seen + worth)

    def _totals(self, patterns: Mapping[int, float]) -> Shares:
        counts = [[0.0] * len(m) for m in self.m]
        for pattern, count in patterns.items():
            rest = pattern
            for column in counts:
                column[rest & MASK] += count
                rest >>= BITS
        return counts


def _normal(shares: list[float]) -> list[float]:
    """As shares that sum to one, behind the missing value's, which says nothing."""
    return [1.0, *(share / sum(shares) for share in shares)]


def _bound(shares: list[float], most: float) -> None:
    """Hold the last level to its bound; the others take what is over, each by its share."""
    if shares[-1] > most:
        factor = (1.0 - most) / (1.0 - shares[-1])
        shares[1:] = [*(share * factor for share in shares[1:-1]), most]


def _bits(shares: list[float], against: list[float]) -> list[float]:
    return [log2(max(a, _LEAST) / max(b, _LEAST)) for a, b in zip(shares, against, strict=True)]
