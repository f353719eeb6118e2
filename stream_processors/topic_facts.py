"""What the broker says of topics: ids (a topic made anew has another one) and the offsets of a partition's ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.errors import HemisError


class TopicFacts:
    """Asks with one connection; for use in one thread at a time. `group` is one that the user has rights on; it is never joined."""

    def __init__(self, config: Mapping[str, Any], group: str) -> None:
        self._admin = AdminClient(dict(config))
        self._consumer = Consumer({**config, "group.id": group, "enable.auto.commit": False})

    def ids(self, *names: str) -> dict[str, str]:
        """Topic ids by name.

        Raises:
            HemisError E404: a topic does not exist. E401: try again.
        """
        try:
            found = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=10)
            return {name: str(future.result().topic_id) for name, future in found.items()}
        except KafkaException as error:
            kafka = error.args[0]
            raise HemisError("E404" if kafka.name() == "UNKNOWN_TOPIC_OR_PART" else "E401", kafka.name()) from error

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset kept, and the offset that the next message gets.

        Raises:
            HemisError E401: try again.
        """
        try:
            return self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)  # type: ignore[no-any-return]
        except KafkaException as error:
            raise HemisError("E401", error.args[0].name()) from error
