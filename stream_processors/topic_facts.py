"""What the broker says of topics: ids (a topic made anew has another one) and the offsets of a partition's ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.broker import REFUSALS, refusal
from schemas.errors import HemisError
from schemas.logs import log


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


def await_broker(config: Mapping[str, Any]) -> None:
    """Return once a broker answers this user; says so while it waits.

    Raises:
        HemisError E402, E408: the broker refuses this user, or is not the one that kafka_ca vouches for.
    """
    refused: list[KafkaError] = []

    def note(error: KafkaError) -> None:
        if error.code() in REFUSALS:
            refused.append(error)

    admin = AdminClient({**config, "error_cb": note})
    said = False
    while True:
        try:
            admin.list_topics(timeout=2)
            return
        except KafkaException as error:
            reason = refusal(refused.pop(), config) if refused else None
            if reason is not None and not reason.transient:
                raise reason from error
            if not said:
                code = reason.code if reason else "E401"
                log("warning", "waiting for the broker", action="check address, network and certificates", code=code)
                said = True
