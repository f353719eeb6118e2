"""What the scheduled work says: set rules' findings to hemis.findings.<institution>, orders TOUCH to hemis.orders.<institution>."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header
from schemas.errors import HemisError
from schemas.logs import log
from schemas.topics import FINDINGS, ORDERS

FLUSH_SECONDS = 30.0
ACTOR = "calendar"
"""Who gives the orders that a day makes due."""
_CONFIG: dict[str, object] = {
    "acks": "all",
    "enable.idempotence": True,
    "allow.auto.create.topics": False,
    "message.timeout.ms": int(FLUSH_SECONDS * 1000),
    "compression.type": "lz4",
}


class _Publisher:
    """One kind of record. Not for several threads."""

    def __init__(self, kafka: dict[str, object], schema_id: int, name: str) -> None:
        self._producer = Producer(kafka | _CONFIG)
        self._header = header(schema_id)
        self._encode = codec(subject(name)).encode
        self._failed: KafkaError | None = None

    def _put(self, topic: str, key: bytes, record: dict[str, Any]) -> None:
        value = self._header + self._encode(record)
        while True:
            try:
                self._producer.produce(topic, value, key, 0, on_delivery=self._delivered)
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self) -> None:
        """Raises HemisError E407 (transient), E403."""
        try:
            left = self._producer.flush(FLUSH_SECONDS)
        except KafkaException as error:
            raise HemisError("E407") from error
        failed, self._failed = self._failed, None
        if failed is not None and failed.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise HemisError("E403", str(failed.name()))
        if left or failed is not None:
            self._producer.purge()
            raise HemisError("E407")

    def close(self) -> None:
        self._producer.flush(1.0)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            # Records of an institution whose topics were taken away: nobody is there to be told.
            log("warning", "an institution has no topics", action="hemis institution add CODE", topic=message.topic())
            return
        self._failed = error


class FindingPublisher(_Publisher):
    """Set rules' findings."""

    def __init__(self, kafka: dict[str, object], schema_id: int) -> None:
        super().__init__(kafka, schema_id, "Finding")

    def put(self, finding: dict[str, Any]) -> None:
        """Queue one; `flush` makes it durable."""
        self._put(FINDINGS.name_for(finding["institution"]), finding["finding_id"].encode(), finding)


class TouchPublisher(_Publisher):
    """Orders TOUCH."""

    def __init__(self, kafka: dict[str, object], schema_id: int) -> None:
        super().__init__(kafka, schema_id, "Order")

    def touch(self, institution: str, record: str, causes: str, at_micros: int) -> None:
        """Queue one; `flush` makes it durable."""
        order = {
            "kind": "TOUCH", "actor": ACTOR, "ordered_at": at_micros, "argument": causes, "payload": None, "key": record.encode(),
        }  # fmt: skip
        self._put(ORDERS.name_for(institution), institution.encode(), order)
