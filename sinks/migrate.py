"""Bring the national database to this program's schema, and check that it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from schemas.errors import HemisError
from sinks import codes, roles, views
from sinks.model import CODE, METADATA, TARGETS

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 4736_4947
"""Advisory lock, so that two migrations don't run at once."""

Phase = Literal["pre", "post", "all"]


def revisions() -> list[str]:
    """All revisions in order; a revision's id is its file's name."""
    return sorted(path.stem for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def migrate(engine: sa.Engine, phase: Phase = "all") -> list[str]:
    """Run what is missing, in one transaction; repeating it changes nothing. `pre` stops before the first *post* revision.

    Returns:
        What was done, in words.
    """
    with engine.begin() as connection:
        postgres = connection.dialect.name == "postgresql"
        if not postgres:
            METADATA.create_all(connection)
            return ["tables", *codes.fill(connection)]
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        wanted = _until(phase, _current(connection))
        for statement in (*roles.drop(), *views.drop()):
            connection.exec_driver_sql(statement)
        done = _upgrade(connection, wanted)
        done += follow_contract(connection)
        done += codes.fill(connection)
        for statement in (*views.create(_columns(connection)), *roles.create()):
            connection.exec_driver_sql(statement)
        make_roles(connection)
    return done


def make_roles(connection: sa.Connection, institutions: Iterable[str] = ()) -> list[str]:
    """Give the database roles their rights, and make those that are missing where the user may.

    Returns:
        Statements for an administrator, where the user may not.
    """
    wanted = roles.missing(connection, institutions)
    may = roles.may_create_roles(connection)
    for statement in wanted if may else ():
        connection.exec_driver_sql(statement)
    for statement in roles.grants(connection):
        connection.exec_driver_sql(statement)
    return [] if may else wanted


def follow_contract(connection: sa.Connection) -> list[str]:
    """Tables, columns and indexes that the contract has and the database has not."""
    inspector = sa.inspect(connection)
    known = set(inspector.get_table_names())
    done = []
    for table in _followed():
        if table.name not in known:
            table.create(connection)
            done.append(f"table {table.name}")
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in columns:
                _add(connection, table.name, column)
                done.append(f"column {table.name}.{column.name}")
        made = {index["name"] for index in inspector.get_indexes(table.name)}
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            if index.name not in made:
                index.create(connection)
                done.append(f"index {index.name}")
    return done


def _followed() -> Iterator[sa.Table]:
    """The tables whose shape the contract decides; all others have their revision."""
    for target in TARGETS.values():
        yield target.table
        if target.history is not None:
            yield target.history
    yield CODE


def _columns(connection: sa.Connection) -> dict[str, list[str]]:
    """Each table's columns in the database's own order."""
    found = sa.inspect(connection).get_multi_columns()
    return {table: [column["name"] for column in columns] for (_, table), columns in found.items()}


def _add(connection: sa.Connection, table: str, column: sa.Column[Any]) -> None:
    """A list that no earlier row has is empty there; everything else that the contract gains is optional."""
    kind = column.type.compile(dialect=connection.dialect)
    filled = "" if column.nullable else " NOT NULL DEFAULT '{}'"
    connection.exec_driver_sql(f'ALTER TABLE {table} ADD COLUMN "{column.name}" {kind}{filled}')
    if filled:
        connection.exec_driver_sql(f'ALTER TABLE {table} ALTER COLUMN "{column.name}" DROP DEFAULT')


def require_schema(engine: sa.Engine) -> None:
    """Check that the database has what this program writes.

    Raises:
        HemisError E502.
    """
    inspector = sa.inspect(engine)
    with engine.connect() as connection:
        applied = _current(connection) if engine.dialect.name == "postgresql" else None
    if engine.dialect.name == "postgresql":
        missing = [name for name in revisions() if "_pre_" in name and name > (applied or "")]
        if missing:
            raise HemisError("E502", f"revisions not applied: {', '.join(missing)}")
    columns = inspector.get_multi_columns()
    there = {(table, column["name"]) for (_, table), found in columns.items() for column in found}
    for table in _followed():
        for column in table.columns:
            if (table.name, column.name) not in there:
                raise HemisError("E502", f"missing: {table.name}.{column.name}")


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _until(phase: Phase, current: str | None) -> str | None:
    missing = [name for name in revisions() if name > (current or "")]
    if phase == "pre":
        first = next((i for i, name in enumerate(missing) if "_post_" in name), len(missing))
        missing = missing[:first]
    return missing[-1] if missing else None


def _upgrade(connection: sa.Connection, revision: str | None) -> list[str]:
    if revision is None:
        return []
    # Alembic takes a third of a second to import, and only a migration needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    return [f"revision {revision}"]
