"""Where a record is and how it came there, from the national database alone: for `hemis trace RECORD`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from schemas import avro_schema
from schemas.errors import HemisError
from schemas.keys import parse_record_key
from sinks.database import translated_database_errors
from sinks.model import AUDIT, ENTITIES, FINDING, GOLDEN, OF_EVERY_ORIGIN, PERSON_CLAIM, Target
from sinks.roles import NOT_ABOUT_PERSONS, SENSITIVE

MASK = "•••"
PERSONAL = ("person", "learner")
"""Entities all of whose values are personal data."""
PERSONAL_FIELDS = frozenset(
    (*avro_schema.field_names("person"), "national_id", "serial", "register_number", "reason", "signer")
)
"""Fields that are personal data in whatever else is about a person; what is left are codes, dates and numbers of decisions."""


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
    details: Mapping[str, str]
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
    _parsed(record_key)
    if reveal and not actor:
        raise HemisError("E201", "revealing personal data needs an actor")
    with translated_database_errors(), engine.begin() as connection:
        if reveal:
            connection.execute(sa.insert(AUDIT).values(actor=actor, action="trace", subject=record_key))
        return _Tracing(connection, "public", reveal).trace(record_key)


def traced(connection: sa.Connection, record_key: str, schema: str, *, reveal: bool) -> Trace:
    """The same, as far as a role's schema shows it (`sinks.roles`): `ministry` or `owned`. The caller writes the audit.

    Raises:
        HemisError E104: not a record key.
    """
    return _Tracing(connection, schema, reveal).trace(record_key)


def _parsed(record_key: str) -> tuple[str, str]:
    parsed = parse_record_key(record_key)
    if parsed is None:
        raise HemisError("E104", "expected <institution>/<entity>/<key>")
    return parsed[:2]


class _Tracing:
    def __init__(self, connection: sa.Connection, schema: str, reveal: bool) -> None:
        self._connection = connection
        self._schema = schema
        self._reveal = reveal

    def trace(self, record_key: str) -> Trace:
        institution, entity = _parsed(record_key)
        versions = tuple(_versions(self._all(ENTITIES[entity], record_key), entity, self._reveal))
        person = self._person_record(entity, record_key)
        persons = tuple(_golden(row, self._reveal) for row in self._golden(person)) if person else ()
        findings = self._findings([record_key] if person in (None, record_key) else [record_key, str(person)])
        return Trace(record_key, entity, institution, person, versions, persons, findings)

    def _all(self, target: Target, key: str) -> list[dict[str, Any]]:
        """Every stored version."""
        assert target.history is not None
        if self._schema != "public":
            query = sa.text(f"SELECT * FROM {self._schema}.{target.name}_versions WHERE record_key = :key")
            return [dict(row) for row in self._connection.execute(query, {"key": key}).mappings()]
        rows: list[dict[str, Any]] = []
        for table in (target.table, target.history):
            found = self._connection.execute(sa.select(table).where(table.c[target.key] == key)).mappings()
            rows += [{"replaced_at": None, **row} for row in found]
        return rows

    def _table(self, table: sa.Table, columns: Iterable[str]) -> sa.TableClause:
        """The table, or the role's view of it, which may lack columns."""
        schema = None if self._schema == "public" else self._schema
        return sa.table(table.name, *(sa.column(name, table.c[name].type) for name in columns), schema=schema)

    def _person_record(self, entity: str, key: str) -> str | None:
        """The institution's person record that a record belongs to: itself, or along its references."""
        if entity == "person":
            return key
        for field in avro_schema.fields(entity):
            if field.refers_to in ("person", "learner", "degree"):
                table = self._table(ENTITIES[entity].table, ("record_key", field.name))
                query = sa.select(table.c[field.name]).where(table.c.record_key == key)
                found = self._connection.execute(query).scalar()
                if found is not None:
                    return self._person_record(field.refers_to, str(found))
        return None

    def _golden(self, record_key: str) -> list[dict[str, Any]]:
        """The persons that a record counts for. An institution is shown which they are, and no value of theirs."""
        if self._schema == "owned":
            own = sa.text("SELECT * FROM owned.person_claim WHERE record_key = :key ORDER BY person_key")
            return [dict(row) for row in self._connection.execute(own, {"key": record_key}).mappings()]
        claim = self._table(PERSON_CLAIM, ("record_key", "person_key"))
        claims = sa.select(claim.c.person_key).where(claim.c.record_key == record_key)
        columns = (c.name for c in GOLDEN.table.columns if self._schema == "public" or c.name not in SENSITIVE)
        golden = self._table(GOLDEN.table, columns)
        query = sa.select(golden).where(golden.c.person_key.in_(claims)).order_by(golden.c.person_key)
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def _findings(self, records: Sequence[str]) -> tuple[Finding, ...]:
        finding = self._table(FINDING.table, (*(f.name for f in fields(Finding)),))
        query = sa.select(finding).where(finding.c.record_key.in_(records))
        rows = self._connection.execute(query.order_by(finding.c.status, finding.c.at.desc())).mappings()
        return tuple(
            Finding(**row | {"fields": tuple(row["fields"]), "details": row["details"] or {}})
            for row in map(dict, rows)
        )


def _versions(rows: list[dict[str, Any]], entity: str, reveal: bool) -> Iterator[Version]:
    """From the newest to the oldest, each with what it changed."""
    rows.sort(key=lambda row: (row["epoch"], row["version"], row["place"]))
    out: list[Version] = []
    before: dict[str, Any] = {}
    for row in rows:
        # A role's view may lack a field.
        values = {name: row[name] for name in avro_schema.field_names(entity) if name in row}
        values |= {f"untyped.{name}": text for name, text in (row["untyped"] or {}).items()}
        changed = tuple(n for n in dict.fromkeys([*values, *before]) if values.get(n) != before.get(n))
        times = {name: row[name] for name in ("changed_at", "captured_at", "applied_at", "replaced_at")}
        facts = {name: row[name] for name in ("epoch", "version", "place", "operation", "snapshot", "source_table")}
        out.append(Version(**facts, **times, values=values if reveal else _masked(values, entity), changed=changed))
        before = values
    return reversed(out)


def _masked(values: Mapping[str, Any], entity: str) -> dict[str, Any]:
    references = {field.name for field in avro_schema.fields(entity) if field.kind == "reference"}
    about_persons = entity not in NOT_ABOUT_PERSONS

    def personal(name: str) -> bool:
        field = name.removeprefix("untyped.")
        return field not in references and about_persons and (entity in PERSONAL or field in PERSONAL_FIELDS)

    return {name: MASK if value is not None and personal(name) else value for name, value in values.items()}


def _golden(row: Mapping[str, Any], reveal: bool) -> Golden:
    values = tuple(
        GoldenValue(
            field,
            row[field] if reveal else MASK,
            *(origin[n] for n in ("institution", "record_key", "place", "rule")),
        )
        for origin in row.get("origins") or ()
        for field in origin["fields"] or OF_EVERY_ORIGIN
        if row.get(field) is not None
    )
    return Golden(
        row["person_key"],
        row["live"],
        row["conflict"],
        row["changed_at"],
        row["applied_at"],
        tuple(row.get("claims") or ()),
        values,
    )
