"""The topics as the work on quality needs to know them: by a connection of its own, which joins no group."""

from __future__ import annotations

import re
from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.errors import HemisError
from sinks.delivery import SUBSCRIPTION
from sinks.reached import ANSWER_SECONDS, committed

At = tuple[str, int]


class Stream:
    """Not for several threads. Every method raises HemisError E401 (transient) while the broker is out of reach."""

    def __init__(self, kafka: dict[str, object], group: str) -> None:
        self._config = kafka | {"group.id": group, "enable.auto.commit": False}
        self._known: Consumer | None = None

    def older_copy(self, places: Mapping[At, int]) -> bool:
        """Had a former copy of the database come further than to these places?"""
        reached = committed(self._consumer(), places)
        return any(reached.get(at, 0) > place for at, place in places.items())

    def ends(self) -> dict[At, int]:
        """Where the logs end that the sink reads; empty ones are left out."""
        consumer, found = self._consumer(), {}
        try:
            topics = consumer.list_topics(timeout=ANSWER_SECONDS).topics
            for name in topics:
                if any(re.match(pattern, name) for pattern in SUBSCRIPTION):
                    for number in topics[name].partitions:
                        low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=ANSWER_SECONDS)
                        if low < high:
                            found[name, number] = high
        except KafkaException as error:
            self.close()
            raise HemisError("E401", str(error.args[0].name())) from error
        return found

    def close(self) -> None:
        if self._known is not None:
            self._known.close()
            self._known = None

    def _consumer(self) -> Consumer:
        self._known = self._known or Consumer(self._config)
        return self._known
