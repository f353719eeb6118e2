"""A sink that takes over a partition says how far it is, even if nothing is left to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from confluent_kafka import Consumer, TopicPartition
from prometheus_client import CollectorRegistry

from sinks.base import Applied, Capabilities, Partition, Run
from sinks.dead_letters import DeadLetters
from sinks.delivery import Delivery
from sinks.observed import Observed
from sinks.progress import Progress
from sinks.topic_ids import TopicIds
from tests.unit.sinks.test_progress import Recorder


class Assigned:
    """A consumer that is assigned one partition at its first poll, and then stops the delivery."""

    def __init__(self) -> None:
        self.delivery: Delivery | None = None
        self.polls = 0

    def subscribe(self, topics: list[str], on_assign: Any, **_: Any) -> None:
        self._on_assign = on_assign

    def consume(self, count: int, wait: float) -> list[Any]:
        self.polls += 1
        if self.polls == 1:
            self._on_assign(self, [TopicPartition("hemis.clean.person", 2)])
        else:
            assert self.delivery is not None
            self.delivery.stop()
        return []

    def incremental_assign(self, partitions: list[TopicPartition]) -> None: ...

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None: ...

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return partitions

    def pause(self, partitions: list[TopicPartition]) -> None: ...

    def resume(self, partitions: list[TopicPartition]) -> None: ...


class Ids:
    def of(self, topics: Iterable[str]) -> Mapping[str, str]:
        return dict.fromkeys(topics, "id")


class Store:
    capabilities = Capabilities(durable=True, concurrent=True, history=True)

    def places(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 77)

    def apply(self, runs: Sequence[Run]) -> Applied:
        return Applied()

    def close(self) -> None: ...


def test_a_restarted_sink_repeats_what_a_killed_one_had_no_time_to_say() -> None:
    consumer, said = Assigned(), Recorder()
    consumer.delivery = Delivery(
        cast(Consumer, consumer),
        Store(),
        cast(TopicIds, Ids()),
        Progress(said, 1),
        cast(DeadLetters, None),
        Observed(CollectorRegistry()),
        batch_rows=10,
    )
    consumer.delivery.run()
    assert said.sent == [(b"sink/hemis.clean.person/2", 77)]
