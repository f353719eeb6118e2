"""`hemis restore`: put a copy of the national database, or an empty one, in its place; give a registry its schemas back.

The copy is made beside the database that is in use, migrated and compared with what the backup says of itself. Then both change
names in one transaction. The sink loses its connection, finds older places, and goes on from there by itself.
"""

from __future__ import annotations

import getpass
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import psycopg
import sqlalchemy as sa
from psycopg import sql

from deploy import postgres_programs, registry_copy
from deploy.backup import DUMP, NAME, counted, read_facts
from schemas.errors import HemisError
from schemas.settings import BackupSettings, load
from sinks import migrate
from sinks.database import engine, translated_database_errors
from sinks.model import AUDIT

JOBS = 2
FREE_SECONDS = 30.0
MAINTENANCE = "postgres"
"""The database that one is connected to while another changes its name."""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--empty", is_flag=True, help="Without a backup: an empty database, which the topics fill again.")
@click.option("--registry", "only_registry", is_flag=True, help="The registry instead of the database.")
@click.option("--drill", is_flag=True, help="Restore beside the database, compare, take it away again.")
@click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="The sink's settings; HEMIS_… variables win over it."
)
def restore(folder: Path | None, empty: bool, only_registry: bool, drill: bool, file: Path | None) -> None:
    """Put the backup in FOLDER in the place of the national database; the sink then catches up from the topics.

    The database that was in use is kept under another name. Needs a login that may create databases.
    """
    if (folder is None) != empty or (only_registry and (empty or drill)):
        raise click.UsageError("either FOLDER, with --drill or --registry, or --empty")
    settings = load(BackupSettings, file)
    if only_registry and folder is not None:
        read_facts(folder)
        brought = registry_copy.give_back(settings.registry_url.rstrip("/"), folder)
        click.echo(f"registry: {brought} versions brought back")
        return
    current = engine(settings.national_dsn.reveal()).url
    beside = current.set(database=f"{current.database}_{'drill' if drill else 'restoring'}")
    with _administrator(current) as admin:
        _made(admin, beside)
        try:
            rows = _filled(beside, folder)
            if not drill:
                _note(beside, folder)
        except BaseException:
            _dropped(admin, beside)
            raise
        click.echo(f"{rows:,} rows are there again")
        if drill:
            _dropped(admin, beside)
            click.echo("the drill's database is gone again; nothing else was touched")
            return
        former = _exchanged(admin, str(current.database), str(beside.database))
    click.echo(f"database {current.database}: in its place; the sink catches up from the topics by itself")
    if former:
        click.echo(f'the one before is kept; when nobody misses it: DROP DATABASE "{former}";')


def _filled(target: sa.URL, folder: Path | None) -> int:
    """Rows of the copy; migrated, and with statistics for the planner."""
    made = engine(target.render_as_string(hide_password=False))
    rows = 0
    try:
        if folder is not None:
            facts = read_facts(folder)
            arguments = ["--no-owner", "--no-acl", "--exit-on-error", f"--jobs={JOBS}", f"--dbname={target.database}"]
            program = postgres_programs.find("pg_restore", facts.postgresql)
            postgres_programs.run(program, [*arguments, str(folder / DUMP)], target)
            with translated_database_errors(), made.connect() as connection:
                found = counted(connection)
            if wrong := {name: found.get(name) for name, count in facts.tables.items() if found.get(name) != count}:
                raise HemisError("E860", f"other numbers of rows: {', '.join(sorted(wrong))}", folder=folder)
            rows = sum(found.values())
        with translated_database_errors():
            migrate.migrate(made)
            with made.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("ANALYZE"))
    finally:
        made.dispose()
    return rows


def _note(target: sa.URL, folder: Path | None) -> None:
    """Who did it, in the copy itself: its own audit ends at the backup."""
    made = engine(target.render_as_string(hide_password=False))
    facts = {"made_at": read_facts(folder).made_at} if folder else {"made_at": "empty"}
    try:
        with translated_database_errors(), made.begin() as connection:
            values = {"actor": getpass.getuser(), "action": "restore", "subject": "national database", "facts": facts}
            connection.execute(sa.insert(AUDIT).values(values))
    finally:
        made.dispose()


# -- databases as a whole -------------------------------------------------------------------------------------------


def _administrator(url: sa.URL) -> psycopg.Connection[tuple[object, ...]]:
    raw = url.set(drivername="postgresql", database=MAINTENANCE).render_as_string(hide_password=False)
    try:
        return psycopg.connect(raw, autocommit=True)
    except psycopg.OperationalError as error:
        raise HemisError("E501") from error.with_traceback(None)


def _made(admin: psycopg.Connection[tuple[object, ...]], url: sa.URL) -> None:
    """An empty database; one that an interrupted restore left is taken away."""
    _dropped(admin, url)
    try:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(_name(url)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise HemisError("E503", "the login may not create databases") from error


def _dropped(admin: psycopg.Connection[tuple[object, ...]], url: sa.URL) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(url)))


def _name(url: sa.URL) -> sql.Identifier:
    return sql.Identifier(str(url.database))


def _exchanged(admin: psycopg.Connection[tuple[object, ...]], current: str, fresh: str) -> str:
    """Give the fresh database the current one's name; the name under which that is kept, empty if there was none."""
    if admin.execute("SELECT FROM pg_database WHERE datname = %s", [current]).fetchone() is None:
        admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(fresh), sql.Identifier(current)))
        return ""
    former = f"{current}_before_{datetime.now(UTC).strftime(NAME).lower()}"
    before = sql.Identifier(current)
    admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(before))
    try:
        _free(admin, current)
        with admin.transaction():
            for old, new in ((current, former), (fresh, current)):
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                admin.execute(rename.format(sql.Identifier(old), sql.Identifier(new)))
        before = sql.Identifier(former)
    finally:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(before))
    return former


def _free(admin: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    """End everybody's connection to a database.

    Raises:
        HemisError E864.
    """
    deadline = time.monotonic() + FREE_SECONDS
    query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
    while (row := admin.execute(query, [database]).fetchone()) and row[0]:
        if time.monotonic() > deadline:
            raise HemisError("E864", connections=row[0])
        time.sleep(0.05)
