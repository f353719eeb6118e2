"""Orders of the ministry to RECORDS about one institution, on hemis.orders.<institution>."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from confluent_kafka import KafkaError, Message, Producer

from deploy.kafka import TIMEOUT_SECONDS, Refusals, kafka_errors, translated
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header
from schemas.errors import HemisError
from schemas.registry import Registry
from schemas.settings import OperatorSettings
from schemas.topics import ORDERS

Kind = Literal[
    "REPLAY", "RELEASE", "REJECT", "ACCEPT_SOURCE", "WAIVE", "UNWAIVE", "SAME_PERSON", "OTHER_PERSON", "TOUCH"
]

_CONFIG: dict[str, object] = {
    "acks": "all",
    "enable.idempotence": True,
    "allow.auto.create.topics": False,
    "message.max.bytes": 8 << 20,
    "message.timeout.ms": int(TIMEOUT_SECONDS * 1000),
    "compression.type": "lz4",
}


class Orders:
    """Writes orders; `flush` says that the broker has them. Given twice, an order changes nothing."""

    def __init__(self, settings: OperatorSettings) -> None:
        registry = Registry(settings.registry_url, Path(settings.data) / "schemas")
        self._header = header(registry.id_of(subject("Order")))
        self._encode = codec(subject("Order")).encode
        self._actor = settings.who
        self._refusals = Refusals(settings)
        self._refusals.client = self._producer = Producer(settings.kafka(**_CONFIG, error_cb=self._refusals))
        self._known: set[str] = set()
        self.given: dict[str, set[int]] = {}
        """Offsets of what the broker has, by topic."""
        self._failed: KafkaError | None = None

    def give(
        self,
        institution: str,
        kind: Kind,
        argument: str = "",
        *,
        key: bytes | None = None,
        payload: bytes | None = None,
    ) -> None:
        """Queue one order.

        Raises:
            HemisError E109: the institution has no topics. E401, E402: the broker.
        """
        topic = ORDERS.name_for(institution)
        self.require(institution)
        order = self._header + self._encode(self._order(kind, argument, key, payload))
        while True:
            try:
                self._producer.produce(topic, order, institution.encode(), 0, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.1)
                continue
            self._producer.poll(0)
            return

    def flush(self) -> None:
        """Wait until the broker has every order.

        Raises:
            HemisError E106, E401, E402, E403, E407: some orders may be missing; give them again.
        """
        with kafka_errors(self._refusals):
            left = self._producer.flush(2 * TIMEOUT_SECONDS)
        if self._failed is not None:
            raise translated(self._failed)
        if left:
            raise HemisError("E407")

    def _order(self, kind: Kind, argument: str, key: bytes | None, payload: bytes | None) -> dict[str, Any]:
        return {
            "kind": kind,
            "actor": self._actor,
            "ordered_at": time.time_ns() // 1000,
            "argument": argument,
            "payload": payload,
            "key": key,
        }

    def require(self, institution: str) -> None:
        """Raises HemisError E109: the institution has no topics; E401, E402, E403."""
        topic = ORDERS.name_for(institution)
        if topic in self._known:
            return
        with kafka_errors(self._refusals):
            found = self._producer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
        if found.error is not None:
            if found.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise translated(found.error, topic=topic)
            raise HemisError("E109", institution=institution)
        self._known.add(topic)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        topic, offset = message.topic(), message.offset()
        if error is not None:
            self._failed = error
        elif topic is not None and offset is not None:
            self.given.setdefault(topic, set()).add(offset)
