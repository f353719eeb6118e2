"""The canaries as the national table has them: read every second, told as metrics, and their history kept short."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.health import late
from schemas.metrics import declared
from sinks.model import ENTITIES

LOOK_SECONDS = 1.0
TIDY_SECONDS = 600.0
KEPT = timedelta(days=2)
"""History of the canaries: at 470 institutions 2.7 million rows a day that nobody reads later."""
CANARY = ENTITIES["canary"]

Seen = dict[str, tuple[float, float]]


class Canaries(Collector):
    """By a thread and a connection of its own, so that a database which hangs is told by canaries that grow old, not by a
    scrape that fails.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._seen: Seen = {}
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="canaries", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        tidied = 0.0
        while not self._stop.wait(LOOK_SECONDS):
            try:
                seen = look(self._engine)
                with self._lock:
                    self._seen = seen
                if time.monotonic() - tidied > TIDY_SECONDS or not tidied:
                    tidy(self._engine, datetime.now(UTC) - KEPT)
                    tidied = time.monotonic()
            except sa.exc.SQLAlchemyError:  # the delivery meets the same trouble and reports it
                continue

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            seen = self._seen
        for place, name in enumerate(("hemis_canary_timestamp_seconds", "hemis_canary_interval_seconds")):
            metric = declared(name)
            family = GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels)
            for institution, facts in seen.items():
                family.add_metric([institution], facts[place])
            yield family

    def ready(self) -> dict[str, str]:
        """Wrong if no institution's canary arrives: one that is silent is its own trouble, all of them are ours."""
        with self._lock:
            seen = list(self._seen.values())
        if not seen:
            return {}
        newest, interval = max(seen)
        return late(newest, time.time(), interval)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2)


def look(engine: sa.Engine) -> Seen:
    """By institution: when its newest canary began its way (Unix time), and how often it sends one."""
    columns = CANARY.table.c
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(columns.institution, columns.changed_at, columns.interval_seconds).where(
                columns.operation != "CANCEL"
            )
        ).all()
    seen: Seen = {}
    for row in rows:
        found = row.changed_at.timestamp(), float(row.interval_seconds or 15)
        seen[row.institution] = max(found, seen.get(row.institution, found))
    return seen


def tidy(engine: sa.Engine, before: datetime) -> int:
    """Delete canaries that were replaced before a moment; how many."""
    assert CANARY.history is not None
    with engine.begin() as connection:
        return connection.execute(sa.delete(CANARY.history).where(CANARY.history.c.replaced_at < before)).rowcount
