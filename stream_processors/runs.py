"""The Faust transport that hands over runs: all records of one fetch, per partition, as one unit of work.

Faust keeps its worker, group membership, rebalances and shutdown; only the unit of work changes (an awaited event per record
costs more than the record's work). What is overridden, by subclassing:

- `Consumer._drain_messages`: one loop fetch → `stage.process`, under a gate that a rebalance waits for;
- `Consumer.on_partitions_assigned / revoked`: tell the stage, which restores each unit in the background;
- `Consumer.perform_seek`: nothing. A partition is read from its *place*, which comes from the stage's durable state, never
  from the group's committed offset;
- `Consumer.force_commit`: commits places, so that ordinary tools show lag; nothing reads them back;
- `Conductor._update_indices`: the subscription is a pattern, looked up again every `refresh_seconds`.

**Place**: the first offset of a partition not yet processed. A run is processed only if it begins at the place; a run behind
a hole means: go back. That removes the losses that a fetch thrown away at a rebalance causes.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import faust
from aiokafka import ConsumerRecord
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.structs import OffsetAndMetadata
from faust.exceptions import ConsumerNotStarted
from faust.transport import conductor
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from schemas.logs import log
from stream_processors.fetching import hurry
from stream_processors.outbox import Lease, LeasedSender, LeaseLost, SendFailed

SCHEME = "runs"
TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"

Runs = Mapping[TP, Sequence[ConsumerRecord]]
REST_AFTER = 128
REST_SECONDS = 0.03
"""A unit of work costs the same few milliseconds for one record and for hundreds. Whoever keeps up with a stream that is faster
than this many records a unit waits a moment for more, which a slow stream (where each record's delay counts) never does."""


class Stage(Protocol):
    """What a stage is to the transport."""

    pattern: re.Pattern[str]
    refresh_seconds: float
    lease: Lease
    topics: frozenset[str]
    """Every topic that the cluster shows this user; known before the first run, looked up again every `refresh_seconds`."""

    def assigned(self, partitions: set[TP]) -> None:
        """These partitions, and no others, are this worker's; restore what is new in the background."""

    def suspend(self) -> None:
        """A rebalance began: what is assigned is not known until the next call of `assigned`."""

    def readable(self) -> dict[TP, int]:
        """Partitions that are restored and admitted, with the number of records to take from each at most."""

    def due(self) -> set[str]:
        """Units that have work of their own to do now, whether or not there is anything to read for them."""

    async def process(self, runs: Runs) -> set[TP]:
        """One unit of work, with what is due. Returns the partitions that must be read again from their place."""

    def places(self) -> dict[TP, int]:
        """The place of every restored partition."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    async def on_start(self) -> None:
        self._wanted: Container[TP] = frozenset()
        await super().on_start()
        consumer = self._ensure_consumer()
        hurry(consumer._fetcher, lambda: any(tp in self._wanted for tp in consumer._fetcher._records))
        watch_heartbeats(consumer._coordinator, self.consumer)
        take_subscribed_only(consumer._subscription)

    def require_membership(self) -> None:
        """
        Raises:
            RuntimeError: the client has given up its group for good; a new process is better than a worker that gets no work.
        """
        task = self._ensure_consumer()._coordinator._coordination_task
        if task.done() and not task.cancelled() and task.exception():  # without an error it was closed
            raise RuntimeError("the group membership has ended")

    async def take(self, wanted: dict[TP, int], timeout: float) -> dict[TP, list[ConsumerRecord]]:
        """Up to `wanted[tp]` fetched records of each partition; waits up to `timeout` seconds for the first."""
        return await self.call_thread(self._take, wanted, timeout)  # type: ignore[no-any-return]

    async def _take(self, wanted: dict[TP, int], timeout: float) -> dict[TP, list[ConsumerRecord]]:
        self._wanted = wanted
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher
        deadline = time.monotonic() + timeout
        while True:
            taken: dict[TP, list[ConsumerRecord]] = {}
            for tp in [tp for tp in fetcher._records if tp in wanted]:
                with fetcher._subscriptions.fetch_context():
                    got = await fetcher.fetched_records([tp], timeout=0, max_records=wanted[tp])
                for found, records in got.items():
                    taken[TP(found.topic, found.partition)] = records
            left = deadline - time.monotonic()
            if taken or left <= 0:
                return taken
            waiter = fetcher._create_fetch_waiter()
            _, pending = await asyncio.wait([waiter], timeout=left)
            for future in pending:
                future.cancel()


def watch_heartbeats(coordinator: Any, consumer: Any) -> None:
    """Note on the consumer when the newest heartbeat that the broker answered was *sent*."""
    beat = coordinator._do_heartbeat

    async def noted() -> bool:
        sent = time.monotonic()
        known = bool(await beat())
        if known:
            consumer.member_at = sent
        return known

    coordinator._do_heartbeat = noted


def take_subscribed_only(subscriptions: Any) -> None:
    """A worker that comes back within its session time-out gets the assignment that it had: topics of an institution that has left
    meanwhile may be in it, which the client takes for a fatal error (P5)."""
    assign = subscriptions.assign_from_subscribed

    def assign_known(assignment: Iterable[Any]) -> None:
        topics = subscriptions.subscription.topics
        assign([tp for tp in assignment if tp.topic in topics])

    subscriptions.assign_from_subscribed = assign_known


class Consumer(driver.Consumer):
    """Reads runs and hands them to the app's stage."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gate = asyncio.Lock()
        self.turn_at = time.monotonic()
        self.given_up = False
        self.member_at = time.monotonic()

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def may_write(self, seconds: float) -> bool:
        """May the unit of work under way write? Until this worker's share has been given up (a rebalance waits for it), and
        for so many seconds after a heartbeat that was answered. The clock runs on while a process is frozen."""
        return not self.given_up and time.monotonic() < self.member_at + seconds

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.stop_flow()
        async with self.gate:  # the unit of work under way ends first: its successor must find its state complete
            self.given_up = True
            self.app.stage.suspend()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.given_up = False
        self.member_at = time.monotonic()
        self.app.stage.assigned(set(assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Places come from the stage's state."""

    async def verify_all_partitions_active(self) -> None:
        """A paused institution is not a livelock."""

    async def seek_to(self, places: Mapping[TP, int]) -> None:
        """Read these partitions from these offsets; returns when the consumer's thread has done it."""
        if places:
            await self.seek_wait(places)

    async def _drain_messages(self, fetcher: Any) -> None:
        stage = self.app.stage
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                self.turn_at = time.monotonic()
                self._thread.require_membership()
                flows = self.flow_active and not self.app.rebalancing
                wanted, due = (stage.readable(), bool(stage.due())) if flows else ({}, False)
                if not wanted and not due:
                    await asyncio.sleep(0.01)
                    continue
                generation = self.app.consumer_generation_id
                runs = await self._thread.take(wanted, 0 if due else 0.05) if wanted else {}
                if runs or due:
                    await self._turn(stage, runs, generation)
                    if sum(map(len, runs.values())) >= REST_AFTER and self._at_the_end(runs):
                        await asyncio.sleep(REST_SECONDS)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    def _at_the_end(self, runs: Runs) -> bool:
        """Had the runs, when they were fetched, nothing behind them?"""
        try:
            return all(run[-1].offset + 1 >= (self.highwater(tp) or 0) for tp, run in runs.items())
        except KafkaError:  # given up meanwhile
            return False

    async def _turn(self, stage: Stage, runs: Runs, generation: int) -> None:
        async with self.gate:
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return  # the next assignment seeks every partition to its place
            try:
                again = await stage.process(runs)
            except LeaseLost:
                log(
                    "warning",
                    "a unit of work was dropped: this worker had been frozen or cut off",
                    stage=self.app.conf.id,
                )
                again = set(runs)
                await asyncio.sleep(0.2)
            except SendFailed as error:
                log(
                    "warning",
                    "a unit of work was not acknowledged and is done again",
                    stage=self.app.conf.id,
                    code=error.code,
                    error=error.detail,
                )
                again = set(runs)
                await asyncio.sleep(0.2)
            places = stage.places()
            await self.seek_to({tp: places[tp] for tp in again if tp in places})

    async def force_commit(self, *args: Any, **kwargs: Any) -> bool:
        try:
            mine = self.assignment()
        except ConsumerNotStarted:  # stopped before it began, as when the broker went away at the start
            return False
        offsets = {
            tp: place
            for tp, place in self.app.stage.places().items()
            if tp in mine and self._committed_offset.get(tp) != place
        }
        if not offsets or not self.flow_active:
            return False
        try:
            await self._thread.call_thread(
                self._thread._ensure_consumer().commit,
                {driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(o, "") for tp, o in offsets.items()},
            )
        except KafkaError:  # an outage, or a rebalance in between: nobody reads them back, the next commit says more
            return False
        self._committed_offset.update(offsets)
        return True


class Producer(driver.Producer):
    """Sends only while the unit of work's lease holds."""

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        producer = super()._new_producer(transactional_id)
        producer._sender = LeasedSender.in_place_of(producer._sender, self.app.stage.lease)
        return producer


class Conductor(conductor.Conductor):
    """Subscribes to what the stage's pattern matches."""

    _resubscribe_sleep_lock_seconds = 0.5

    async def _client(self) -> AIOKafkaClient:
        producer = await self.app.maybe_start_producer()
        client: AIOKafkaClient = producer._ensure_producer().client
        return client

    async def _matching(self) -> set[str]:
        metadata = await (await self._client()).fetch_all_metadata()
        self.app.stage.topics = frozenset(metadata.topics())
        return {name for name in self.app.stage.topics if self.app.stage.pattern.fullmatch(name)}

    async def _unassigned(self, topics: set[str]) -> set[str]:
        """Those of the topics that no member of the settled group has; none while it rebalances."""
        client, group = await self._client(), self.app.conf.id
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        answer = await client.send(node, DescribeGroupsRequest([group]))
        [(error, _, state, _, _, members, *_)] = answer.groups
        if error or state != "Stable":
            return set()
        given = [ConsumerProtocolMemberAssignment.decode(member[4]) for member in members if member[4]]
        return topics - {partition.topic for one in given for partition in one.partitions()}

    async def _update_indices(self) -> Iterable[str]:
        while not self.should_stop:
            with suppress(KafkaError):
                self.subscribed = await self._matching()
                if self.subscribed:
                    break
            await self.sleep(1.0)
        return self.subscribed

    async def on_partitions_assigned(self, assigned: set[TP]) -> None:
        """No channel is subscribed: the stage gets the runs."""

    @faust.Service.task
    async def _watch_pattern(self) -> None:
        while not self.should_stop:
            await self.sleep(self.app.stage.refresh_seconds)
            if self._subscription_changed is None:
                continue
            with suppress(KafkaError):  # no broker can be asked: the next look will do
                matching = await self._matching()
                # A worker that comes back within its session time-out gets what it had, without a rebalance: a topic that
                # was made meanwhile is in every subscription, and in no assignment.
                if matching != self.subscribed or await self._unassigned(matching):
                    self._subscription_changed.set()


class Transport(driver.Transport):
    Consumer = Consumer
    Producer = Producer
    Conductor = Conductor
