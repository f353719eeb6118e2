"""The whole way while the stored records grow: the same backlog at each size, through the same processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psycopg

from tests.benchmarks import workload
from tests.benchmarks.course import Course
from tests.benchmarks.ours import Ours

FIGURES = ("rows/s", "rows/s from the first row on", "CPU per row", "CPU per row, start left out")
RECORDS = "RECORDS CPU per row"
GROWTH = 50_000
"""Rows per table that are added at once."""


@dataclass
class AtSize:
    """Figures and facts of the rounds at one size."""

    records: int
    rounds: list[dict[str, float]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)

    def median(self, figure: str) -> float | None:
        """None if some round lacks it: all rows became national at once."""
        found = [its[figure] for its in self.rounds if figure in its]
        return median(found) if len(found) == len(self.rounds) else None


def measure(course: Course, ours: Ours, sizes: Sequence[int], backlog: int, rounds: int) -> list[AtSize]:
    """Grow to each number of records in turn, until all are national, and measure the same backlog several times there."""
    found: list[AtSize] = []
    for records in sizes:
        rows = -(-records // len(workload.TABLES))
        if found:
            _grow(course, ours, rows)
        else:
            course.load(rows)
        found.append(_at_size(course, rows, backlog, rounds))
    return found


def _grow(course: Course, ours: Ours, rows: int) -> None:
    ours.start_delivery()
    ours.start_capture()
    while course.rows < rows:
        course.rows = min(course.rows + GROWTH, rows)
        ours.main.grow(course.rows)
        course.until_national("%")
    ours.settle()
    course.check()
    course.park()


def _at_size(course: Course, rows: int, backlog: int, rounds: int) -> AtSize:
    at = AtSize(rows * len(workload.TABLES))
    for _ in range(rounds):
        mark = course.mark()
        made = _change_scattered(course.system.source_dsn, rows, backlog, course.options.per_transaction, mark)
        course.system.start_delivery()
        course.system.wait_delivery()
        outcome = course.timed_to_national("capture", f"{mark}-end", made)
        course.park()
        its = {name: outcome.figures[name] for name in FIGURES if name in outcome.figures}
        at.rounds.append({**its, RECORDS: outcome.facts["cpu_microseconds_per_row"]["records"]})
        at.facts.append(outcome.facts)
    return at


def _change_scattered(dsn: str, rows: int, changes: int, per_transaction: int, mark: str) -> int:
    """Change about `changes` rows; each transaction's lie evenly over a whole table, so that a larger store has no easier work.

    The sentinels come last. Returns how many rows were changed.
    """
    body = rows - workload.SENTINELS
    step = max(1, body // per_transaction)
    made = turn = 0
    with psycopg.connect(dsn) as connection:
        connection.execute("set synchronous_commit = off")
        while made < changes:
            table = workload.TABLES[turn % len(workload.TABLES)]
            turn += 1
            made += connection.execute(
                f"update {table.name} set {table.mark} = %s, updated_at = clock_timestamp()"
                f" where id = any(array(select generate_series(%s::bigint, %s, %s)))",
                [f"{mark}-{turn}", turn // len(workload.TABLES) % step + 1, body, step],
            ).rowcount
            connection.commit()
        connection.execute("set synchronous_commit = on")
        for table in workload.TABLES:
            made += connection.execute(
                f"update {table.name} set {table.mark} = %s, updated_at = clock_timestamp() where id > %s",
                [f"{mark}-end", body],
            ).rowcount
    return made
