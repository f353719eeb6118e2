"""The sinks under test, and one way to look into each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from deploy.local.stack import Stack
from sinks.base import Sink
from sinks.database import engine
from sinks.in_memory import InMemorySink
from sinks.migrate import migrate
from sinks.model import LEDGER, METADATA, PERSON_CLAIM, TARGETS
from sinks.ordinary import OrdinarySink
from sinks.postgresql.sink import PostgresSink
from sinks.writers import Writers
from tests.conformance.sinks.events import offline_registry

CLOCK = ("applied_at", "replaced_at")


@dataclass
class Subject:
    """A sink, and what it holds: rows by table, without the store's own clock."""

    sink: Sink
    folder: Path
    look: Callable[[str], list[dict[str, Any]]]
    clock: Callable[[str, str], list[datetime]]
    """All times of a column of a table, in their order."""

    def current(self, table: str) -> dict[str, dict[str, Any]]:
        return {row[TARGETS[table].key]: row for row in self.look(table)}

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All that is determined by the messages."""
        names = [*TARGETS, *(t.history.name for t in TARGETS.values() if t.history is not None), "person_claim"]
        return {name: sorted(self.look(name), key=repr) for name in names}


@contextmanager
def in_memory(folder: Path, _: Stack | None) -> Iterator[Subject]:
    sink = InMemorySink(Writers(offline_registry(folder)))

    def look(table: str) -> list[dict[str, Any]]:
        if table == PERSON_CLAIM.name:
            return [{"record_key": r, "person_key": p} for r, p in sink.claims]
        if table == LEDGER.name:
            return [{"institution": i, "target": t, "applied": n} for (i, t), n in sink.ledger.items()]
        if table.endswith("_history"):
            return [_plain(row) for row in sink.history.get(table.removesuffix("_history"), [])]
        return [_plain(row) for row in sink.current.get(table, {}).values()]

    def clock(table: str, column: str) -> list[datetime]:
        name = table.removesuffix("_history")
        rows = sink.history.get(name, []) if table != name else sink.current.get(name, {}).values()
        return sorted(row[column] for row in rows)

    yield Subject(sink, folder, look, clock)


@contextmanager
def sqlite(folder: Path, _: Stack | None) -> Iterator[Subject]:
    made = engine(f"sqlite:///{folder / 'national.sqlite'}")
    yield from _sql(made, lambda writers: OrdinarySink(made, writers), folder)


@contextmanager
def ordinary_postgresql(folder: Path, stack: Stack | None) -> Iterator[Subject]:
    with national_database(stack) as made:
        yield from _sql(made, lambda writers: OrdinarySink(made, writers), folder)


@contextmanager
def postgresql(folder: Path, stack: Stack | None) -> Iterator[Subject]:
    with national_database(stack) as made:  # pieces so small that most batches have several
        yield from _sql(made, lambda writers: PostgresSink(made, writers, piece_rows=2), folder)


SUBJECTS = {
    "in_memory": in_memory,
    "sqlite": sqlite,
    "ordinary_postgresql": ordinary_postgresql,
    "postgresql": postgresql,
}


@contextmanager
def national_database(stack: Stack | None) -> Iterator[sa.Engine]:
    """An empty database of the stack's national cluster."""
    assert stack is not None
    name = f"conformance_{datetime.now(UTC).timestamp():.6f}".replace(".", "_")
    with psycopg.connect(stack.dsn("national", "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    parts = psycopg.conninfo.conninfo_to_dict(stack.dsn("national", name))
    url = sa.URL.create(
        "postgresql+psycopg",
        str(parts["user"]),
        str(parts["password"]),
        str(parts["host"]),
        int(str(parts["port"])),
        name,
    )
    made = engine(url.render_as_string(hide_password=False))
    try:
        yield made
    finally:
        made.dispose()


def _sql(made: sa.Engine, build: Callable[[Writers], Sink], folder: Path) -> Iterator[Subject]:
    migrate(made)
    sink = build(Writers(offline_registry(folder)))

    def look(table: str) -> list[dict[str, Any]]:
        with made.connect() as connection:
            return [_plain(dict(row)) for row in connection.execute(sa.select(METADATA.tables[table])).mappings()]

    def clock(table: str, column: str) -> list[datetime]:
        with made.connect() as connection:
            found = connection.execute(sa.select(METADATA.tables[table].c[column])).scalars()
            return sorted(one if one.tzinfo else one.replace(tzinfo=UTC) for one in found)

    yield Subject(sink, folder, look, clock)
    sink.close()
    made.dispose()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Without the store's clock; times with their zone, which SQLite does not keep."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
        for name, value in row.items()
        if name not in CLOCK
    }
