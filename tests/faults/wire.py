"""Messages written and read from outside: forged events, dead letters, rights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from deploy.local.stack import Stack
from deploy.provisioning import institution_user
from schemas.codec import HEADER_SIZE, codec
from schemas.topics import DEAD_LETTERS
from tests.support.waiting import wait_until

SECONDS = 20.0


def send(stack: Stack, user: str, topic: str, key: bytes | None, value: bytes) -> int:
    """Write one message as a user; its offset.

    Raises:
        KafkaException: the broker refused it.
    """
    return _send(stack.client_config(user), topic, key, value)


def send_as_anyone(stack: Stack, topic: str, key: bytes | None, value: bytes) -> int:
    """Write one message whatever the rights are."""
    return _send(stack.admin_config(), topic, key, value)


def _send(config: Mapping[str, Any], topic: str, key: bytes | None, value: bytes) -> int:
    producer = Producer({**config, "log_level": 0})
    outcome: list[tuple[KafkaError | None, Message]] = []
    producer.produce(
        topic, value, key, partition=0, on_delivery=lambda error, message: outcome.append((error, message))
    )
    if producer.flush(SECONDS) or not outcome:
        raise AssertionError(f"no answer about a message to {topic}")
    error, message = outcome[0]
    if error is not None:
        raise KafkaException(error)
    offset = message.offset()
    assert offset is not None
    return int(offset)


def send_as_institution(stack: Stack, code: str, topic: str, key: bytes | None, value: bytes) -> int:
    return send(stack, institution_user(code), topic, key, value)


def refusal(config: Mapping[str, Any], topic: str) -> int:
    """The code with which the broker answers who asks for a topic; NO_ERROR if it lets the user see it."""
    client = AdminClient({**config, "log_level": 0})
    problem = client.list_topics(topic, timeout=SECONDS).topics[topic].error
    return KafkaError.NO_ERROR if problem is None else int(problem.code())


def read(config: Mapping[str, Any], topic: str, partitions: int = 1) -> list[Message]:
    """Every message of a topic."""
    consumer = Consumer({**config, "group.id": "faults", "enable.auto.commit": False, "log_level": 0})
    found: list[Message] = []
    try:
        ends = {}
        for number in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=SECONDS)
            if low < high:
                ends[number] = high
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in ends])
        while ends:
            for message in consumer.consume(1000, 0.1):
                problem = message.error()
                if problem is not None:
                    raise KafkaException(problem)
                found.append(message)
                number, offset = message.partition(), message.offset()
                assert number is not None
                assert offset is not None
                if offset + 1 >= ends.get(number, offset + 2):
                    del ends[number]
    finally:
        consumer.close()
    return found


def end_of(stack: Stack, topic: str, partition: int = 0) -> int:
    """The offset that the partition's next message gets."""
    consumer = Consumer({**stack.admin_config(), "group.id": "faults", "log_level": 0})
    try:
        _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=SECONDS)
    finally:
        consumer.close()
    return int(high)


def dead_letters(stack: Stack, topic: str) -> dict[int, dict[str, Any]]:
    """The dead letters of a topic, by the offset that they had there."""
    decode = codec("vn.hemis.DeadLetter").decode
    letters = [
        decode(message.value() or b"", HEADER_SIZE)[0]
        for message in read(stack.admin_config(), DEAD_LETTERS.name, DEAD_LETTERS.partitions or 1)
    ]
    return {letter["offset"]: letter for letter in letters if letter["topic"] == topic}


@contextmanager
def no_right_to_write(stack: Stack, user: str, topic: str) -> Iterator[None]:
    """Within it, the broker refuses the user's writes to the topic; a denial wins over every right that was given."""
    admin = stack.admin_client()
    place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation.WRITE)
    for made in admin.create_acls([AclBinding(*place, AclPermissionType.DENY)]).values():
        made.result(SECONDS)
    these = AclBindingFilter(*place, AclPermissionType.DENY)
    wait_until(lambda: admin.describe_acls(these).result(SECONDS), "the denial is known")
    try:
        yield
    finally:
        for gone in admin.delete_acls([these]).values():
            gone.result(SECONDS)
        wait_until(lambda: not admin.describe_acls(these).result(SECONDS), "the denial is gone")
