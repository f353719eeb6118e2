"""The envelope of a change event: a fixed prefix that is read, stamped and forwarded without decoding the entity.

Layout on the wire: header (5 bytes: zero, schema id) · epoch · place · operation · snapshot · version · changed_at · captured_at ·
instance · source_table · record_key · absent · untyped · entity. `epoch` and `place` are RECORDS' stamps: `stamp` replaces
them and keeps every other byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas import binary
from schemas.binary import long_rest, read_long, read_text
from schemas.codec import HEADER_SIZE, long_bytes, size_bytes, text_bytes
from schemas.errors import DecodeError
from schemas.native import wire

NEW, UPDATE, CANCEL = 0, 1, 2
OPERATIONS = ("NEW", "UPDATE", "CANCEL")

UNSTAMPED = long_bytes(0) + long_bytes(-1)
"""Epoch and place as an agent sends them."""


class Envelope(NamedTuple):
    """A read envelope. `rest` is where the bytes behind the stamps begin, `body` where the entity begins.

    `changed_at`: commit time at the source, µs UTC. `clock` holds version, changed_at and captured_at as they lie on the wire.
    """

    epoch: int
    place: int
    operation: int
    snapshot: bool
    version: int
    changed_at: int
    clock: bytes
    instance: str
    source_table: str
    record_key: str
    absent: tuple[str, ...]
    untyped: dict[str, str]
    rest: int
    body: int

    @property
    def captured_at(self) -> int:
        """When the agent read the change, µs UTC."""
        _, p = read_long(self.clock, 0)
        _, p = read_long(self.clock, p)
        return read_long(self.clock, p)[0]


def header(schema_id: int) -> bytes:
    """The Confluent wire header of a registry id."""
    return b"\x00" + schema_id.to_bytes(4, "big")


def schema_id_of(raw: bytes) -> int:
    """The registry id of a message.

    Raises:
        DecodeError: not in Confluent wire format.
    """
    if len(raw) < HEADER_SIZE or raw[0] != 0:
        raise DecodeError("no Confluent wire header")
    return int.from_bytes(raw[1:5], "big")


def read_in_python(raw: bytes) -> Envelope:
    """What `read` does: the reference of the compiled one."""
    try:
        return _read(raw)
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeError(f"envelope: {type(error).__name__}") from error


read: Callable[[bytes], Envelope] = wire.EnvelopeReader(Envelope).read if wire else read_in_python
"""The envelope of a message.

Raises:
    DecodeError: the bytes do not follow the layout.
"""

_CONTINUED = int.from_bytes(b"\x80" * 16, "little")
_TIMES = int.from_bytes((b"\x80" * 7 + b"\x00") * 2, "little")
"""The continuation bits of two longs of eight bytes each, which every time between 1971 and 2540 is."""

_NO_TEXTS: dict[str, str] = {}


@lru_cache(maxsize=4096)
def _origin(raw: bytes) -> tuple[str, str]:
    """Instance and source table: the same bytes in every event of a table."""
    instance, p = read_text(raw, 0)
    table, _ = read_text(raw, p)
    return instance, table


@lru_cache(maxsize=4096)
def _time(raw: bytes) -> int:
    """A time: the same bytes in every event of a transaction."""
    return read_long(raw, 0)[0]


def _read(b: bytes) -> Envelope:
    p = HEADER_SIZE + 2
    epoch, place = b[p - 2], b[p - 1]
    if epoch > 127 or place > 127:
        epoch, p = read_long(b, HEADER_SIZE)
        place, p = read_long(b, p)
    else:
        epoch, place = (epoch >> 1) ^ -(epoch & 1), (place >> 1) ^ -(place & 1)
    rest = p
    operation, snapshot = b[p], b[p + 1]
    if operation > 4 or operation & 1 or snapshot > 1:
        raise DecodeError("envelope: operation or snapshot flag")
    p += 2
    clock = p
    n = b[p]
    p += 1
    if n > 127:
        n, p = long_rest(b, p, n)
    if int.from_bytes(b[p : p + 16], "little") & _CONTINUED == _TIMES:
        changed_at, origin = _time(b[p : p + 8]), p + 16
    else:
        changed_at, p = read_long(b, p)
        _, origin = read_long(b, p)
    table_at = origin + 1 + (b[origin] >> 1)
    if b[origin] > 127 or b[table_at] > 127:
        instance, p = read_text(b, origin)
        table, p = read_text(b, p)
    else:
        p = table_at + 1 + (b[table_at] >> 1)
        instance, table = _origin(b[origin:p])
    size = b[p]
    key = p + 1
    if size > 127:
        size, key = long_rest(b, key, size)
    if size & 1:
        raise DecodeError("envelope: a negative length")
    p = key + (size >> 1)
    record_key = b[key:p].decode()
    absent: tuple[str, ...] = ()
    untyped = _NO_TEXTS
    if b[p] == 0:
        p += 1
    else:
        absent, p = _read_absent(b, p)
    if b[p] == 0:
        p += 1
    else:
        untyped, p = _read_untyped(b, p)
    return Envelope(
        epoch,
        place,
        operation >> 1,
        snapshot == 1,
        (n >> 1) ^ -(n & 1),
        changed_at,
        b[clock:origin],
        instance,
        table,
        record_key,
        absent,
        untyped,
        rest,
        p,
    )


def _block(b: bytes, p: int) -> tuple[int, int]:
    count, p = read_long(b, p)
    if count < 0:
        count = -count
        _, p = read_long(b, p)
    if count > len(b):
        raise DecodeError("envelope: a count that runs past the end")
    return count, p


def _read_absent(b: bytes, p: int) -> tuple[tuple[str, ...], int]:
    names: list[str] = []
    while True:
        count, p = _block(b, p)
        if count == 0:
            return tuple(names), p
        for _ in range(count):
            name, p = read_text(b, p)
            names.append(name)


def _read_untyped(b: bytes, p: int) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    while True:
        count, p = _block(b, p)
        if count == 0:
            return found, p
        for _ in range(count):
            name, p = read_text(b, p)
            value, p = read_text(b, p)
            if "\0" in value:
                raise DecodeError("envelope: a NUL character")
            found[name] = value


def absent_bytes(names: Sequence[str]) -> bytes:
    """The `absent` list on the wire."""
    return size_bytes(len(names)) + b"".join(map(text_bytes, names)) + b"\x00" if names else b"\x00"


def untyped_bytes(texts: Mapping[str, str]) -> bytes:
    """The `untyped` map on the wire."""
    if not texts:
        return b"\x00"
    return size_bytes(len(texts)) + b"".join(text_bytes(k) + text_bytes(v) for k, v in texts.items()) + b"\x00"


def write(
    schema_id: int,
    *,
    operation: int,
    snapshot: bool,
    version: int,
    changed_at: int,
    captured_at: int,
    instance: str,
    source_table: str,
    record_key: str,
    absent: Sequence[str] = (),
    untyped: Mapping[str, str] | None = None,
    epoch: int = 0,
    place: int = -1,
) -> bytes:
    """The prefix of a message: wire header and envelope; the entity's bytes follow."""
    return b"".join(
        (
            header(schema_id),
            long_bytes(epoch),
            long_bytes(place),
            long_bytes(operation),
            b"\x01" if snapshot else b"\x00",
            long_bytes(version),
            long_bytes(changed_at),
            long_bytes(captured_at),
            text_bytes(instance),
            text_bytes(source_table),
            text_bytes(record_key),
            absent_bytes(absent),
            untyped_bytes(untyped or {}),
        )
    )


def stamp_in_python(raw: bytes, event: Envelope, epoch: int, place: int) -> tuple[bytes, int]:
    """What `stamp` does: the reference of the compiled one."""
    head = raw[:HEADER_SIZE] + binary.long_bytes(epoch) + binary.long_bytes(place)
    return head + raw[event.rest :], event.body + len(head) - event.rest


stamp: Callable[[bytes, Envelope, int, int], tuple[bytes, int]] = wire.stamp if wire else stamp_in_python
"""The message with RECORDS' stamps in place of the sender's, and where its entity begins; everything behind the stamps is kept
byte for byte."""
