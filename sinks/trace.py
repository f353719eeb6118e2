"""Where a record is and how it came there, from the national database alone: for `hemis trace RECORD`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from schemas import avro_schema
from schemas.errors import HemisError
from schemas.keys import parse_record_key
from sinks.database import translated_database_errors
from sinks.model import AUDIT, ENTITIES, FINDING, GOLDEN, OF_EVERY_ORIGIN, PERSON_CLAIM, Target

MASK = "•••"
PERSONAL = ("person", "learner")
"""Entities whose values are personal data; the others' are codes, dates and numbers of decisions."""


@dataclass(frozen=True)
class Version:
    """One applied change. `replaced_at` None: the current one. `changed` names the fields that differ from the version
    before, so that a change shows although its values are masked."""

    epoch: int
    version: int
    place: int
    operation: str
    snapshot: bool
    source_table: str
    changed_at: datetime
    captured_at: datetime
    applied_at: datetime
    replaced_at: datetime | None
    values: Mapping[str, Any]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class GoldenValue:
    """A golden value and its origin (P7)."""

    field: str
    value: Any
    institution: str
    record_key: str
    place: int
    rule: str


@dataclass(frozen=True)
class Golden:
    person_key: str
    live: bool
    conflict: bool
    changed_at: datetime
    applied_at: datetime
    claims: tuple[str, ...]
    values: tuple[GoldenValue, ...]


@dataclass(frozen=True)
class Finding:
    rule: str
    severity: str
    status: str
    institution: str
    record_key: str
    fields: tuple[str, ...]
    other_record: str
    at: datetime


@dataclass(frozen=True)
class Trace:
    """`versions` from the newest to the oldest; empty if the national database has never seen the record. `persons` has
    one entry, but for a moment two or none while a record moves from one person to another."""

    record_key: str
    entity: str
    institution: str
    person_record: str | None
    versions: tuple[Version, ...]
    persons: tuple[Golden, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def trace(engine: sa.Engine, record_key: str, *, reveal: bool = False, actor: str = "") -> Trace:
    """All about a record. Personal values are masked unless `reveal`, which is written to the audit under `actor`.

    Raises:
        HemisError E104: not a record key. E201: `reveal` without `actor`. E501-E503.
    """
    parsed = parse_record_key(record_key)
    if parsed is None:
        raise HemisError("E104", "expected <institution>/<entity>/<key>")
    if reveal and not actor:
        raise HemisError("E201", "revealing personal data needs an actor")
    institution, entity, _ = parsed
    with translated_database_errors(), engine.begin() as connection:
        if reveal:
            connection.execute(sa.insert(AUDIT).values(actor=actor, action="trace", subject=record_key))
        versions = _versions(connection, ENTITIES[entity], record_key, reveal)
        person = _person_record(connection, ENTITIES[entity], record_key)
        persons = _persons(connection, person, reveal) if person else ()
        return Trace(
            record_key, entity, institution, person, versions, persons, _findings(connection, {record_key, person})
        )


def _versions(connection: sa.Connection, target: Target, key: str, reveal: bool) -> tuple[Version, ...]:
    assert target.history is not None
    names = avro_schema.field_names(target.name)
    rows: list[dict[str, Any]] = []
    for table in (target.table, target.history):
        found = connection.execute(sa.select(table).where(table.c[target.key] == key)).mappings()
        rows += [{"replaced_at": None, **row} for row in found]
    rows.sort(key=lambda row: (row["epoch"], row["version"], row["place"]))
    out = []
    before: dict[str, Any] = {}
    for row in rows:
        values = {name: row[name] for name in names} | {f"untyped.{k}": v for k, v in (row["untyped"] or {}).items()}
        changed = tuple(n for n in dict.fromkeys([*values, *before]) if values.get(n) != before.get(n))
        out.append(
            Version(
                epoch=row["epoch"],
                version=row["version"],
                place=row["place"],
                operation=row["operation"],
                snapshot=row["snapshot"],
                source_table=row["source_table"],
                changed_at=row["changed_at"],
                captured_at=row["captured_at"],
                applied_at=row["applied_at"],
                replaced_at=row["replaced_at"],
                values=values if reveal or target.name not in PERSONAL else _masked(values, target.name),
                changed=changed,
            )
        )
        before = values
    return tuple(reversed(out))


def _masked(values: Mapping[str, Any], entity: str) -> dict[str, Any]:
    references = {field.name for field in avro_schema.fields(entity) if field.kind == "reference"}
    return {name: value if value is None or name in references else MASK for name, value in values.items()}


def _person_record(connection: sa.Connection, target: Target, key: str) -> str | None:
    """The institution's person record that a record belongs to: itself, or along its references."""
    if target.name == "person":
        return key
    for field in avro_schema.fields(target.name):
        if field.refers_to in ("person", "learner"):
            column = target.table.c[field.name]
            found = connection.execute(sa.select(column).where(target.table.c[target.key] == key)).scalar()
            if found is not None:
                return _person_record(connection, ENTITIES[field.refers_to], str(found))
    return None


def _persons(connection: sa.Connection, record_key: str, reveal: bool) -> tuple[Golden, ...]:
    claims = sa.select(PERSON_CLAIM.c.person_key).where(PERSON_CLAIM.c.record_key == record_key)
    table = GOLDEN.table
    query = sa.select(table).where(table.c.person_key.in_(claims))
    return tuple(
        _golden(dict(row), reveal) for row in connection.execute(query.order_by(table.c.person_key)).mappings()
    )


def _golden(row: Mapping[str, Any], reveal: bool) -> Golden:
    values = tuple(
        GoldenValue(
            field,
            row[field] if reveal else MASK,
            *(origin[n] for n in ("institution", "record_key", "place", "rule")),
        )
        for origin in row["origins"] or ()
        for field in origin["fields"] or OF_EVERY_ORIGIN
        if row.get(field) is not None
    )
    return Golden(
        row["person_key"],
        row["live"],
        row["conflict"],
        row["changed_at"],
        row["applied_at"],
        tuple(row["claims"]),
        values,
    )


def _findings(connection: sa.Connection, records: set[str | None]) -> tuple[Finding, ...]:
    f = FINDING.table.c
    query = sa.select(FINDING.table).where(f.record_key.in_(sorted(r for r in records if r)))
    return tuple(
        Finding(
            rule=row["rule"],
            severity=row["severity"],
            status=row["status"],
            institution=row["institution"],
            record_key=row["record_key"],
            fields=tuple(row["fields"]),
            other_record=row["other_record"],
            at=row["at"],
        )
        for row in connection.execute(query.order_by(f.status, f.at.desc())).mappings()
    )
