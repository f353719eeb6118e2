"""A file of records through the matcher, one after the other, as a stream would bring them; and how well it did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stream_processors.identity.comparison import Comparison
from stream_processors.identity.evaluation import Point, best, curve, is_true, recall_at, true_pairs
from stream_processors.identity.matcher import Matcher
from stream_processors.identity.standing import standing

LAST_ROUNDS = 10
"""EM rounds at the end of a stream that has an end."""
DEMANDED = 0.999


@dataclass
class Run:
    """What came out. `seconds`: wall-clock of the matcher alone, the last look at all scores included."""

    records: int
    seconds: float
    p95_ms: float
    pairs: list[tuple[str, str, float]]
    automatic: list[tuple[str, str]]


def stream(rows: Iterable[Mapping[str, str]], comparison: Comparison) -> Iterator[int | Run]:
    """Match rows in their order; yields how many are done, now and then, and at the end the run."""
    matcher = Matcher(comparison)
    delays: list[float] = []
    automatic: list[tuple[str, str]] = []
    working = 0.0
    for row in rows:
        before = time.perf_counter()
        record = row["record_id"]
        matcher.add(record, row)
        automatic += [(record, other) for other in matcher.automatic(record)]
        delays.append(time.perf_counter() - before)
        working += delays[-1]
        if len(delays) % 1000 == 0:
            yield len(delays)
    before = time.perf_counter()
    matcher.model.learn(len(matcher), LAST_ROUNDS)
    pairs = [(matcher.ids[a], matcher.ids[b], score) for (a, b), score in standing(matcher).items()]
    working += time.perf_counter() - before
    delays.sort()
    p95 = delays[int(len(delays) * 0.95)] * 1000 if delays else 0.0
    yield Run(len(delays), working, p95, pairs, automatic)


@dataclass
class Report:
    """A run held against the truth."""

    figures: dict[str, float | int]
    points: list[Point]


def report(run: Run, truth: Mapping[str, str], read: Iterable[str]) -> Report:
    true = true_pairs(truth[record] for record in read if record in truth)
    points = curve(((score, is_true(truth, a, b)) for a, b, score in run.pairs), true)
    top = best(points)
    right = sum(is_true(truth, a, b) for a, b in run.automatic)
    return Report(
        {
            "records": run.records,
            "true_pairs": true,
            "best_f1": round(top.f1, 5),
            "precision": round(top.precision, 5),
            "recall": round(top.recall, 5),
            "recall_at_precision_0_999": round(recall_at(points, DEMANDED), 5),
            "records_per_second": round(run.records / run.seconds, 1) if run.seconds else 0.0,
            "p95_ms": round(run.p95_ms, 3),
            "threshold": round(top.threshold, 2),
            "automatic_merges": len(run.automatic),
            "automatic_precision": round(right / len(run.automatic), 6) if run.automatic else 1.0,
        },
        points,
    )
