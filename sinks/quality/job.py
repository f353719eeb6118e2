"""The scheduled work on quality inside `hemis sink run`: today's measures, days that have ended, set rules, what a day makes due, waivers of
PEOPLE's findings.

Several sinks may run: an advisory lock lets one of them work at a time. Nothing of the stream waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from threading import Event, Thread
from typing import NamedTuple

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from schemas.errors import HemisError
from schemas.metrics import make
from sinks.database import translated_database_errors
from sinks.model import APPLIED_OFFSET, QUALITY_DAY
from sinks.quality import people_waivers, set_job, touch
from sinks.quality.compute import compute, store
from sinks.quality.days import Day, today
from sinks.quality.measures import ALL, FOUR, Row
from sinks.quality.stream import Stream

_LOCK = 4736_4948
CATCH_UP_DAYS = 30
"""Days that a sink which was away computes at most."""
CATCH_UP_SECONDS = 10.0
"""How long the rules over sets wait for the sink, at each of their turns."""
LOOK_EVERY = 60
"""Every so many intervals whole tables are read for what has become due."""


def try_lock(connection: sa.Connection) -> bool:
    """Until the end of the connection's transaction."""
    return bool(connection.execute(sa.text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")).scalar())


def places(connection: sa.Connection) -> dict[tuple[str, int], int]:
    """How far the sinks are."""
    o = APPLIED_OFFSET.c
    return {(row[0], row[1]): row[2] for row in connection.execute(sa.select(o.topic, o.partition, o.next_offset))}


def measure(engine: sa.Engine, day: Day) -> list[Row]:
    """Compute and store a day, in one transaction and from one snapshot."""
    with translated_database_errors(), _serial(engine) as connection, connection.begin():
        rows = compute(connection, day)
        store(connection, day, rows)
    return rows


def unfinished(connection: sa.Connection, now: Day) -> list[Day]:
    """Ended days whose rows are missing or were stored before the day's end, after the first day that has any."""
    q = QUALITY_DAY.c
    since = now.day - timedelta(days=CATCH_UP_DAYS)
    query = sa.select(q.day, sa.func.bool_and(q.facts["final"].as_boolean())).where(
        q.measure == "records", q.scope == ALL, q.day >= since, q.day < now.day
    )
    known: dict[date, bool] = {row[0]: bool(row[1]) for row in connection.execute(query.group_by(q.day))}
    if not known:
        return []
    first = min(known)
    days = (first + timedelta(days=n) for n in range((now.day - first).days))
    return [replace(now, day=day) for day in days if not known.get(day)]


class Touching(NamedTuple):
    """How what a day makes due is ordered: by whom, how often (0: never), and how many records of an institution at a time."""

    orders: Callable[[], touch.Orders]
    seconds: float
    records: int


class QualityJob:
    """A thread. `failed` is told of an error; the next run tries again. `measure_seconds` and `rules_seconds` 0: never.

    While the database is an older copy that has not caught up, nothing is measured: days that ended would lack their last hours. The
    rules over sets wait for everything that was written when they are due, their own findings included: from half of the
    records they would tell institutions nonsense, and take it back later.
    """

    def __init__(
        self,
        engine: sa.Engine,
        publisher: Callable[[], set_job.Publisher],
        metrics: CollectorRegistry,
        failed: Callable[[HemisError], None],
        stream: Stream,
        touching: Touching,
        *,
        measure_seconds: float,
        rules_seconds: float,
    ) -> None:
        self._engine = engine
        self._touching = touching
        self._orders: touch.Orders | None = None
        self._look_at = 0.0
        self._make_publisher = publisher
        self._publisher: set_job.Publisher | None = None
        self._every = {self._measure: measure_seconds, self._rules: rules_seconds, self._touch: touching.seconds}
        # Not at once: a sink that was down has a backlog, and the database better things to do.
        self._due = {act: time.monotonic() + seconds for act, seconds in self._every.items() if seconds > 0}
        self._stop = Event()
        self._quality = make(metrics, "hemis_quality_ratio", Gauge)
        self._findings = make(metrics, "hemis_findings", Gauge)
        self._failed = failed
        self._stream = stream
        self._thread = Thread(target=self._run, name="quality", daemon=True)

    def start(self) -> None:
        if self._due:
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            for act, due in list(self._due.items()):
                if due <= time.monotonic() and not self._stop.is_set():
                    self._guarded(act)
                    self._due[act] = time.monotonic() + self._every[act]
            self._stop.wait(max(0.05, min(self._due.values()) - time.monotonic()))

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            with translated_database_errors():
                act()
        except HemisError as error:
            self._failed(error)

    def _measure(self) -> None:
        with _serial(self._engine) as connection, connection.begin():
            if not try_lock(connection) or self._stream.older_copy(places(connection)):
                return
            now = today()
            for day in [*unfinished(connection, now), now]:
                rows = compute(connection, day)
                store(connection, day, rows)
            self._show(connection, rows)

    def _rules(self) -> None:
        with self._engine.connect() as connection, connection.begin():
            if not try_lock(connection) or not self._caught_up(connection):
                return
            set_job.run(connection, self._findings_out())

    def _findings_out(self) -> set_job.Publisher:
        if self._publisher is None:
            self._publisher = self._make_publisher()
        return self._publisher

    def _touch(self) -> None:
        with self._engine.connect() as connection, connection.begin():
            if not try_lock(connection) or self._stream.older_copy(places(connection)):
                return
            if self._orders is None:
                self._orders = self._touching.orders()
            now = today()
            people_waivers.run(connection, self._findings_out(), now)
            if time.monotonic() >= self._look_at:
                touch.look(connection, now)
                self._look_at = time.monotonic() + LOOK_EVERY * self._touching.seconds
            touch.give(connection, self._orders, now, self._touching.records)

    def _caught_up(self, connection: sa.Connection) -> bool:
        """Wait a while for the sink; another time if it has more to do."""
        ends = self._stream.ends()
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while not self._stop.is_set():
            now = places(connection)
            if all(now.get(at, 0) >= end for at, end in ends.items()):
                return True
            if time.monotonic() > deadline:
                return False
            self._stop.wait(CATCH_UP_SECONDS / 100)
        return False

    def _show(self, connection: sa.Connection, rows: list[Row]) -> None:
        self._quality.clear()
        for row in rows:
            if row.measure in FOUR and row.scope == ALL and row.value is not None:
                self._quality.labels(row.institution, row.measure).set(row.value)
        self._findings.clear()
        query = "SELECT institution, status, count(*) FROM finding GROUP BY 1, 2"
        for institution, status, count in connection.execute(sa.text(query)):
            self._findings.labels(institution, status.lower()).set(count)


def _serial(engine: sa.Engine) -> sa.Connection:
    """All statements of a computation see one snapshot, else a measure's parts would not fit together."""
    return engine.connect().execution_options(isolation_level="REPEATABLE READ")
