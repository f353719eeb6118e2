"""Sends events to the institution's topic, in order, and says how far they are acknowledged.

One partition, idempotence and gapless guarantee: once the last event of a batch is acknowledged, all before it are, and an
event that the broker refuses ends the producer instead of leaving a hole. So one delivery report per batch is enough (P1).

One request in flight and no linger: an event on a quiet stream leaves at once, and while a request is under way all that
comes is gathered into the next, so batches grow with the load by themselves.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.broker import REFUSALS
from schemas.codec import codec
from schemas.envelope import header, read
from schemas.errors import HemisError
from schemas.logs import log

Event = tuple[bytes, bytes]

LARGEST = (8 << 20) - 4096
"""Bytes of the largest event that a changes topic takes, less what a batch adds."""

WATCHED = 900_000
"""Events above this get a delivery report of their own: only they can be refused for their size."""

_CONFIG: dict[str, object] = {
    "acks": "all",
    "enable.idempotence": True,
    "enable.gapless.guarantee": True,
    "max.in.flight.requests.per.connection": 1,
    "linger.ms": 0,
    "batch.size": 1_000_000,
    "batch.num.messages": 100_000,
    "message.max.bytes": 8 << 20,
    "compression.type": "lz4",
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": 0,
    "socket.nagle.disable": True,
    "allow.auto.create.topics": False,
    "statistics.interval.ms": 0,
}

_BY_KAFKA: dict[int, str] = REFUSALS | {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "E403",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "E403",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "E403",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "E404",
    KafkaError._UNKNOWN_TOPIC: "E404",
    KafkaError._UNKNOWN_PARTITION: "E404",
    KafkaError._ALL_BROKERS_DOWN: "E401",
    KafkaError._TRANSPORT: "E401",
    KafkaError._RESOLVE: "E401",
    KafkaError._TIMED_OUT: "E407",
    KafkaError._MSG_TIMED_OUT: "E407",
    KafkaError.MSG_SIZE_TOO_LARGE: "E106",
}


def translated(error: KafkaError) -> HemisError:
    """A Kafka error as the catalogue's, by code; an unknown one is worth another try."""
    return HemisError(_BY_KAFKA.get(error.code(), "E407"), kafka=error.name())


class Mark:
    """A point in the stream of events: once `offset` is set, all events up to it are acknowledged."""

    __slots__ = ("committed_at", "counts", "offset", "position", "size")

    def __init__(self, position: int, committed_at: int, size: int, counts: Sequence[int] = ()) -> None:
        self.counts = counts
        self.position = position
        self.committed_at = committed_at
        self.size = size
        self.offset = -1


class Lane:
    """Events of one writer (the stream, the loader) in the shared producer, with its own marks.

    Args:
        waiting: called some times per second while the buffer is full; keeps the source's connection alive.
    """

    def __init__(self, publisher: Publisher, waiting: Callable[[], None] = lambda: None) -> None:
        self._publisher = publisher
        self._waiting = waiting
        self._lock = Lock()
        self.marks: deque[Mark] = deque()
        self.acknowledged: Mark | None = None
        self.buffered = 0
        self.counts = [0, 0, 0]
        """Acknowledged events: new, update, cancel."""

    def send(
        self, events: Sequence[Event], position: int, committed_at: int, counts: Sequence[int] = ()
    ) -> Mark | None:
        """Hand over events; blocks while the buffer is full (P5: back-pressure instead of memory).

        Args:
            position: what may be confirmed once these and all before are acknowledged.
        """
        if not events:
            self._pass(position, committed_at)
            return None
        size = sum([len(value) for _, value in events])
        mark = Mark(position, committed_at, size, counts)
        with self._lock:
            self.marks.append(mark)
            self.buffered += size
        self._publisher.produce(events, lambda error, message: self._done(mark, error, message), self._waiting)
        return mark

    def _pass(self, position: int, committed_at: int) -> None:
        """Nothing to send: the position belongs to the last mark, or is free at once."""
        with self._lock:
            if self.marks:
                self.marks[-1].position = max(self.marks[-1].position, position)
            elif self.acknowledged is None or position > self.acknowledged.position:
                mark = Mark(position, committed_at, 0)
                mark.offset = self.acknowledged.offset if self.acknowledged else -1
                self.acknowledged = mark

    def _done(self, mark: Mark, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self._publisher.fail(error)
            return
        with self._lock:
            mark.offset = message.offset()
            if self.acknowledged is not None:
                mark.position = max(mark.position, self.acknowledged.position)
            while self.marks:
                first = self.marks.popleft()
                self.buffered -= first.size
                for i, count in enumerate(first.counts):
                    self.counts[i] += count
                if first is mark:
                    break
            self.acknowledged = mark

    def rest(self, wait: float) -> None:
        """Let delivery reports come in. Raises HemisError once the producer has ended."""
        self._publisher.poll(wait)
        self._waiting()


class Publisher:
    """One producer for the institution's changes topic; each thread that sends has a `Lane` of its own."""

    def __init__(
        self,
        config: dict[str, Any],
        topic: str,
        buffer_bytes: int,
        oversized_id: int,
        folder: Path,
        largest: int = LARGEST,
    ) -> None:
        self.topic = topic
        self.largest = largest
        self.oversized = 0
        self._folder = folder
        self._oversized_id = oversized_id
        self._error: HemisError | None = None
        self.reachable = True
        self._producer = Producer(
            config
            | _CONFIG
            | {
                "queue.buffering.max.kbytes": max(1024, min(buffer_bytes >> 10, 2_097_151)),
                "error_cb": self._on_error,
            }
        )

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal() or error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
            self._error = self._error or translated(error)
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.reachable = False

    def fail(self, error: KafkaError) -> None:
        """An event was refused for good. The first cause counts: what comes after only repeats that the producer ended."""
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self.largest = max(100_000, self.largest // 2)
        if self._error is None or error.code() in _BY_KAFKA:
            self._error = translated(error)

    def check(self) -> None:
        """Raises what has gone wrong for good."""
        if self._error is not None:
            raise self._error

    def produce(self, events: Sequence[Event], done: Callable[[Any, Any], None], waiting: Callable[[], None]) -> None:
        """Queue events in order; `done` reports on the last. Raises HemisError once the producer has ended."""
        self.check()
        produce, topic, largest = self._producer.produce, self.topic, self.largest
        last = len(events) - 1
        for i, (key, value) in enumerate(events):
            if len(value) > largest:
                key, value = self._replaced(key, value)
            try:
                if i == last:
                    produce(topic, value, key, 0, done)
                elif len(value) > WATCHED:
                    produce(topic, value, key, 0, self._watched)
                else:
                    produce(topic, value, key, 0)
            except BufferError:
                self._push((key, value), done if i == last else self._watched, waiting)
            except KafkaException as error:
                raise self._ended(error) from error
        self._serve(0)

    def _watched(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self.fail(error)

    def _ended(self, error: KafkaException) -> HemisError:
        """Why the producer takes no more. The reports of what was under way come after the end, and name the cause."""
        for _ in range(20):
            try:
                self._producer.poll(0.05)
            except KafkaException:
                continue
            if self._error is not None:
                break
        self._error = self._error or translated(error.args[0])
        return self._error

    def _serve(self, wait: float) -> None:
        """Delivery reports and errors. A producer that has ended raises out of the client itself."""
        try:
            self._producer.poll(wait)
        except KafkaException as error:
            raise self._ended(error) from error

    def _push(self, event: Event, done: Callable[[Any, Any], None], waiting: Callable[[], None]) -> None:
        while True:
            self._serve(0.02)
            waiting()
            self.check()
            try:
                self._producer.produce(self.topic, event[1], event[0], 0, done)
            except BufferError:
                continue
            except KafkaException as error:
                raise self._ended(error) from error
            return

    def poll(self, wait: float) -> None:
        """Let delivery reports come in.

        Raises:
            HemisError: the producer has ended.
        """
        self._serve(wait)
        self.check()

    def _replaced(self, key: bytes, value: bytes) -> Event:
        """The bytes to disk, readable by the agent's user only, and an event that stands for them."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest = sha256(value).hexdigest()
        path = self._folder / digest
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        envelope = read(value)
        self.oversized += 1
        log(
            "error", "event too large", action="map fewer or shorter fields", code="E106", file=digest, bytes=len(value)
        )
        body = codec("vn.hemis.Oversized").encode(
            {
                "instance": envelope.instance,
                "record_key": envelope.record_key,
                "version": envelope.version,
                "size": len(value),
                "sha256": digest,
                "changed_at": envelope.changed_at,
            }
        )
        return key, header(self._oversized_id) + body

    def say(self, event: Event, wait: float, waiting: Callable[[], None]) -> int:
        """Send one event and wait for its offset.

        Raises:
            HemisError E407: not acknowledged in time; it may still arrive.
        """
        lane = Lane(self, waiting)
        mark = lane.send([event], 0, 0)
        assert mark is not None
        end = time.monotonic() + wait
        while mark.offset < 0:
            if time.monotonic() > end:
                raise HemisError("E407" if self.reachable else "E401")
            self.poll(0.05)
            waiting()
        self.reachable = True
        return mark.offset

    def close(self) -> None:
        """Forget what is not acknowledged: the source will send it again."""
        self._producer.purge(True, True, True)
        with suppress(KafkaException):  # it may have ended already
            self._producer.poll(0)
