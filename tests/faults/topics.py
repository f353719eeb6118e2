"""What the compacted topics say, read from outside: the last message of each key must be its newest."""

from __future__ import annotations

from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from deploy.local.stack import Stack
from schemas import envelope
from schemas.avro_schema import RECORD_TYPES
from schemas.codec import HEADER_SIZE, codec
from schemas.topics import GOLDEN, clean_topic

Version = tuple[int, int]


@dataclass
class Seen:
    """What a key's messages were: the newest version of all, and the version (and liveness) of the last one."""

    newest: Version
    last: Version
    live: bool


@dataclass
class Compacted:
    """Reads clean and golden topics, each call from where the last one ended."""

    stack: Stack
    seen: dict[str, dict[str, Seen]] = field(default_factory=dict)
    _places: dict[tuple[str, int], int] = field(default_factory=dict)

    def read(self) -> None:
        config = {**self.stack.admin_config(), "group.id": "faults", "enable.auto.commit": False, "log_level": 0}
        consumer = Consumer(config)
        try:
            wanted, ends = [], {}
            topics = consumer.list_topics(timeout=20).topics
            for name in [*(clean_topic(entity) for entity in RECORD_TYPES), GOLDEN.name]:
                for number in topics[name].partitions:
                    place = self._places.get((name, number), OFFSET_BEGINNING)
                    low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=20)
                    if max(place, low) < high:
                        wanted.append(TopicPartition(name, number, place))
                        ends[name, number] = high
            consumer.assign(wanted)
            while ends:
                for message in consumer.consume(5000, 0.1):
                    if message.error():
                        raise RuntimeError(str(message.error()))
                    at = (str(message.topic()), int(message.partition() or 0))
                    following = int(message.offset() or 0) + 1
                    self._places[at] = following
                    self._take(at[0], (message.key() or b"").decode(), message.value() or b"")
                    if following >= ends.get(at, following + 1):
                        del ends[at]
        finally:
            consumer.close()

    def _take(self, topic: str, key: str, raw: bytes) -> None:
        if topic == GOLDEN.name:
            value, _ = codec("vn.hemis.GoldenPerson").decode(raw, HEADER_SIZE)
            version, live = (value["generation"], value["place"]), bool(value["live"])
        else:
            read = envelope.read(raw)
            version, live = (read.epoch, read.version), read.operation != envelope.CANCEL
        keys = self.seen.setdefault(topic, {})
        before = keys.get(key)
        newest = version if before is None else max(before.newest, version)
        keys[key] = Seen(newest, version, live)

    def wrong(self, topic: str, national: dict[str, tuple[Version, bool]]) -> list[str]:
        """Keys whose last message is not the newest, or not what stands nationally."""
        keys = self.seen.get(topic, {})
        found = [f"{topic} {key}: ends with {s.last}, had {s.newest}" for key, s in keys.items() if s.last != s.newest]
        for key in keys.keys() | national.keys():
            here = keys.get(key)
            if here is None or national.get(key) != (here.last, here.live):
                found.append(f"{topic} {key}: topic {here}, national {national.get(key)}")
        return found
