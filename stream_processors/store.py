"""The local store: one RocksDB per worker, a copy of what the changelog topics say. A key begins with its unit's name.

The changelog is the truth. The store keeps, per unit, the topic's id and the changelog offset up to which it holds the
topic; at assignment what lies behind that offset is read. A store that is ahead of its topic, or of another topic id, is thrown
away for that unit and read again from the beginning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from schemas.errors import HemisError

Messages = Mapping[bytes, bytes | None]
"""Keys and values of changelog messages, the last of each key; None deletes."""
Derive = Callable[[Messages], Messages]
"""Index entries that changelog messages imply; they live in the store only. Called once a batch, in the topic's order."""

CACHE_BYTES = 48 << 20
"""Of blocks read, uncompressed: a look-up that finds its block there costs two thirds (measured)."""
BATCH = 20_000
"""Messages per write of a restore."""


class Store:
    """RocksDB with the few calls the stages need. Not for several processes."""

    def __init__(self, folder: Path) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_max_background_jobs(2)
        options.set_db_write_buffer_size(64 << 20)
        options.set_max_open_files(256)
        options.set_keep_log_file_num(2)
        tables = BlockBasedOptions()
        # Each look-up of a new record, or of a parent that is missing, would read a block per level of the tree.
        tables.set_bloom_filter(10, False)
        tables.set_block_cache(Cache(CACHE_BYTES))
        options.set_block_based_table_factory(tables)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        try:
            self._db = Rdict(str(folder), options)
        except Exception as error:  # rocksdict raises bare Exception
            raise HemisError("E601", folder=folder) from error
        self._options = WriteOptions()
        self._options.disable_wal = False
        self.get: Callable[[bytes], bytes | None] = self._db.get

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """All or nothing."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self._db.write(batch, self._options)

    def scan(self, prefix: bytes, first: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with the prefix, in order, as they stand now; from `first` on, if given."""
        for key, value in self._db.items(from_key=first or prefix):
            if not key.startswith(prefix):
                return
            yield key, value

    def suffixes(self) -> Callable[[bytes, bytes, int], list[bytes]]:
        """What follows the prefix in the first so many keys from `first` on, as the store stands now. Half the price of `scan`."""
        found = None

        def read(prefix: bytes, first: bytes, most: int) -> list[bytes]:
            nonlocal found
            if found is None:
                found = self._db.iter()
            found.seek(first)
            out: list[bytes] = []
            while len(out) < most and found.valid():
                key = found.key()
                if not key.startswith(prefix):
                    break
                out.append(key[len(prefix) :])
                found.next()
            return out

        return read

    def forget(self, prefix: bytes) -> None:
        """Delete every key that begins with the prefix."""
        self._db.delete_range(prefix, prefix + b"\xff")

    def size(self) -> int:
        """Bytes on the disk."""
        total = 0
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # a compaction ended meanwhile
                total += path.stat().st_size
        return total

    def close(self) -> None:
        self._db.close()


def offset_key(unit: bytes) -> bytes:
    """Where the store notes how far it holds a unit's changelog; never in the changelog itself."""
    return unit + b"!offset"


class Changelog:
    """Reads changelog partitions into the store; one per thread, since a connection is dear when there are hundreds of units."""

    def __init__(self, config: Mapping[str, object], group: str) -> None:
        self._consumer = Consumer(
            {
                **config,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 20,
                "fetch.message.max.bytes": 4 << 20,
                "queued.max.messages.kbytes": 32 << 10,
            }
        )

    def restore(
        self,
        store: Store,
        unit: bytes,
        prefixes: tuple[bytes, ...],
        topic: str,
        partition: int,
        topic_id: str,
        derive: Derive,
    ) -> int:
        """Bring the store up to the changelog's end. Returns the number of messages read.

        Of two messages for one key the later wins: there is one writer. What a frozen former writer could write in spite of its
        lease, the owner notices and puts right (`Stage._mend`).

        Raises:
            KafkaException: try again.
        """
        tp = TopicPartition(topic, partition)
        low, high = self._consumer.get_watermark_offsets(tp, timeout=10)
        kept = store.get(offset_key(unit))
        position = _kept_offset(kept, topic_id)
        if position is None or not low <= position <= high:
            store.write({offset_key(unit): None})  # first: a note must never outlive what it speaks of
            for prefix in prefixes:
                store.forget(prefix)
            position = low
        tp.offset = position
        self._consumer.assign([tp])
        read = 0
        try:
            while position < high:
                messages = self._consumer.consume(min(BATCH, high - position), 0.2)
                for error in filter(None, map(Message.error, messages)):
                    raise KafkaException(error)
                changes: dict[bytes, bytes | None] = {m.key(): m.value() for m in messages}
                changes.update(derive(changes))
                read += len(messages)
                # compaction leaves no message at some offsets, so the position tells, not the last message
                position = max(position, self._consumer.position([TopicPartition(topic, partition)])[0].offset)
                changes[offset_key(unit)] = offset_note(topic_id, position)
                store.write(changes)
        finally:
            self._consumer.unassign()
        if read == 0:
            store.write({offset_key(unit): offset_note(topic_id, position)})
        return read

    def keys(self, topic: str, partition: int, first: int, end: int) -> set[bytes]:
        """The keys of the messages in this range of offsets.

        Raises:
            KafkaException: try again.
        """
        self._consumer.assign([TopicPartition(topic, partition, first)])
        found: set[bytes] = set()
        try:
            position = first
            while position < end:
                messages = self._consumer.consume(min(BATCH, end - position), 0.2)
                for error in filter(None, map(Message.error, messages)):
                    raise KafkaException(error)
                found.update(message.key() for message in messages if message.offset() < end)
                position = max(position, self._consumer.position([TopicPartition(topic, partition)])[0].offset)
        finally:
            self._consumer.unassign()
        return found


def offset_note(topic_id: str, following: int) -> bytes:
    """What stands at `offset_key`: the changelog topic's id and the offset that follows what the store holds."""
    return json.dumps({"topic_id": topic_id, "next": following}).encode()


def noted_offset(note: bytes | None) -> int | None:
    """The offset of a note, whatever topic id it names."""
    return None if note is None else int(json.loads(note)["next"])


def _kept_offset(note: bytes | None, topic_id: str) -> int | None:
    if note is None:
        return None
    kept = json.loads(note)
    return int(kept["next"]) if kept["topic_id"] == topic_id else None
