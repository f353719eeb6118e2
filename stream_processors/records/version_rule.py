"""The version rule: what becomes of an event, given the record's state. Pure.

Larger (epoch, version) wins; with equal content it only raises the stored version. Equal versions: equal content is a
duplicate; other content is kept out, and is an alarm (V30) unless one of the two was read as a snapshot. Smaller is superseded,
except that it may fill fields which the stored row does not know since an older version.
"""

from __future__ import annotations

from enum import Enum

from schemas.envelope import CANCEL, NEW, Envelope
from stream_processors.records.row import NEVER, Row, Version


class Verdict(Enum):
    APPLY = "apply"
    RAISE = "raise"  # newer, same content: the version is raised, nothing is sent
    DUPLICATE = "duplicate"
    REPEATED = "repeated"  # the very event that is stored, read again after a torn write
    SUPERSEDED = "superseded"
    CONTRADICTS = "contradicts"
    FILL = "fill"


def judge(row: Row, event: Envelope, version: Version, place: int, same_content: bool) -> Verdict:
    """`version` is the event's (epoch, version) with the stamped epoch; `same_content` compares what the event sent."""
    stored = row.version
    if version > stored:
        return (
            Verdict.RAISE
            if same_content and row.live == (event.operation != CANCEL) and not event.absent
            else Verdict.APPLY
        )
    if version == stored:
        if place == row.place:
            return Verdict.REPEATED
        if same_content:
            return Verdict.DUPLICATE
        return Verdict.SUPERSEDED if event.snapshot or row.snapshot else Verdict.CONTRADICTS
    return Verdict.FILL if fillable(row, event, version) else Verdict.SUPERSEDED


def fillable(row: Row, event: Envelope, version: Version) -> list[str]:
    """Fields that a smaller event may fill: it sent them, and it is newer than what the row knows of them."""
    if event.operation == CANCEL or not row.live:
        return []
    return [name for name, mark in row.marks.items() if version > mark and name not in event.absent]


def marks_after(row: Row | None, event: Envelope) -> dict[str, Version]:
    """The marks of a row that this event, being newest, replaces. A CANCEL or NEW says all there is to say at its version."""
    if event.operation in (CANCEL, NEW) or not event.absent:
        return {}
    if row is None:
        return dict.fromkeys(event.absent, NEVER)
    return {name: row.marks.get(name, row.version) for name in event.absent}
