"""The manifest: how many records of each entity the university's tables should give, counted there. What is missing
nationally can't be seen from what has arrived.
"""

from __future__ import annotations

import time
from collections import Counter

from producers.mapping.compile import Event
from producers.mapping.model import Mapping
from producers.operational import Operational
from producers.sources.source import Reader


class Manifest:
    """Due every `seconds` (0: never), and at once after a load."""

    def __init__(self, mapping: Mapping, own: Operational, seconds: float) -> None:
        self._mapping = mapping
        self._own = own
        self._seconds = seconds
        self._due_at = time.monotonic() if seconds else float("inf")

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._due_at

    def hurry(self) -> None:
        """The tables were read to their end: say now what should have arrived."""
        if self._seconds:
            self._due_at = time.monotonic()

    def take(self, reader: Reader, position: int) -> list[Event]:
        """Count, and give one event per entity. `position`: of the log, from before the count.

        A table that can't be counted is tried again when the next manifest is due.
        """
        self._due_at = time.monotonic() + self._seconds
        rows = {name: reader.count(facts) for name, facts in reader.describe(self._mapping.record_tables).items()}
        expected: Counter[str] = Counter()
        for record in self._mapping.records:
            expected[record.entity] += rows.get(record.table, 0)
        return [self._own.manifest(entity, count, position) for entity, count in expected.items()]
