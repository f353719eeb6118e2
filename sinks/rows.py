"""Messages as rows of Python values, decoded strictly: the ordinary path, and the referee of the fast one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.codec import HEADER_SIZE
from schemas.errors import HemisError
from sinks.base import Refused, Run, Undecodable
from sinks.model import Leaf, Target, target_of
from sinks.writers import Writers

Row = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def row(writers: Writers, topic: str, key: bytes, value: bytes) -> Row:
    """The columns that a message fills, by name.

    Raises:
        HemisError 1xx: the message can't be stored. E405: try again.
    """
    writer = writers.of(topic, value[:HEADER_SIZE])
    record, _ = writer.codec.decode(value, HEADER_SIZE)
    target = writer.target
    flat = _flat(record)
    out = {leaf.name: _value(leaf, flat.get(leaf.name)) for leaf in target.leaves}
    if out[target.key].encode() != key:
        raise HemisError("E104")
    if target.from_key:
        out["institution"] = out[target.key].partition("/")[0]
    return out


def decoded(writers: Writers, runs: Sequence[Run]) -> list[list[Row | bytes]]:
    """All runs as rows; a key stands for an erasure.

    Raises:
        Undecodable: names every message that can't be stored.
    """
    refused: list[Refused] = []
    out: list[list[Row | bytes]] = []
    for number, run in enumerate(runs):
        rows: list[Row | bytes] = []
        for index, (key, value) in enumerate(run.messages):
            if value is None:
                rows.append(key)
                continue
            try:
                rows.append(row(writers, run.partition.topic, key, value))
            except HemisError as error:
                if error.transient:
                    raise
                refused.append(Refused(number, index, error.code, error.detail))
        out.append(rows)
    if refused:
        raise Undecodable(refused)
    return out


def version_of(target: Target, of: Row) -> tuple[int, ...]:
    return tuple(of[name] for name in target.version)


def required_target(topic: str) -> Target:
    """The target of a topic that the sink has subscribed to."""
    target = target_of(topic)
    if target is None:
        raise HemisError("E103", topic=topic)
    return target


def _flat(record: Row) -> Row:
    out: Row = {}
    for name, value in record.items():
        if name in ("envelope", "entity", "person") and isinstance(value, dict):
            out |= value
        else:
            out[name] = value
    return out


def _value(leaf: Leaf, value: Any) -> Any:
    if value is None:
        return None
    match leaf.kind:
        case "timestamp-micros":
            try:
                return _EPOCH + timedelta(microseconds=value)
            except OverflowError as error:
                raise HemisError("E101", f"{leaf.name} is out of range") from error
        case "texts" | "origins":
            return value or None
    return value
