"""Watches the slot from a connection of its own, and writes the heartbeat that lets an idle slot advance: every so often as a
canary, which travels on as a record.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from producers.measures import Measures
from producers.sources.postgresql.tables import PostgresReader
from schemas.errors import HemisError


class Watch:
    """`lost` becomes true when the server has removed log that the slot needed. `canary_seconds` 0: no canaries."""

    def __init__(
        self,
        reader: Callable[[], PostgresReader],
        slot: str,
        seconds: float,
        canary_seconds: float,
        measures: Measures,
    ) -> None:
        self.lost = False
        self._make_reader = reader
        self._slot = slot
        self._seconds = seconds
        self._canary_seconds = canary_seconds
        self._canary_at = time.monotonic() if canary_seconds else float("inf")
        self._measures = measures
        self._stop = Event()
        self._reader: PostgresReader | None = None
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except HemisError:
                # The stream meets the same trouble and reports it; here only the connection is made anew.
                self._drop()
            self._stop.wait(max(0.01, min(self._seconds, self._canary_at - time.monotonic())))
        self._drop()

    def _look(self) -> None:
        if self._reader is None:
            self._reader = self._make_reader()
        status = self._reader.status(self._slot)
        self._measures.retained(status.retained_bytes)
        self.lost = status.lost
        if not status.lost:
            due = time.monotonic() >= self._canary_at
            self._reader.beat(canary=due)
            if due:
                self._canary_at = time.monotonic() + self._canary_seconds

    def _drop(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
