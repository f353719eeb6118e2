"""One system on its way through the works, and what a work gives."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg

from tests.benchmarks import workload
from tests.benchmarks.measure import Meter, system_seconds
from tests.benchmarks.ours import Ours
from tests.benchmarks.peer.system import Peer
from tests.benchmarks.system import Arrival
from tests.benchmarks.waiting import until

LIMIT = 1800.0

Start = Literal["capture", "delivery"]


@dataclass(frozen=True)
class Options:
    """`rows` per source table; `changes` of a backlog; `seconds` of steady load in latency works."""

    rows: int = 100_000
    changes: int = 200_000
    per_transaction: int = 1000
    seconds: float = 16.0
    rates: tuple[int, ...] = (100, 500)
    pairs: int = 5
    large_transaction: int = 5_000_000
    noisy_load_rows: int = 60_000


@dataclass(frozen=True)
class Outcome:
    """Figures by name, and the facts that one needs to judge them."""

    figures: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)


class Course:
    """Holds a system's state between works, which all begin and end parked: no process of it takes CPU.

    `pending`: rows that are in Kafka and not yet national, as the mark of the last ones and their number.
    """

    def __init__(self, system: Ours | Peer, options: Options) -> None:
        self.system = system
        self.options = options
        self._marks = 0
        self._loaded = False
        self.pending: tuple[str, int] | None = None
        self._start_cpu: dict[Start, float] = {}

    def mark(self) -> str:
        """A mark that no row carries yet."""
        self._marks += 1
        return f"m{self._marks}"

    def warm(self) -> None:
        """One small round on the whole way, so that no work pays for cold code and empty caches."""
        rows = max(workload.SENTINELS * 2, self.options.rows // 10)
        self.load(rows)
        self._start_cpu = self._measure_starts()
        self._loaded = False

    def ready(self) -> None:
        """All rows are national, everything is parked."""
        if self.pending is not None:
            self.system.start_delivery()
            self.until_national(self.pending[0])
            self.check()
            self.park()
            self.loaded()
        elif not self._loaded:
            self.load(self.options.rows)

    def prepare(self, rows: int) -> None:
        self._loaded = False
        self.pending = None
        self.system.prepare(rows)
        self.rows = rows

    def load(self, rows: int) -> None:
        self.prepare(rows)
        total = rows * len(workload.TABLES)
        self.system.start_delivery()
        self.system.start_capture()
        until(
            lambda: self.system.in_kafka() >= total or self.system.in_kafka(),
            f"{self.system.name}: the first load is in Kafka",
            timeout=LIMIT,
            every=0.2,
            watch=self.system.watch,
        )
        self.until_national("%")
        self.check()
        self.park()
        self.loaded()

    def loaded(self) -> None:
        """Source and store hold the same."""
        self._loaded, self.pending = True, None

    def until_national(self, pattern: str) -> float:
        """Wait until the sentinels carry a mark like this; returns the monotonic time."""
        arrival = Arrival(self.system, self.rows)
        try:
            return until(
                lambda: arrival.complete(pattern),
                f"{self.system.name}: rows are national",
                timeout=LIMIT,
                watch=self.system.watch,
            )
        finally:
            arrival.close()

    def backlog(self, changes: int | None = None) -> tuple[str, int]:
        """Make a backlog at the source; returns its mark and its size."""
        mark = self.mark()
        wanted = self.options.changes if changes is None else changes
        made = workload.change(self.system.source_dsn, self.rows, wanted, self.options.per_transaction, mark)
        return mark, made

    def check(self) -> None:
        """Raises RuntimeError unless source and national contents are equal."""
        if found := self.system.difference():
            raise RuntimeError(f"{self.system.name}: contents differ: {found}")

    def park(self) -> None:
        self.system.park()

    def _measure_starts(self) -> dict[Start, float]:
        """CPU seconds that starting costs when there is nothing to do: for us processes, for the peer connectors."""
        meter = Meter(self.system.groups)
        self.system.start_delivery()
        self.system.wait_delivery()
        delivery = system_seconds(meter.read())
        meter.start()
        self.system.start_capture()
        self.system.wait_capture()
        capture = system_seconds(meter.read())
        self.park()
        return {"delivery": delivery, "capture": capture}

    def abandon(self) -> None:
        """After a failure: park, and begin the next work with a fresh source."""
        self._loaded, self.pending = False, None
        self.park()

    def timed_to_kafka(self, base: int, rows: int) -> Outcome:
        """From the start of capture until Kafka holds so many records more."""
        meter = Meter(self.system.groups)
        first: list[float] = []

        def there() -> object:
            found = self.system.in_kafka() - base
            if found and not first:
                first.extend((time.monotonic(), found))
            return found >= rows or found

        began = time.monotonic()
        self.system.start_capture()
        ended = until(there, f"{self.system.name}: {rows} rows in Kafka", timeout=LIMIT, watch=self.system.watch)
        spent = meter.read()
        steady = (rows - first[1]) / (ended - first[0]) if ended > first[0] else 0.0
        return _throughput(rows, ended - began, steady, spent, ended - first[0], self._start_cpu["capture"])

    def timed_to_national(self, start: Start, pattern: str, rows: int) -> Outcome:
        """From the start until the rows that changed last are national; contents are compared afterwards."""
        arrival = Arrival(self.system, self.rows)
        meter = Meter(self.system.groups)
        began = time.monotonic()
        (self.system.start_capture if start == "capture" else self.system.start_delivery)()
        ended = until(
            lambda: arrival.complete(pattern),
            f"{self.system.name}: {rows} rows are national",
            timeout=LIMIT,
            watch=self.system.watch,
        )
        spent = meter.read()
        self.system.settle()
        settled = meter.read()
        arrival.close()
        self.check()
        steady, span = self._from_first_commit(pattern.replace("-end", "-%"))
        outcome = _throughput(rows, ended - began, steady, spent, span, self._start_cpu[start])
        if isinstance(self.system, Ours):
            outcome.facts["cpu_seconds_until_people_are_done"] = settled
            outcome.figures["CPU per row, people included"] = system_seconds(settled) / rows * 1e6
        return outcome

    def timed_rewind(self) -> Outcome:
        """Ours: from the sink's start until it has read all its topics again into emptied tables; contents are compared."""
        system = self.system
        assert isinstance(system, Ours)
        self.park()
        rows = system.rewind_sink()
        meter = Meter(system.groups)
        began = time.monotonic()
        system.start_sink()
        first = until(lambda: system.sink_rows() > 0, "the first rows are national", timeout=LIMIT, watch=system.watch)
        ended = until(lambda: system.sink_rows() >= rows, f"{rows} rows are read", timeout=LIMIT, watch=system.watch)
        spent = meter.read()
        until(system.sink_is_done, "golden persons and findings are read", timeout=LIMIT, watch=system.watch)
        self.check()
        self.park()
        return _throughput(rows, ended - began, rows / (ended - first), spent, ended - first, 0.0)

    def _from_first_commit(self, pattern: str) -> tuple[float, float]:
        """Rows a second, and the seconds, between the first and the last national commit of the rows marked so."""
        commits: dict[float, int] = {}
        with psycopg.connect(self.system.national_dsn) as connection:
            for table in workload.TABLES:
                name, key, form = self.system.national_key(table)
                owner = [] if key == "id" else [form.format(id="%")]
                query = (
                    "select extract(epoch from pg_xact_commit_timestamp(xmin))::float8, count(*) from "
                    f"{name} where {table.mark} like %s{f' and {key} like %s' if owner else ''} group by 1"
                )
                for moment, count in connection.execute(query, [pattern, *owner]):
                    commits[moment] = commits.get(moment, 0) + count
        first, last = min(commits), max(commits)
        if last == first:
            return 0.0, 0.0
        return (sum(commits.values()) - commits[first]) / (last - first), last - first


def _throughput(
    rows: int, seconds: float, steady: float, spent: dict[str, float], span: float, start_cpu: float
) -> Outcome:
    """`steady` and `span`: rows a second and seconds from the first row on; 0 if all rows came at once."""
    cpu = system_seconds(spent)
    figures = {
        "rows/s": rows / seconds,
        "rows/s per core used": rows / cpu,
        "CPU per row": cpu / rows * 1e6,
        "CPU per row, start left out": max(0.0, cpu - start_cpu) / rows * 1e6,
    }
    if steady:
        figures["rows/s from the first row on"] = steady
    facts = {
        "rows": rows,
        "seconds": round(seconds, 2),
        "seconds_from_first_row": round(span, 2),
        "cpu_seconds": spent,
        "cpu_seconds_of_an_idle_start": round(start_cpu, 2),
        "cpu_microseconds_per_row": {name: round(value / rows * 1e6, 2) for name, value in spent.items()},
        "load1": round(os.getloadavg()[0], 2),
    }
    return Outcome(figures, facts)
