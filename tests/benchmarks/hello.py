"""Answers an agent's first hello in RECORDS' place, so that capture can be measured with RECORDS stopped.

The answer is the one that RECORDS gives to an unknown institution: epoch 1, accepted. RECORDS later reads the same hello
and comes to the same answer.
"""

from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from deploy.local.stack import Stack
from schemas.codec import HEADER_SIZE, codec
from schemas.envelope import header, schema_id_of
from schemas.registry import Registry
from schemas.topics import CHANGES, CONTROL
from tests.benchmarks.waiting import until

HELLO, ANSWER = "vn.hemis.Hello", "vn.hemis.HelloAnswer"
FIRST_EPOCH = 1


def answer(stack: Stack, institution: str, registry: Registry, watch: Callable[[], None]) -> None:
    """Wait for the institution's first hello and accept it."""
    consumer = Consumer({**stack.admin_config(), "group.id": "benchmark-hello", "enable.auto.commit": False})
    consumer.assign([TopicPartition(CHANGES.name_for(institution), 0, OFFSET_BEGINNING)])
    wanted = registry.id_of(HELLO)
    found: list[Message] = []

    def heard() -> bool:
        message = consumer.poll(0.05)
        if message is None or message.error() or schema_id_of(message.value() or b"") != wanted:
            return False
        found.append(message)
        return True

    try:
        until(heard, f"a hello of {institution}", timeout=60, every=0, watch=watch)
    finally:
        consumer.close()
    message = found[0]
    value = message.value()
    assert value is not None
    hello, _ = codec(HELLO).decode(value, HEADER_SIZE)
    reply = {
        "instance": hello["instance"],
        "hello_offset": message.offset(),
        "epoch": FIRST_EPOCH,
        "mapping_revision": hello["mapping_revision"],
        "accepted": True,
        "reload": False,
    }
    producer = Producer({**stack.admin_config(), "enable.idempotence": True})
    producer.produce(
        CONTROL.name_for(institution), header(registry.id_of(ANSWER)) + codec(ANSWER).encode(reply), b"hello"
    )
    if producer.flush(20):
        raise RuntimeError("the hello's answer was not written")
