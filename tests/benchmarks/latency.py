"""Commit at the source to commit in the national database, both from the clusters' own commit timestamps (one clock)."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from tests.benchmarks.measure import percentile
from tests.benchmarks.system import Store
from tests.benchmarks.waiting import until
from tests.benchmarks.workload import SENTINELS, TABLES

CLIENTS = 2
WARM_SECONDS = 2.0
"""Commits of the first seconds are left out."""

PATIENCE = 120.0
"""What is not national after so many seconds counts as missing."""


@dataclass(frozen=True)
class Delays:
    """Milliseconds, one per changed row. `late_ms`: how far behind its plan the load generator was at worst."""

    values: list[float]
    committed: int
    missing: int
    achieved_rate: float
    late_ms: float

    def at(self, share: float) -> float:
        return round(percentile(self.values, share), 2)

    def facts(self) -> dict[str, object]:
        return {
            "rows": len(self.values),
            "missing": self.missing,
            "achieved_per_second": round(self.achieved_rate, 1),
            "generator_late_ms": round(self.late_ms, 1),
            "p95": self.at(0.95),
            "max": round(max(self.values), 2),
        }


class Commits(threading.Thread):
    """Single-row transactions at a steady rate, tables in turn, every row at most once, all with the same mark."""

    def __init__(self, dsn: str, rows: int, rate: float, seconds: float, mark: str) -> None:
        super().__init__(name=f"commits-{mark}")
        self._dsn, self._rate, self._mark = dsn, rate, mark
        body = (rows - SENTINELS) * len(TABLES)
        self.count = min(int(rate * seconds), body)
        self.late = 0.0
        self.seconds = 0.0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            began = time.perf_counter() + 0.2
            clients = [threading.Thread(target=self._client, args=(number, began)) for number in range(CLIENTS)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            self.seconds = time.perf_counter() - began
        except BaseException as error:
            self.failure = error

    def _client(self, number: int, began: float) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                for place in range(number, self.count, CLIENTS):
                    ahead = began + place / self._rate - time.perf_counter()
                    if ahead > 0:
                        time.sleep(ahead)
                    self.late = max(self.late, -ahead)
                    table = TABLES[place % len(TABLES)]
                    connection.execute(
                        f"update {table.name} set {table.mark} = %s, updated_at = clock_timestamp() where id = %s",
                        [self._mark, place // len(TABLES) + 1],
                    )
        except BaseException as error:
            self.failure = error


def measure(store: Store, source_dsn: str, rows: int, rate: float, seconds: float, mark: str) -> Delays:
    """Commit at this rate for so long, wait until all is national, and give the delays.

    `mark` may not occur in either database yet.
    """
    commits = Commits(source_dsn, rows, rate, seconds, mark)
    commits.start()
    commits.join()
    return collect(store, source_dsn, commits, mark)


def collect(store: Store, source_dsn: str, commits: Commits, mark: str, until_epoch: float | None = None) -> Delays:
    """The delays of commits that are all made.

    `until_epoch`: leave out what was committed later than this (seconds since 1970).
    """
    if commits.failure is not None:
        raise commits.failure
    with (
        psycopg.connect(source_dsn, autocommit=True) as source,
        psycopg.connect(store.national_dsn, autocommit=True) as national,
    ):

        def arrived() -> object:
            found = 0
            for table in TABLES:
                name, _, _ = store.national_key(table)
                row = national.execute(f"select count(*) from {name} where {table.mark} = %s", [mark]).fetchone()
                found += int(row[0]) if row else 0
            return found == commits.count or found

        with suppress(TimeoutError):  # what is missing is counted below
            until(arrived, f"{commits.count} changes are national", timeout=PATIENCE, every=0.2, watch=store.watch)
        left: dict[tuple[str, str], float] = {}
        came: dict[tuple[str, str], float] = {}
        moment = "extract(epoch from pg_xact_commit_timestamp(xmin))::float8 * 1000"
        for table in TABLES:
            name, key, form = store.national_key(table)
            query = f"select id, {moment} from {table.name} where {table.mark} = %s"
            left.update({(table.name, form.format(id=row[0])): row[1] for row in source.execute(query, [mark])})
            query = f"select {key}::text, {moment} from {name} where {table.mark} = %s"
            came.update({(table.name, row[0]): row[1] for row in national.execute(query, [mark])})
    begin = min(left.values()) + WARM_SECONDS * 1000
    end = float("inf") if until_epoch is None else until_epoch * 1000
    steady = [came[key] - at for key, at in left.items() if key in came and begin <= at <= end]
    values = steady or [came[key] - at for key, at in left.items() if key in came]
    return Delays(values, len(left), len(left) - len(came), commits.count / commits.seconds, commits.late * 1000)
