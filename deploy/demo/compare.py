"""Compares every source row with its national row, field by field, by SQL that was written by hand for each university.

Nothing of the product takes part: no mapping, no codec, no sink code. Both sides are read in the order of their keys and
merged, so memory does not grow with the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from schemas.avro_schema import ENTITIES, field_names

Connection = psycopg.Connection[Any]
Record: TypeAlias = tuple[str | None, ...]

EXAMPLES = 5
FETCH = 5_000


@dataclass
class Outcome:
    """One entity of one institution. `examples` name record keys and fields, never values (P8)."""

    institution: str
    entity: str
    equal: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def perfect(self) -> bool:
        return not (self.missing or self.extra or self.different)

    def note(self, text: str) -> None:
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)


def blocks(file: Path) -> dict[str, str]:
    """The named statements of a file: each begins after a line `-- name: …`."""
    parts = re.split(r"^-- name: (\w+)$", file.read_text("utf-8"), flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def compare(source: Connection, national: Connection, institution: str, expected: Path) -> list[Outcome]:
    """All rows of one institution. Both connections must be outside a transaction; nothing is changed."""
    statements = blocks(expected)
    outcomes = []
    with source.transaction(force_rollback=True), national.transaction(force_rollback=True):
        source.execute(statements["setup"].encode())
        for entity in ENTITIES:
            outcome = Outcome(institution, entity)
            _merge(
                _read(source, _source_query(source, entity, statements[entity])),
                _read(national, _national_query(entity, institution)),
                ("untyped", *field_names(entity)),
                outcome,
            )
            outcomes.append(outcome)
    return outcomes


def _source_query(source: Connection, entity: str, statement: str) -> sql.Composed:
    body = sql.SQL(statement)
    described = source.execute(sql.SQL("select * from ({}) as e limit 0").format(body)).description or []
    given = {column.name for column in described}
    if unknown := given - {"record_key", "untyped", *field_names(entity)}:
        raise ValueError(f"{entity} has no field {sorted(unknown)}")
    columns = [
        sql.SQL("{}::text").format(sql.Identifier(name)) if name in given else sql.SQL("null")
        for name in field_names(entity)
    ]
    return sql.SQL(
        'select record_key, jsonb_strip_nulls(untyped)::text, {} from ({}) as e order by record_key collate "C"'
    ).format(sql.SQL(", ").join(columns), body)


def _national_query(entity: str, institution: str) -> sql.Composed:
    columns = [sql.SQL("{}::text").format(sql.Identifier(name)) for name in field_names(entity)]
    return sql.SQL(
        "select record_key, coalesce(untyped, '{{}}')::text, {} from {} where institution = {} and operation <> 'CANCEL' "
        'order by record_key collate "C"'
    ).format(sql.SQL(", ").join(columns), sql.Identifier(entity), sql.Literal(institution))


def _read(connection: Connection, query: sql.Composed) -> Iterator[Record]:
    with connection.cursor(f"compare_{id(query)}") as cursor:
        cursor.itersize = FETCH
        cursor.execute(query)
        yield from cursor


def _merge(source: Iterator[Record], national: Iterator[Record], names: Sequence[str], outcome: Outcome) -> None:
    mine, theirs = next(source, None), next(national, None)
    while mine is not None or theirs is not None:
        if theirs is None or (mine is not None and _before(mine, theirs)):
            assert mine is not None
            outcome.missing += 1
            outcome.note(f"missing {mine[0]}")
            mine = next(source, None)
        elif mine is None or _before(theirs, mine):
            outcome.extra += 1
            outcome.note(f"extra {theirs[0]}")
            theirs = next(national, None)
        else:
            if mine == theirs:
                outcome.equal += 1
            else:
                outcome.different += 1
                pairs = zip(names, mine[1:], theirs[1:], strict=True)
                outcome.note(f"different {mine[0]}: {', '.join(name for name, a, b in pairs if a != b)}")
            mine, theirs = next(source, None), next(national, None)


def _before(one: Record, other: Record) -> bool:
    return str(one[0]).encode() < str(other[0]).encode()
