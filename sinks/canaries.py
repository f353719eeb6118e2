"""The canaries as the national table has them: read every second, told as metrics, and their history kept short. What was noted
of arrivals is stored by the same thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import NamedTuple

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.errors import HemisError
from schemas.health import late
from schemas.metrics import declared
from sinks.arrivals import Arrivals
from sinks.model import ENTITIES

LOOK_SECONDS = 1.0
TIDY_SECONDS = 600.0
KEPT = timedelta(days=2)
"""History of the canaries: at 470 institutions 2.7 million rows a day that nobody reads later."""
CANARY = ENTITIES["canary"]


class Seen(NamedTuple):
    """When a canary began its way at the source, when the agent read it, when it was applied; how often one comes."""

    changed_at: datetime
    captured_at: datetime
    applied_at: datetime
    interval: float


class Canaries(Collector):
    """By a thread and a connection of its own, so that a database which hangs is told by canaries that grow old, not by a
    scrape that fails.
    """

    def __init__(self, engine: sa.Engine, arrivals: Arrivals | None = None) -> None:
        self._engine = engine
        self._arrivals = arrivals
        self._seen: dict[str, Seen] = {}
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="canaries", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        tidied = 0.0
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self._look()
                if time.monotonic() - tidied > TIDY_SECONDS or not tidied:
                    tidy(self._engine, datetime.now(UTC) - KEPT)
                    if self._arrivals is not None:
                        self._arrivals.tidy(datetime.now(UTC))
                    tidied = time.monotonic()
            except (sa.exc.SQLAlchemyError, HemisError):  # the delivery meets the same trouble and reports it
                continue

    def _look(self) -> None:
        seen = look(self._engine)
        with self._lock:
            before, self._seen = self._seen, seen
        if self._arrivals is None:
            return
        for institution, found in seen.items():
            known = before.get(institution)
            if known is not None and known.changed_at != found.changed_at:
                self._arrivals.canary(institution, found.changed_at, found.captured_at, found.applied_at)
        self._arrivals.store()

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            seen = self._seen
        facts: dict[str, Callable[[Seen], float]] = {
            "hemis_canary_timestamp_seconds": lambda canary: canary.changed_at.timestamp(),
            "hemis_canary_interval_seconds": lambda canary: canary.interval,
        }
        for name, fact in facts.items():
            metric = declared(name)
            family = GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels)
            for institution, canary in seen.items():
                family.add_metric([institution], fact(canary))
            yield family

    def ready(self) -> dict[str, str]:
        """Wrong if no institution's canary arrives: one that is silent is its own trouble, all of them are ours."""
        with self._lock:
            seen = list(self._seen.values())
        if not seen:
            return {}
        newest = max(seen)
        return late(newest.changed_at.timestamp(), time.time(), newest.interval)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2)


def look(engine: sa.Engine) -> dict[str, Seen]:
    """Each institution's newest canary."""
    c = CANARY.table.c
    columns = (c.institution, c.changed_at, c.captured_at, c.applied_at, c.interval_seconds)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(*columns).where(c.operation != "CANCEL")).all()
    seen: dict[str, Seen] = {}
    for institution, changed_at, captured_at, applied_at, interval in rows:
        found = Seen(changed_at, captured_at, applied_at, float(interval or 15))
        seen[institution] = max(found, seen.get(institution, found))
    return seen


def tidy(engine: sa.Engine, before: datetime) -> int:
    """Delete canaries that were replaced before a moment; how many."""
    assert CANARY.history is not None
    with engine.begin() as connection:
        return connection.execute(sa.delete(CANARY.history).where(CANARY.history.c.replaced_at < before)).rowcount
