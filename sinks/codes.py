"""Code tables in the national database: labels for whoever reads it by SQL, and how often each code is used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from schemas import avro_schema
from schemas.codes import TABLES, table
from sinks.model import CODE, ENTITIES

_CHUNK = 2000
_COLUMNS = tuple(column.name for column in CODE.columns)


class Use(NamedTuple):
    """How many live records of an institution carry a code in a field."""

    institution: str
    entity: str
    field: str
    code: str
    records: int


def fill(connection: sa.Connection) -> list[str]:
    """Make the table `code` say what this program's code tables say; only what differs is written.

    Returns:
        What was done, in words.
    """
    wanted = dict(_rows())
    there = {(r[0], r[1], r[2]): tuple(r) for r in connection.execute(sa.select(*CODE.columns))}
    gone = [key for key, row in there.items() if wanted.get(key) != row]
    new = [dict(zip(_COLUMNS, row, strict=True)) for key, row in wanted.items() if there.get(key) != row]
    key = sa.tuple_(CODE.c.table_name, CODE.c.code, CODE.c.former)
    for start in range(0, len(gone), _CHUNK):
        connection.execute(sa.delete(CODE).where(key.in_(gone[start : start + _CHUNK])))
    for start in range(0, len(new), _CHUNK):
        connection.execute(sa.insert(CODE), new[start : start + _CHUNK])
    return [f"codes: {len(new)} rows written, {len(gone)} taken away"] if new or gone else []


def _rows() -> Iterator[tuple[tuple[str, str, int], tuple[Any, ...]]]:
    for name in TABLES:
        found = table(name)
        for code in found.codes:
            for former, row in enumerate(reversed(found.rows(code))):
                yield (
                    (name, code, former),
                    (
                        name,
                        code,
                        former,
                        row.vi,
                        row.en or row.vi,
                        row.parent or None,
                        _day(row.valid_from),
                        _day(row.valid_to),
                        row.source or found.source,
                    ),
                )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def uses(connection: sa.Connection, name: str) -> Iterator[Use]:
    """Every code of a table that live records carry, per institution and field; one pass over each entity that has such fields."""
    for entity in avro_schema.ENTITIES:
        columns = ENTITIES[entity].table.c
        for field in avro_schema.fields(entity):
            if field.codes != name:
                continue
            code = columns[field.name]
            query = (
                sa.select(columns.institution, code, sa.func.count())
                .where(columns.operation != "CANCEL", code.is_not(None))
                .group_by(columns.institution, code)
                .order_by(columns.institution, code)
            )
            for institution, value, records in connection.execute(query):
                yield Use(institution, entity, field.name, value, records)
