"""How far any copy of the national database has ever come: the offsets that the sink's group has committed.

Never read from to go on, and never moved back. A place in the database that lies before is that of an older copy: what lies
between was there already. Ordinary tools show the sink's lag by them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.errors import HemisError

APART_SECONDS = 5.0
ANSWER_SECONDS = 10.0

At = tuple[str, int]


class Group(Protocol):
    """Of a consumer, what is needed here."""

    def committed(self, partitions: list[TopicPartition], timeout: float = ...) -> list[TopicPartition]: ...

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float = ...) -> tuple[int, int] | None: ...

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool = ...) -> object: ...


class Reached:
    def __init__(self, consumer: Consumer | Group, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._consumer = consumer
        self._clock = clock
        self._offsets: dict[At, int] = {}
        self._fresh: set[At] = set()
        self._told = clock()
        self.behind: dict[At, int] = {}
        """Partitions whose place in the database is that of an older copy, and how far they had come."""

    def placed(self, places: Mapping[At, int]) -> None:
        """Partitions begin at these places of the database.

        Raises:
            HemisError E401 (transient).
        """
        found = committed(self._consumer, places)
        for at, place in places.items():
            offset = max(found.get(at, 0), self._offsets.get(at, 0))
            if offset > place:
                # A topic that was made anew has another log, which the former offset says nothing of.
                offset = min(offset, max(place, self._end(at)))
            if offset < found.get(at, 0):
                self._fresh.add(at)
            self._offsets[at] = offset
            if offset > place:
                self.behind[at] = offset
            else:
                self.behind.pop(at, None)

    def done(self, places: Mapping[At, int]) -> None:
        """The database has come to these places."""
        for at, place in places.items():
            if place > self._offsets.get(at, 0):
                self._offsets[at] = place
                self._fresh.add(at)
            if place >= self.behind.get(at, place + 1):
                del self.behind[at]
        if self._clock() - self._told >= APART_SECONDS:
            self.tell()

    def forget(self, at: At) -> None:
        """The partition is another member's."""
        for known in (self._offsets, self.behind):
            known.pop(at, None)
        self._fresh.discard(at)

    def tell(self, *, wait: bool = False) -> None:
        """Commit what is new. Whatever goes wrong, the next time says it too."""
        self._told = self._clock()
        if not self._fresh:
            return
        offsets = [TopicPartition(*at, self._offsets[at]) for at in sorted(self._fresh)]
        self._fresh.clear()
        try:
            self._consumer.commit(offsets=offsets, asynchronous=not wait)
        except KafkaException:
            self._fresh.update((one.topic, one.partition) for one in offsets)

    def _end(self, at: At) -> int:
        try:
            marks = self._consumer.get_watermark_offsets(TopicPartition(*at), timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise HemisError("E401", str(error.args[0].name())) from error
        return marks[1] if marks else 0


def committed(consumer: Consumer | Group, wanted: Iterable[At]) -> dict[At, int]:
    """What the consumer's group has committed of these partitions.

    Raises:
        HemisError E401 (transient).
    """
    asked = [TopicPartition(*at) for at in sorted(wanted)]
    if not asked:
        return {}
    try:
        found = consumer.committed(asked, timeout=ANSWER_SECONDS)
    except KafkaException as error:
        raise HemisError("E401", str(error.args[0].name())) from error
    return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}
