"""Kafka as the operators' commands use it: errors in the catalogue's terms, and a topic read to its end without a trace."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.broker import REFUSALS, refusal
from schemas.errors import HemisError
from schemas.settings import KafkaSettings, OperatorSettings

TIMEOUT_SECONDS = 10.0
GROUP = "hemis-operator-look"
"""A name that librdkafka asks for; partitions are assigned by hand, so no group is joined and nothing is committed."""

_CODES: dict[int, str] = REFUSALS | {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "E403",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "E403",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "E403",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "E404",
    KafkaError._UNKNOWN_TOPIC: "E404",
    KafkaError._UNKNOWN_PARTITION: "E404",
    KafkaError.MSG_SIZE_TOO_LARGE: "E106",
    KafkaError._TIMED_OUT: "E401",
    KafkaError._MSG_TIMED_OUT: "E407",
}


def translated(error: KafkaError, **facts: object) -> HemisError:
    """A Kafka error as the catalogue's, by code; an unknown one is worth another try."""
    return HemisError(_CODES.get(error.code(), "E401"), "", kafka=error.name(), **facts)


class Pollable(Protocol):
    """A client; `poll` serves its callbacks."""

    def poll(self, timeout: float = ...) -> object: ...


class Refusals:
    """A client's `error_cb`. With a wrong password a call only times out; the reason is told here, once it is polled."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.client: Pollable | None = None
        self._settings = settings
        self._last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if error.code() in REFUSALS:
            self._last = error

    def reason(self, error: KafkaError) -> HemisError:
        """The refusal behind an error, or the error itself."""
        if self._last is None and self.client is not None:
            self.client.poll(0)
        return refusal(self._last or error, self._settings.kafka()) or translated(error)


@contextmanager
def kafka_errors(refusals: Refusals) -> Iterator[None]:
    """Errors of Kafka inside become HemisError E401 … E409."""
    try:
        yield
    except KafkaException as error:
        raise refusals.reason(error.args[0]) from error
    except TimeoutError as error:  # a future that nobody answered
        raise refusals.reason(KafkaError(KafkaError._TIMED_OUT)) from error


def administrator(settings: OperatorSettings, refusals: Refusals) -> AdminClient:
    """A client for `kafka_errors(refusals)`."""
    refusals.client = client = AdminClient(settings.kafka(error_cb=refusals))
    return client


def read_to_end(settings: OperatorSettings, wanted: Iterable[str | TopicPartition]) -> Iterator[Message]:
    """Messages of whole topics, or of partitions from an offset on, up to their ends as they are now.

    Topics that do not exist are left out. Order holds within a partition only.

    Raises:
        HemisError E401, E402, E403.
    """
    refusals = Refusals(settings)
    config = {"group.id": GROUP, "enable.auto.commit": False, "enable.partition.eof": True, "error_cb": refusals}
    refusals.client = consumer = Consumer(settings.kafka(**config))
    try:
        with kafka_errors(refusals):
            ends = _ends(consumer, _partitions(consumer, wanted))
            if ends:
                consumer.assign([TopicPartition(*at, offset=begin) for at, (begin, _) in ends.items()])
                yield from _until(consumer, {at: end for at, (_, end) in ends.items()})
    finally:
        consumer.close()


def names_under(settings: OperatorSettings, prefix: str) -> list[str]:
    """Topics whose names begin so.

    Raises:
        HemisError E401, E402, E403.
    """
    refusals = Refusals(settings)
    refusals.client = consumer = Consumer(settings.kafka(**{"group.id": GROUP, "error_cb": refusals}))
    try:
        with kafka_errors(refusals):
            return sorted(
                name for name in consumer.list_topics(timeout=TIMEOUT_SECONDS).topics if name.startswith(prefix)
            )
    finally:
        consumer.close()


def written_since(admin: AdminClient, topic: str, since: float) -> int:
    """How many messages a topic got since a Unix time; for `kafka_errors`."""
    partitions = [
        TopicPartition(topic, n) for n in admin.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic].partitions
    ]

    def offsets(spec: OffsetSpec) -> list[int]:
        asked = admin.list_offsets(dict.fromkeys(partitions, spec), request_timeout=TIMEOUT_SECONDS)
        return [int(asked[one].result(TIMEOUT_SECONDS).offset) for one in partitions]

    first = offsets(OffsetSpec.for_timestamp(int(since * 1000)))
    return sum(end - begin for begin, end in zip(first, offsets(OffsetSpec.latest()), strict=True) if begin >= 0)


def committed(settings: OperatorSettings, group: str, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """How far a group says that it is in these partitions. It is not joined.

    The administrator's call for the same crashes the process while the broker has no offsets topic yet.

    Raises:
        HemisError E401 … E409.
    """
    asked = [TopicPartition(*at) for at in sorted(wanted)]
    if not asked:
        return {}
    refusals = Refusals(settings)
    config = {"group.id": group, "enable.auto.commit": False, "error_cb": refusals}
    refusals.client = consumer = Consumer(settings.kafka(**config))
    try:
        with kafka_errors(refusals):
            found = consumer.committed(asked, timeout=TIMEOUT_SECONDS)
    finally:
        consumer.close()
    return {(one.topic, one.partition): one.offset for one in found if one.error is None and one.offset >= 0}


def lag(settings: OperatorSettings, group: str, pattern: str) -> int:
    """Messages of the topics under a pattern that a group has not come to yet. A partition that it never committed is left out.

    Raises:
        HemisError E401 … E409.
    """
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        admin = administrator(settings, refusals)
        topics = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
        every = [(name, n) for name in topics if re.fullmatch(pattern, name) for n in topics[name].partitions]
        places = committed(settings, group, every)
        ends = {TopicPartition(*at): OffsetSpec.latest() for at in places}
        asked = admin.list_offsets(ends, request_timeout=TIMEOUT_SECONDS) if ends else {}
        return sum(max(0, f.result(TIMEOUT_SECONDS).offset - places[tp.topic, tp.partition]) for tp, f in asked.items())


At = tuple[str, int]


def _partitions(consumer: Consumer, wanted: Iterable[str | TopicPartition]) -> list[TopicPartition]:
    known = consumer.list_topics(timeout=TIMEOUT_SECONDS).topics
    found: list[TopicPartition] = []
    for item in wanted:
        if isinstance(item, TopicPartition):
            if item.topic in known:
                found.append(item)
        elif item in known:
            found += [TopicPartition(item, number, 0) for number in known[item].partitions]
    return found


def _ends(consumer: Consumer, partitions: list[TopicPartition]) -> dict[At, tuple[int, int]]:
    ends = {}
    for wanted in partitions:
        low, high = consumer.get_watermark_offsets(wanted, timeout=TIMEOUT_SECONDS)
        begin = max(low, wanted.offset)
        if begin < high:
            ends[wanted.topic, wanted.partition] = begin, high
    return ends


def _until(consumer: Consumer, ends: dict[At, int]) -> Iterator[Message]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while ends:
        message = consumer.poll(0.2)
        if message is None:
            if time.monotonic() > deadline:
                raise HemisError("E401", "the broker sends nothing")
            continue
        deadline = time.monotonic() + TIMEOUT_SECONDS
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            if error.retriable():
                continue
            raise translated(error, topic=topic)
        if topic is None or partition is None or offset is None:
            continue
        if error is not None or offset >= ends.get((topic, partition), 0) - 1:
            ends.pop((topic, partition), None)
        if error is None:
            yield message
