"""Messages that the sink can't store go to hemis.dead-letters, byte for byte, before their offset moves (P1, P2)."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas import topics
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header
from schemas.errors import HemisError
from schemas.keys import INSTITUTION
from schemas.topics import partition_of


class DeadLetters:
    """Writes dead letters with a producer that is not shared with anything fire-and-forget."""

    def __init__(self, producer: Producer, schema_id: int, *, partitions: int | None = None) -> None:
        self._producer = producer
        self._header = header(schema_id)
        self._encode = codec(subject("DeadLetter")).encode
        self._failed: KafkaError | None = None
        self._partitions = partitions or topics.DEAD_LETTERS.partitions or topics.PARTITIONS

    def put(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, code: str, reason: str
    ) -> None:
        """Queue one; `flush` makes it durable. `reason` holds no personal data."""
        institution = institution_of(topic, key)
        record = {
            "institution": institution,
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "code": code,
            "reason": reason,
            "found_at": time.time_ns() // 1000,
            "attempts": 0,
            "key": key,
            "value": value,
        }
        self._producer.produce(
            topics.DEAD_LETTERS.name,
            self._header + self._encode(record),
            institution.encode(),
            partition_of(institution.encode(), self._partitions),
            on_delivery=self._delivered,
        )

    def flush(self, seconds: float = 10.0) -> None:
        """Wait until the broker has acknowledged every letter.

        Raises:
            HemisError E407 (transient): some may be missing; put them again.
        """
        try:
            left = self._producer.flush(seconds)
        except KafkaException as error:
            raise HemisError("E407") from error
        if left or self._failed is not None:
            self._producer.purge()
            self._failed = None
            raise HemisError("E407")

    def _delivered(self, error: KafkaError | None, _: Any) -> None:
        if error is not None:
            self._failed = error


def institution_of(topic: str, key: bytes | None) -> str:
    """The institution of a message whose value can't be read: from its topic, or from its key; empty if neither tells."""
    if topic.startswith(topics.FINDINGS.prefix):
        return topics.institution_of(topic)
    first = (key or b"").partition(b"/")[0].decode(errors="replace")
    return first if INSTITUTION.fullmatch(first) else ""
