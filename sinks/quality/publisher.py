"""Set rules' findings on their way to hemis.findings.<institution>."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header
from schemas.errors import HemisError
from schemas.logs import log
from schemas.topics import FINDINGS

FLUSH_SECONDS = 30.0
_CONFIG: dict[str, object] = {
    "acks": "all",
    "enable.idempotence": True,
    "allow.auto.create.topics": False,
    "message.timeout.ms": int(FLUSH_SECONDS * 1000),
    "compression.type": "lz4",
}


class FindingPublisher:
    """Not for several threads."""

    def __init__(self, kafka: dict[str, object], schema_id: int) -> None:
        self._producer = Producer(kafka | _CONFIG)
        self._header = header(schema_id)
        self._encode = codec(subject("Finding")).encode
        self._failed: KafkaError | None = None

    def put(self, finding: dict[str, Any]) -> None:
        """Queue one; `flush` makes it durable."""
        value = self._header + self._encode(finding)
        key = finding["finding_id"].encode()
        while True:
            try:
                self._producer.produce(
                    FINDINGS.name_for(finding["institution"]), value, key, 0, on_delivery=self._delivered
                )
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
            log("warning", "a finding has no topic", action="hemis institution add CODE", topic=message.topic())
            return
        self._failed = error
