"""How fast one record is matched as the register grows, on one core; and when everybody has the same name.

CPU time of the process, so that whatever else the machine does counts little.
"""

from __future__ import annotations

import csv
import gc
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from schemas.memory import collect_rarely
from stream_processors.identity import comparison
from stream_processors.identity.matcher import Matcher
from tests.benchmarks.identity import claims

WINDOW = 10_000
"""Records that are measured behind each size."""


def grown(folder: Path, sizes: tuple[int, ...]) -> Iterator[dict[str, float | int]]:
    """A stream that stores as many records as the largest size; measured are the records that follow each size."""
    count = max(sizes) + WINDOW
    records, _ = claims.write(folder, claims.make(9, people=count * 20 // 28, claims=count))
    with records.open(encoding="utf-8", newline="") as file:
        yield from _measured(csv.DictReader(file), sizes)


def one_name(count: int) -> Iterator[dict[str, float | int]]:
    """Everybody is called Nguyễn Văn An."""
    random = Random(1)

    def rows() -> Iterator[dict[str, str]]:
        for number in range(count + WINDOW):
            born = f"{random.randint(1970, 2007)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
            yield {"record_id": str(number), "full_name": "Nguyễn Văn An", "sex": "M", "birth_date": born}

    yield from _measured(rows(), (WINDOW, count))


def _measured(rows: Iterable[dict[str, str]], sizes: tuple[int, ...]) -> Iterator[dict[str, float | int]]:
    matcher = Matcher(comparison.load())
    collect_rarely()
    delays: list[float] = []
    compared = 0
    for number, row in enumerate(rows, 1):
        before = time.process_time()
        matcher.add(row["record_id"], row)
        delays.append(time.process_time() - before)
        if number - WINDOW in sizes:
            delays.sort()
            yield {
                "stored": number - WINDOW,
                "records_per_second": round(WINDOW / sum(delays), 1),
                "p95_ms": round(delays[int(WINDOW * 0.95)] * 1000, 3),
                "compared_per_record": round((matcher.model.patterns.total() - compared) / WINDOW, 1),
            }
        if number in sizes:
            delays, compared = [], matcher.model.patterns.total()
            gc.freeze()
