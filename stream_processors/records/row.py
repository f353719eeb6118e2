"""A record's state in RECORDS: the newest clean message, and what can't be read from it."""

from __future__ import annotations

import json
from typing import NamedTuple

from schemas import envelope
from schemas.codec import read_text, text_bytes
from schemas.envelope import Envelope
from schemas.rules import Found

Version = tuple[int, int]
"""Epoch and version; compared in this order."""

NEVER: Version = (-1, -1)


class Row(NamedTuple):
    """`raw` is the stamped message (its place is the event that applied it). `marks`: fields whose value is known only up to an
    older version than the record's. `person`: the person key of the last claim. `open`: findings that stand open."""

    raw: bytes
    envelope: Envelope
    marks: dict[str, Version]
    person: str
    open: tuple[Found, ...]

    @property
    def version(self) -> Version:
        return self.envelope.epoch, self.envelope.version

    @property
    def live(self) -> bool:
        return self.envelope.operation != envelope.CANCEL


def dump(raw: bytes, marks: dict[str, Version], person: str, found: tuple[Found, ...]) -> bytes:
    return b"".join(
        (
            text_bytes(json.dumps(marks)) if marks else b"\x00",
            text_bytes(person),
            text_bytes(json.dumps([[f.rule, f.fields, f.other] for f in found])) if found else b"\x00",
            raw,
        )
    )


def load(state: bytes) -> Row:
    marks_text, p = read_text(state, 0)
    person, p = read_text(state, p)
    found_text, p = read_text(state, p)
    raw = state[p:]
    marks = {name: (v[0], v[1]) for name, v in json.loads(marks_text).items()} if marks_text else {}
    found = (
        tuple(Found(rule, tuple(names), other) for rule, names, other in json.loads(found_text)) if found_text else ()
    )
    return Row(raw, envelope.read(raw), marks, person, found)


def has_findings(state: bytes) -> bool:
    """Does the state list open findings? Without reading the rest: a restore asks it of every record."""
    if state[0] == 0 and state[1] < 128:  # no marks, and a person key whose length is one byte
        return state[2 + (state[1] >> 1)] != 0
    _, p = read_text(state, 0)
    _, p = read_text(state, p)
    return state[p] != 0


def waiting_for(found: tuple[Found, ...]) -> list[str]:
    """Record keys of the missing parents among open findings."""
    return [f.other for f in found if f.rule == "V26"]
