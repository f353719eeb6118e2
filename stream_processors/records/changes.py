"""What becomes of one change event: authorise → version rule → state and clean record. The order of its effects is the unit's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import envelope
from schemas.avro_schema import RECORD_TYPES, fields, record_name
from schemas.codec import HEADER_SIZE
from schemas.envelope import CANCEL, Envelope
from schemas.errors import DecodeError
from schemas.keys import parse_record_key
from schemas.topics import MAX_EVENT_BYTES
from stream_processors.contract import Type, Unreadable
from stream_processors.records import row as rows
from stream_processors.records.row import Former, Row, Version
from stream_processors.records.unit import Unit
from stream_processors.records.version_rule import Verdict, fillable, judge, marks_after

NOTHING = {e: b"\x00" * len(fields(e)) for e in RECORD_TYPES}
"""An entity's bytes in a CANCEL: every field null."""


def change(unit: Unit, kind: Type, key: bytes | None, raw: bytes, place: int, *, braked: bool = True) -> None:
    """Judge and apply one event; the caller has counted it as read.

    Raises:
        DecodeError, Unreadable: the event belongs to the dead letters; nothing was changed.
    """
    account, entity = unit.account, kind.entity
    assert entity is not None
    if len(raw) > MAX_EVENT_BYTES:
        raise Unreadable("E106", f"{len(raw)} bytes")
    event = envelope.read(raw)
    _authorise(unit, entity, key, event)
    assert key is not None
    if event.instance != account.instance:
        if event.instance not in account.former:
            raise Unreadable("E107")
        account.superseded += 1
        return
    values, _ = kind.codec.decode(raw, event.body)
    apply(unit, kind, key, raw, event, values, place, braked=braked)


def _authorise(unit: Unit, entity: str, key: bytes | None, event: Envelope) -> None:
    if key is None or event.record_key.encode() != key:
        raise Unreadable("E104")
    if key.endswith(b"/") or b"//" in key or b"\0" in key:
        raise Unreadable("E104")  # a part that is null or empty would make one record of many rows; NUL is no SQL text
    if "\0" in event.source_table:
        raise DecodeError("a NUL character")
    if not key.startswith(unit.institution.records + entity.encode() + b"/") or len(key) > 512:
        parsed = parse_record_key(event.record_key)
        raise Unreadable("E105" if parsed and parsed[0] != unit.code else "E104")


def apply(
    unit: Unit, kind: Type, key: bytes, raw: bytes, event: Envelope, values: dict[str, Any], place: int, *, braked: bool
) -> None:
    """The version rule and what follows from its verdict."""
    account = unit.account
    version = (account.epoch, event.version)
    row = unit.row(key)
    verdict = (
        Verdict.APPLY
        if row is None
        else judge(row, event, version, place, _same_content(unit, kind, row, raw, event, values))
    )
    match verdict:
        case Verdict.APPLY:
            _replace(unit, kind, key, raw, event, values, place, row, braked)
        case Verdict.FILL:
            assert row is not None
            _fill(unit, kind, key, event, values, place, row, version)
        case Verdict.RAISE:
            assert row is not None
            raised = rows.stamped(raw, event, account.epoch, place)
            unit.put(key, raised._replace(person=row.person, open=row.open, former=row.former))
            account.duplicate += 1
        case Verdict.DUPLICATE:
            account.duplicate += 1
        case Verdict.REPEATED:
            account.applied += 1
        case Verdict.CONTRADICTS:
            account.alarm("equal_version_other_content")
            account.superseded += 1
        case Verdict.SUPERSEDED:
            account.superseded += 1


def _stored(unit: Unit, kind: Type, row: Row) -> tuple[bytes, dict[str, Any]]:
    """The row's message in this program's version of its type (it may be older than the last upgrade), and its values."""
    raw = unit.contract.current(kind.name, row.raw)
    body = row.body if raw is row.raw else envelope.read(raw).body
    return raw, kind.codec.decode(raw, body)[0]


def _same_content(unit: Unit, kind: Type, row: Row, raw: bytes, event: Envelope, values: Mapping[str, Any]) -> bool:
    if event.untyped != row.untyped:
        return False
    if not event.absent and raw[:HEADER_SIZE] == row.raw[:HEADER_SIZE]:
        return raw[event.body :] == row.raw[row.body :]
    _, stored = _stored(unit, kind, row)
    return all(value == stored[name] for name, value in values.items() if name not in event.absent)


def _replace(
    unit: Unit,
    kind: Type,
    key: bytes,
    raw: bytes,
    event: Envelope,
    values: dict[str, Any],
    place: int,
    row: Row | None,
    braked: bool,
) -> None:
    account = unit.account
    was_live = row is not None and row.live
    if event.operation == CANCEL and was_live and braked and unit.brake.holds(account, event.changed_at):
        if unit.hold(key, raw):
            account.superseded += 1  # a CANCEL of the same record was held already
        else:
            account.held += 1
        return
    marks = marks_after(row, event)
    if event.absent:
        raw, values = _complete(unit, kind, raw, event, values, row)
        event = envelope.read(raw)
    _settle(unit, kind, key, raw, event, values, place, account.epoch, row, marks)


def _complete(
    unit: Unit, kind: Type, raw: bytes, event: Envelope, values: dict[str, Any], row: Row | None
) -> tuple[bytes, dict[str, Any]]:
    """The event with the fields that it did not send taken from the row, where the row has them."""
    untyped = dict(event.untyped)
    if row is not None and row.live and event.operation == envelope.UPDATE:
        _, stored = _stored(unit, kind, row)
        values = values | {name: stored[name] for name in event.absent if name in stored}
        untyped |= {name: row.untyped[name] for name in event.absent if name in row.untyped}
    return _fitting(_rewrite(raw, event, kind, values, untyped)), values


def _fitting(raw: bytes) -> bytes:
    """A record put together from two events: what no topic would take must not stop its institution (P5)."""
    if len(raw) > MAX_EVENT_BYTES:
        raise Unreadable("E106", f"{len(raw)} bytes with what was known before")
    return raw


def _rewrite(
    header: bytes, event: Envelope, kind: Type, values: Mapping[str, Any], untyped: Mapping[str, str]
) -> bytes:
    return envelope.write(
        envelope.schema_id_of(header),
        operation=event.operation,
        snapshot=event.snapshot,
        version=event.version,
        changed_at=event.changed_at,
        captured_at=event.captured_at,
        instance=event.instance,
        source_table=event.source_table,
        record_key=event.record_key,
        untyped=untyped,
    ) + kind.codec.encode(values)


def _fill(
    unit: Unit,
    kind: Type,
    key: bytes,
    event: Envelope,
    values: Mapping[str, Any],
    place: int,
    row: Row,
    version: Version,
) -> None:
    """A smaller event fills fields that the row does not know since an older version; the row's version stays."""
    names = fillable(row, event, version)
    before, stored = _stored(unit, kind, row)
    filled = stored | {name: values[name] for name in names if name in values}
    untyped = {k: v for k, v in row.untyped.items() if k not in names} | {
        n: event.untyped[n] for n in names if n in event.untyped
    }
    raw = _fitting(_rewrite(before, row.envelope, kind, filled, untyped))
    marks = {**row.marks, **dict.fromkeys(names, version)}
    _settle(unit, kind, key, raw, envelope.read(raw), filled, place, row.epoch, row, marks)


def _settle(
    unit: Unit,
    kind: Type,
    key: bytes,
    raw: bytes,
    event: Envelope,
    values: dict[str, Any],
    place: int,
    epoch: int,
    row: Row | None,
    marks: Mapping[str, Version],
) -> None:
    """The record has a new newest content. What follows from it is worked out once for the whole unit (`settle`)."""
    account, entity = unit.account, kind.entity
    assert entity is not None
    message, body = envelope.stamp(raw, event, epoch, place)
    operation, was_live = event.operation, row is not None and row.live
    live = operation != CANCEL
    unit.clean(entity, key, message)
    former = _former(unit, key, row, values) if entity == "study_record" and live and row and row.live else ()
    made = Row(
        message, body, epoch, place, operation, event.snapshot, event.version, event.changed_at, event.untyped, marks,
        row.person if row else "", row.open if row else (), former,
    )  # fmt: skip
    unit.change(key, entity, made, values, row)
    account.live += live - was_live
    account.applied += 1
    if event.snapshot:
        unit.loaded = True
    else:
        unit.newest = event


def _former(unit: Unit, key: bytes, row: Row, values: Mapping[str, Any]) -> Former:
    """The study's status before the one that it has now: it is judged by it, whatever comes before or after."""
    was = unit.former_values(key, row)
    return row.former if was["status"] == values["status"] else (was["status"] or "", was["status_date"])


def cancel_of(unit: Unit, entity: str, key: bytes, *, version: int, changed_at: int, source_table: str) -> bytes:
    """A CANCEL that RECORDS derives itself, from a sweep."""
    header = unit.contract.header(f"{record_name(entity)}Change")
    return (
        envelope.write(
            int.from_bytes(header[1:HEADER_SIZE], "big"),
            operation=CANCEL,
            snapshot=True,
            version=version,
            changed_at=changed_at,
            captured_at=changed_at,
            instance=unit.account.instance,
            source_table=source_table,
            record_key=key.decode(),
        )
        + NOTHING[entity]
    )
