"""How far the sink is, told on hemis.progress: RECORDS' admission reads it (P5). Fire and forget, since each message
supersedes the one before; the last one of a partition is always sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from schemas import topics
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header

APART_SECONDS = 0.02
"""Least time between two messages of one partition."""

Clock = Callable[[], float]


class Producer(Protocol):
    def produce(
        self, topic: str, value: bytes | None = None, key: bytes | None = None, partition: int = -1
    ) -> None: ...

    def poll(self, timeout: float) -> int: ...


class Progress:
    """`done` after each commit, `tick` at least every `APART_SECONDS` while `waiting`."""

    def __init__(self, producer: Producer, schema_id: int, *, clock: Clock = time.monotonic) -> None:
        self._producer = producer
        self._header = header(schema_id)
        self._encode = codec(subject("Progress")).encode
        self._clock = clock
        self._sent: dict[tuple[str, int], float] = {}
        self._due: dict[tuple[str, int], int] = {}

    @property
    def waiting(self) -> bool:
        return bool(self._due)

    def done(self, places: Mapping[tuple[str, int], int]) -> None:
        """Places are committed: `places` gives the first offset not yet done of each partition."""
        self._due.update(places)
        self.tick()

    def tick(self, *, last: bool = False) -> None:
        """Send what is due; `last`: everything."""
        now = self._clock()
        for partition, place in list(self._due.items()):
            if last or now - self._sent.get(partition, -1.0) >= APART_SECONDS:
                del self._due[partition]
                self._sent[partition] = now
                self._send(*partition, place)
        self._producer.poll(0)

    def _send(self, topic: str, partition: int, place: int) -> None:
        record = {
            "stage": "sink",
            "topic": topic,
            "partition": partition,
            "place": place,
            "at": time.time_ns() // 1000,
        }
        key = f"sink/{topic}/{partition}".encode()
        try:
            self._producer.produce(topics.PROGRESS.name, self._header + self._encode(record), key, 0)
        except BufferError:
            self._due[topic, partition] = place
