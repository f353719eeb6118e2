"""A record's state in RECORDS: the newest clean message, and what can't be read from it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from schemas import envelope
from schemas.codec import read_text, text_bytes
from schemas.envelope import Envelope
from schemas.rules import Found

Version = tuple[int, int]
"""Epoch and version; compared in this order."""

NEVER: Version = (-1, -1)

_HEAD = struct.Struct("<qqqiIB")
"""Of a state: place, version, commit time, epoch, where the entity begins, and flags: operation, snapshot, untyped texts."""
_NOTES = _HEAD.size
_NOTHING: Mapping[str, Any] = MappingProxyType({})


Former = tuple[()] | tuple[str, str | None]


class Open(NamedTuple):
    """A finding that stands. `since`: time of the change that opened it, µs UTC. `said`: what was last sent of it."""

    rule: str
    fields: tuple[str, ...]
    other: str
    details: tuple[tuple[str, str], ...]
    since: int
    said: str = "OPEN"

    @property
    def key(self) -> tuple[str, tuple[str, ...], str]:
        """What makes it this finding of the record and no other."""
        return self[:3]

    @property
    def found(self) -> Found:
        return Found(*self[:4])


class Row(NamedTuple):
    """`raw` is the stamped message, `body` where its entity begins; `epoch` to `untyped` are read from it. `marks`: fields whose
    value is known only up to an older version than the record's. `person`: the person key of the last claim. `open`: findings that
    stand. `former`: of a study record, the status before its last one, and that status' date."""

    raw: bytes
    body: int
    epoch: int
    place: int
    operation: int
    snapshot: bool
    number: int
    changed_at: int
    untyped: Mapping[str, str]
    marks: Mapping[str, Version] = _NOTHING
    person: str = ""
    open: tuple[Open, ...] = ()
    former: Former = ()

    @property
    def version(self) -> Version:
        return self.epoch, self.number

    @property
    def live(self) -> bool:
        return self.operation != envelope.CANCEL

    @property
    def envelope(self) -> Envelope:
        """All of the message's envelope; read anew each time."""
        return envelope.read(self.raw)


def stamped(raw: bytes, event: Envelope, epoch: int, place: int) -> Row:
    """The row of an event that is applied at a place, without what RECORDS notes of it."""
    message, body = envelope.stamp(raw, event, epoch, place)
    return Row(
        message, body, epoch, place, event.operation, event.snapshot, event.version, event.changed_at, event.untyped
    )


def dump(row: Row) -> bytes:
    raw, body, epoch, place, operation, snapshot, number, changed_at, untyped, marks, person, found, former = row
    flags = operation | snapshot << 2 | bool(untyped) << 3
    return b"".join(
        (
            _HEAD.pack(place, number, changed_at, epoch, body, flags),
            text_bytes(json.dumps(marks)) if marks else b"\x00",
            text_bytes(person),
            text_bytes(json.dumps((former, found), ensure_ascii=False, separators=(",", ":")))
            if found or former
            else b"\x00",
            raw,
        )
    )


def load(state: bytes) -> Row:
    place, number, changed_at, epoch, body, flags = _HEAD.unpack_from(state)
    if state[_NOTES] == 0 and state[_NOTES + 1] < 128:  # no marks, and a person key whose length is one byte
        marks_text, p = "", _NOTES + 2 + (state[_NOTES + 1] >> 1)
        person = state[_NOTES + 2 : p].decode()
    else:
        marks_text, p = read_text(state, _NOTES)
        person, p = read_text(state, p)
    notes = ""
    if state[p] == 0:
        p += 1
    else:
        notes, p = read_text(state, p)
    raw = state[p:]
    untyped = envelope.read(raw).untyped if flags & 8 else _NOTHING
    marks = {name: (v[0], v[1]) for name, v in json.loads(marks_text).items()} if marks_text else _NOTHING
    row = Row(raw, body, epoch, place, flags & 3, flags & 4 != 0, number, changed_at, untyped, marks, person)
    if not notes:
        return row
    former, found = json.loads(notes)
    return row._replace(open=tuple(map(_open, found)), former=tuple(former))


def _open(found: list[Any]) -> Open:
    rule, names, other, details, since, said = found
    return Open(rule, tuple(names), other, tuple((k, v) for k, v in details), since, said)


def is_live(state: bytes) -> bool:
    """Is the record live? Without reading the rest: it is asked of every record that another one refers to."""
    return state[_NOTES - 1] & 3 != envelope.CANCEL


def waiting_for(found: tuple[Open, ...]) -> list[str]:
    """Record keys of the missing parents among open findings."""
    return [f.other for f in found if f.rule == "V26"]
