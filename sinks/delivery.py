"""The sink's loop: topics → batches → one transaction each → progress.

The order, and what a crash after each step leaves behind:
1. consume: nothing has happened; the store's places say where to read again.
2. dead letters, acknowledged: they are written again, which the operator sees as two letters of one offset.
3. rows, history, counts and places in one transaction (P1, P4): the batch is applied, and not read again.
4. progress and metrics: RECORDS' admission waits a moment longer.
The group's own offsets are never read from; they tell an older copy of the store (see `reached`).

A store that was replaced by an older copy heals by itself: its places are older, clean and golden topics hold at least the newest
message of every record, and the version rule makes the rest. What a former copy had applied keeps, to a quarter of an hour, the
time at which it had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import topics
from schemas.errors import HemisError
from schemas.logs import log
from sinks.base import Applied, Fenced, Partition, Run, Sink, Undecodable
from sinks.dead_letters import DeadLetters
from sinks.observed import Observed
from sinks.progress import APART_SECONDS, Progress
from sinks.reached import Reached
from sinks.topic_ids import TopicIds

SUBSCRIPTION = [r"^hemis\.clean\..*", r"^hemis\.findings\..*", "^" + topics.GOLDEN.name.replace(".", r"\.") + "$"]
IDLE_SECONDS = 0.5
"""Longest wait for a message; SIGTERM and the health page don't wait for it to be short."""
RETRY_SECONDS = (0.05, 1.0)
"""First and longest pause after a transient error."""
REST_AFTER = 128
REST_SECONDS = 0.02
"""A transaction costs the same few milliseconds for one row and for hundreds: whoever keeps up with a stream of more rows than
this a transaction waits a moment for more. A slow stream, where each row's delay counts, never does."""
LOOK_SECONDS = 5.0
"""How often our places are compared with the store's: one that was replaced is noticed even if nothing arrives."""
SLOT_MS = 15 * 60 * 1000
"""What a former copy had applied is applied again in pieces of this length, each with its time. It divides Vietnam's days."""

At = tuple[str, int]
Batch = dict[At, list[Message]]


def consumer_config(kafka: dict[str, object], group: str, member: str = "") -> dict[str, object]:
    """librdkafka's settings of the sink. What is fetched ahead is bounded: a slow database is back-pressure, not memory."""
    static = {"group.instance.id": member} if member else {}
    return (
        kafka
        | static
        | {
            "group.id": group,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 1_000,
            "fetch.wait.max.ms": 500,
            "fetch.queue.backoff.ms": 10,
            "queued.max.messages.kbytes": 32 << 10,
            "max.partition.fetch.bytes": 8 << 20,
            "fetch.message.max.bytes": 8 << 20,
            "isolation.level": "read_uncommitted",
        }
    )


class Delivery:
    """One member of the group. Runs in one thread; `stop` may be called from a signal handler."""

    def __init__(
        self,
        consumer: Consumer,
        sink: Sink,
        topic_ids: TopicIds,
        progress: Progress,
        dead_letters: DeadLetters,
        observed: Observed,
        *,
        batch_rows: int,
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._consumer = consumer
        self._sink = sink
        self._topic_ids = topic_ids
        self._progress = progress
        self._dead_letters = dead_letters
        self._observed = observed
        self._reached = Reached(consumer)
        self._batch_rows = batch_rows
        self._idle = idle
        self._stopping = False
        self._partitions: dict[At, Partition] = {}
        self._places: dict[At, int] = {}
        self._unplaced: set[At] = set()
        self._looked = time.monotonic()

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        """Until `stop`. Returns with everything applied that was begun.

        Raises:
            HemisError: terminal; nothing is lost, and a restart continues.
        """
        self._consumer.subscribe(SUBSCRIPTION, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        try:
            while not self._stopping:
                self._observed.turn()
                self._idle()
                if time.monotonic() - self._looked >= LOOK_SECONDS:
                    self._retried(self._look)
                if self._unplaced:
                    self._retried(self._place)
                self._round()
        finally:
            self._progress.tick(last=True)
            self._reached.tell(wait=True)

    # -- one batch ----------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        wait = APART_SECONDS if self._progress.waiting else IDLE_SECONDS
        messages = self._consume(1, wait)
        if messages:
            messages += self._consume(self._batch_rows - 1, 0)
        else:
            self._progress.tick()
        batch = self._sorted(messages)
        if batch:
            self._retried(lambda: self._apply(batch))
            if REST_AFTER <= len(messages) < self._batch_rows:
                time.sleep(REST_SECONDS)

    def _consume(self, count: int, wait: float) -> list[Message]:
        if count < 1:
            return []
        try:
            found = self._consumer.consume(count, wait)
        except KafkaException as error:
            self._kafka_error(error.args[0])
            return []
        return [message for message in found if self._is_record(message)]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            self._kafka_error(error)
        return error is None

    def _kafka_error(self, error: KafkaError) -> None:
        """A broker out of reach is waited for; a missing right is not."""
        if error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
            raise HemisError("E403", str(error.name()))
        if error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID):
            raise HemisError("E201", f"another sink has this member name ({error.name()})")
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
            raise HemisError("E402")
        if error.code() == KafkaError._SSL:
            self._observed.trouble(HemisError("E408"))
            return
        if error.code() not in (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART):
            self._observed.trouble(HemisError("E401", str(error.name())))

    def _sorted(self, messages: Iterable[Message]) -> Batch:
        batch: Batch = {}
        for message in messages:
            at = (message.topic(), message.partition())
            known = batch.get(at)
            if known is not None:
                known.append(message)
            elif at in self._places:
                batch[at] = [message]
        return batch

    def _apply(self, batch: Batch) -> None:
        for part, at in self._parts(batch) if self._reached.behind else [(batch, None)]:
            self._transaction(part, at)

    def _parts(self, batch: Batch) -> Iterator[tuple[Batch, datetime | None]]:
        """What a former copy of the store had applied in pieces with their times, then the rest."""
        rest: Batch = {}
        for at, messages in batch.items():
            had = self._reached.behind.get(at, 0)
            for slot, piece in groupby(messages, lambda m, had=had: _slot(m) if _offset(m) < had else None):  # type: ignore[misc]
                if slot is None:
                    rest[at] = list(piece)
                else:
                    listed = list(piece)
                    yield {at: listed}, _written_at(listed)
        if rest:
            yield rest, None

    def _transaction(self, batch: Batch, applied_at: datetime | None) -> None:
        held = [at for at in batch if at in self._places]
        runs = [self._run(at, batch[at], applied_at) for at in held]
        if not runs:
            return
        try:
            try:
                applied = self._sink.apply(runs)
            except Undecodable as error:
                bad = {(held[r.run], r.index): r for r in error.refused}
                self._bury(batch, bad)
                runs = [
                    replace(one, messages=[m for i, m in enumerate(one.messages) if (at, i) not in bad])
                    for at, one in zip(held, runs, strict=True)
                ]
                applied = self._sink.apply(runs)
        except Fenced:
            self._fenced(held)
            self._looked = -LOOK_SECONDS  # whatever moved these places may have moved all
            return
        for at in held:
            self._observed.processed(at[0], batch[at])
        self._applied(runs, applied)

    def _run(self, at: At, messages: list[Message], applied_at: datetime | None) -> Run:
        pairs = [(message.key() or b"", message.value()) for message in messages]
        return Run(self._partitions[at], self._places[at], _offset(messages[-1]) + 1, pairs, applied_at)

    def _applied(self, runs: list[Run], applied: Applied) -> None:
        done = {(run.partition.topic, run.partition.number): run.next for run in runs}
        self._places.update(done)
        self._progress.done(done)
        self._reached.done(done)
        self._observed.applied(done, applied, again=runs[0].at is not None)

    def _bury(self, batch: Batch, bad: dict[tuple[At, int], Any]) -> None:
        for (at, index), refused in bad.items():
            message = batch[at][index]
            self._dead_letters.put(
                at[0], at[1], message.offset(), message.key(), message.value(), refused.code, refused.reason
            )
        self._dead_letters.flush()
        for (at, index), refused in bad.items():
            self._observed.buried(at[0], batch[at][index].key(), refused.code)
            log(
                "error",
                "a message on a national topic can't be stored",
                action="find out which version of RECORDS or PEOPLE wrote it",
                topic=at[0],
                partition=at[1],
                offset=batch[at][index].offset(),
                code=refused.code,
            )

    def _fenced(self, held: list[At]) -> None:
        """Somebody else moved a place, or our own commit's answer got lost: read the places again and go there."""
        self._observed.fenced()
        self._unplaced.update(at for at in held if at in self._places)
        for at in held:
            self._places.pop(at, None)

    # -- partitions ---------------------------------------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Assigned but paused: reading begins once the store has told the places, which may take an outage."""
        consumer.incremental_assign(partitions)
        consumer.pause(partitions)
        self._unplaced.update((p.topic, p.partition) for p in partitions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """From here on nothing of these partitions is applied; a transaction in between is fenced by its places."""
        for at in [(p.topic, p.partition) for p in partitions]:
            self._unplaced.discard(at)
            self._places.pop(at, None)
            self._partitions.pop(at, None)
            self._reached.forget(at)
            self._observed.revoked(at)

    def _look(self) -> None:
        """A store that was replaced has other places than we think."""
        held = {at: self._partitions[at] for at in self._places}
        stored = self._sink.places(list(held.values()))
        self._looked = time.monotonic()
        moved = [at for at, partition in held.items() if stored[partition] != self._places[at]]
        if moved:
            self._fenced(moved)

    def _place(self) -> None:
        wanted = sorted(self._unplaced)
        ids = self._topic_ids.of({topic for topic, _ in wanted})
        partitions = {at: Partition(at[0], at[1], ids[at[0]]) for at in wanted if at[0] in ids}
        places = self._sink.places(list(partitions.values()))
        self._reached.placed({at: places[partition] for at, partition in partitions.items()})
        for at, partition in partitions.items():
            if at not in self._unplaced:
                continue
            here = TopicPartition(at[0], at[1], places[partition])
            self._consumer.incremental_unassign([here])
            self._consumer.incremental_assign([here])
            self._consumer.resume([here])
            self._partitions[at] = partition
            self._places[at] = places[partition]
        self._unplaced.difference_update(partitions)
        held = {at: self._places[at] for at in partitions if at in self._places}
        if again := {at: self._reached.behind[at] - self._places[at] for at in held if at in self._reached.behind}:
            log(
                "warning",
                "the national database is an older copy; what it lacks is applied again",
                partitions=len(again),
                messages=sum(again.values()),
            )
        # A sink killed between commit and progress left RECORDS waiting for a word that no new message would bring (P9).
        self._progress.done(held)
        self._observed.placed(self._places)

    # -- trouble ------------------------------------------------------------------------------------------------------

    def _retried(self, act: Callable[[], None]) -> None:
        """Until it succeeds. Meanwhile nothing more is fetched, and polling keeps the membership alive."""
        pause, longest = RETRY_SECONDS
        paused: list[TopicPartition] = []
        try:
            while not self._stopping:
                try:
                    act()
                    self._observed.well()
                    return
                except HemisError as error:
                    if not error.transient:
                        raise
                    self._observed.trouble(error)
                if not paused:
                    paused = self._consumer.assignment()
                    self._consumer.pause(paused)
                self._wait(pause)
                pause = min(pause * 2, longest)
        finally:
            if paused:
                self._resume(paused)

    def _wait(self, seconds: float) -> None:
        """Everything is paused, so a poll returns no record; it runs callbacks, and lets the group know that we live."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            self._observed.turn()
            self._idle()
            message = self._consumer.poll(min(left, 0.1))
            if message is not None and message.error() is None:
                # Fetched before the pause: go back to it.
                self._fenced([(message.topic(), message.partition())])

    def _resume(self, paused: list[TopicPartition]) -> None:
        still = {(p.topic, p.partition) for p in self._consumer.assignment()} & set(self._places)
        self._consumer.resume([TopicPartition(*at) for at in sorted(still)])


def _offset(message: Message) -> int:
    offset: int | None = message.offset()
    assert offset is not None
    return offset


def _written_at(messages: list[Message]) -> datetime:
    """When the last of them was written to the topic, by the writer's clock."""
    return min(datetime.fromtimestamp(max(m.timestamp()[1] for m in messages) / 1000, UTC), datetime.now(UTC))


def _slot(message: Message) -> int:
    return int(message.timestamp()[1] // SLOT_MS)
