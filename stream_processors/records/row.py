"""A record's state in RECORDS: the newest clean message, and what can't be read from it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from schemas import envelope
from schemas.codec import HEADER_SIZE, read_long, read_text, text_bytes
from schemas.envelope import Envelope
from schemas.rules import Found

Version = tuple[int, int]
"""Epoch and version; compared in this order."""

NEVER: Version = (-1, -1)


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
    """`raw` is the stamped message (its place is the event that applied it). `marks`: fields whose value is known only up to an
    older version than the record's. `person`: the person key of the last claim. `open`: findings that stand. `former`: of a study
    record, the status before its last one, and that status' date."""

    raw: bytes
    envelope: Envelope
    marks: dict[str, Version]
    person: str
    open: tuple[Open, ...]
    former: Former = ()

    @property
    def version(self) -> Version:
        return self.envelope.epoch, self.envelope.version

    @property
    def live(self) -> bool:
        return self.envelope.operation != envelope.CANCEL


def dump(raw: bytes, marks: dict[str, Version], person: str, found: tuple[Open, ...], former: Former = ()) -> bytes:
    return b"".join(
        (
            text_bytes(json.dumps(marks)) if marks else b"\x00",
            text_bytes(person),
            text_bytes(json.dumps((former, found), ensure_ascii=False, separators=(",", ":")))
            if found or former
            else b"\x00",
            raw,
        )
    )


def load(state: bytes) -> Row:
    marks_text, p = read_text(state, 0)
    person, p = read_text(state, p)
    notes, p = read_text(state, p)
    raw = state[p:]
    marks = {name: (v[0], v[1]) for name, v in json.loads(marks_text).items()} if marks_text else {}
    if not notes:
        return Row(raw, envelope.read(raw), marks, person, ())
    former, found = json.loads(notes)
    return Row(raw, envelope.read(raw), marks, person, tuple(map(_open, found)), tuple(former))


def _open(found: list[Any]) -> Open:
    rule, names, other, details, since, said = found
    return Open(rule, tuple(names), other, tuple((k, v) for k, v in details), since, said)


def is_live(state: bytes) -> bool:
    """Is the record live? Without reading the rest: it is asked of every record that another one refers to."""
    p = _notes_at(state)
    p = p + 1 if state[p] == 0 else read_text(state, p)[1]
    p += HEADER_SIZE
    if state[p] < 128 and state[p + 1] < 128:
        return state[p + 2] != envelope.CANCEL << 1
    _, p = read_long(state, p)
    _, p = read_long(state, p)
    return state[p] != envelope.CANCEL << 1


def _notes_at(state: bytes) -> int:
    if state[0] == 0 and state[1] < 128:  # no marks, and a person key whose length is one byte
        return 2 + (state[1] >> 1)
    _, p = read_text(state, 0)
    return read_text(state, p)[1]


def waiting_for(found: tuple[Open, ...]) -> list[str]:
    """Record keys of the missing parents among open findings."""
    return [f.other for f in found if f.rule == "V26"]
