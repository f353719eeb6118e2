"""`hemis subscribe TOPIC`: events as JSON lines, decoded through the registry."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.broker import REFUSALS
from schemas.codec import HEADER_SIZE, Codec, codec_of
from schemas.envelope import schema_id_of
from schemas.errors import DecodeError, HemisError
from schemas.registry import Registry
from schemas.settings import KafkaSettings, load

TIMEOUT_SECONDS = 10.0
_REFUSED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


@click.command()
@click.argument("topic")
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest event that the topic still has.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
def subscribe(topic: str, from_beginning: bool, count: int | None, file: Path | None) -> None:
    """Print a topic's events as JSON lines, new ones as they come, until Ctrl-C."""
    settings = load(KafkaSettings, file)
    reader = Reader(Registry(settings.registry_url, Path(settings.data) / "schemas"))
    left = count
    for message in _messages(settings, topic, OFFSET_BEGINNING if from_beginning else OFFSET_END):
        try:
            print(json.dumps(line(message, reader), ensure_ascii=False), flush=True)
        except BrokenPipeError:
            sys.stderr.close()
            return
        if left is not None:
            left -= 1
            if left == 0:
                return


def _messages(settings: KafkaSettings, topic: str, offset: int) -> Iterator[Message]:
    """Messages of all partitions. No group is joined and nothing is committed: whoever looks leaves no trace."""
    # A group's name is required, though partitions that are assigned by hand never use it.
    consumer = Consumer(settings.kafka(**{"group.id": "hemis-reader-subscribe", "enable.auto.commit": False}))
    try:
        try:
            metadata = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
        except KafkaException as failure:
            raise _translated(failure.args[0], topic) from failure
        if metadata.error is not None:
            raise _translated(metadata.error, topic)
        consumer.assign([TopicPartition(topic, partition, offset) for partition in metadata.partitions])
        while True:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if (error := message.error()) is None:
                yield message
            elif not error.retriable():
                raise _translated(error, topic)
    except KeyboardInterrupt:
        return
    finally:
        consumer.close()


class Reader:
    """Decodes events by the schema that wrote each."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[int, tuple[str, Codec]] = {}

    def read(self, raw: bytes) -> tuple[str, dict[str, Any]]:
        """The type's name and the value.

        Raises:
            DecodeError, HemisError E102: it can't be decoded. RegistryUnavailable: try again.
        """
        number = schema_id_of(raw)
        if number not in self._known:
            schema = self._registry.schema_of(number)
            if schema is None or "name" not in schema:
                raise HemisError("E102")
            self._known[number] = f"{schema['namespace']}.{schema['name']}", codec_of(schema)
        name, codec = self._known[number]
        return name, codec.decode(raw, HEADER_SIZE)[0]


def line(message: Any, reader: Reader) -> dict[str, Any]:
    """One event: where it lies, key, headers, the type's name, and the decoded value; `raw` where it can't be decoded."""
    value = message.value()
    found: dict[str, Any] = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp_ms": message.timestamp()[1],
        "key": _text(message.key()),
        "headers": {name: _text(content) for name, content in message.headers() or ()},
        "type": None,
        "value": None,
    }
    if value is None:
        return found
    try:
        name, content = reader.read(value)
        found |= {"type": name, "value": _plain(content)}
    except (DecodeError, HemisError) as error:
        if error.transient:
            raise
        found |= {"error": error.code, "raw": b64encode(value).decode()}
    return found


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return b64encode(value).decode()
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list():
            return [_plain(part) for part in value]
    return value


def _text(raw: bytes | str | None) -> str | None:
    return raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw


def _translated(error: KafkaError, topic: str) -> HemisError:
    code = error.code()
    if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return HemisError("E404", topic=topic)
    if code in REFUSALS:
        return HemisError(REFUSALS[code])
    return HemisError("E403" if code in _REFUSED else "E401", topic=topic)
