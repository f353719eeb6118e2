"""`hemis backup`: the national database and the registry as files."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from deploy import postgres_programs, registry_copy
from schemas.errors import HemisError
from schemas.settings import BackupSettings, load
from sinks.database import national_engine, translated_database_errors
from sinks.model import AUDIT

DUMP = "national.dump"
FACTS = "backup.json"
NAME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Facts:
    """What lies in a backup. `tables`: rows per table, counted in the snapshot of the dump; `sha256`: by file name."""

    made_at: str
    program: str
    postgresql: int
    revision: str
    tables: dict[str, int]
    sha256: dict[str, str]


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("backups"),
    show_default=True,
    help="Folder; the backup gets one of its own below it, named by its time.",
)
@click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="The sink's settings; HEMIS_… variables win over it."
)
def backup(output: Path, file: Path | None) -> None:
    """Copy the national database (one snapshot, while the sink writes) and the registry.

    It holds personal data, and only its owner can read it. Topics are not in it: they are what a database that is
    restored from it catches up from.
    """
    settings = load(BackupSettings, file)
    folder = output / datetime.now(UTC).strftime(NAME)
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir(mode=0o700, parents=True)
    facts = _national(settings, part)
    for kept in registry_copy.save(settings.registry_url.rstrip("/"), part):
        facts.sha256[kept.name] = digest(kept)
    (part / FACTS).write_text(json.dumps(asdict(facts), indent=1) + "\n", "utf-8")
    part.rename(folder)
    _note(settings, folder.name)
    size = sum(one.stat().st_size for one in folder.iterdir())
    click.echo(f"{folder}: {sum(facts.tables.values()):,} rows, {size:,} bytes")


def _national(settings: BackupSettings, folder: Path) -> Facts:
    engine = national_engine(settings)
    with _snapshot(engine) as (connection, snapshot):
        server = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one()) // 10_000
        tables = counted(connection)
        revision = str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())
        dump = folder / DUMP
        arguments = ["--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", f"--file={dump}"]
        postgres_programs.run(postgres_programs.find("pg_dump", server), arguments, engine.url)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return Facts(made_at, version("hemis-bus"), server, revision, tables, {DUMP: digest(dump)})


def _note(settings: BackupSettings, name: str) -> None:
    """`hemis doctor` asks for the newest."""
    with translated_database_errors(), national_engine(settings).begin() as connection:
        values = {
            "actor": getpass.getuser(),
            "action": "backup",
            "subject": "national database",
            "facts": {"name": name},
        }
        connection.execute(sa.insert(AUDIT).values(values))


@contextmanager
def _snapshot(engine: sa.Engine) -> Iterator[tuple[sa.Connection, str]]:
    with translated_database_errors(), engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection, str(connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one())


def counted(connection: sa.Connection) -> dict[str, int]:
    """Rows per table."""
    names = sorted(sa.inspect(connection).get_table_names())
    return {name: int(connection.execute(sa.text(f'SELECT count(*) FROM "{name}"')).scalar_one()) for name in names}


def read_facts(folder: Path) -> Facts:
    """What a backup says of itself, its files looked at.

    Raises:
        HemisError E860.
    """
    try:
        said: dict[str, Any] = json.loads((folder / FACTS).read_text("utf-8"))
        facts = Facts(**said)
        for name, wanted in facts.sha256.items():
            if digest(folder / name) != wanted:
                raise HemisError("E860", "another content than when it was made", file=folder / name)
    except (OSError, ValueError, TypeError) as error:
        raise HemisError("E860", type(error).__name__, folder=folder) from error
    return facts


def digest(path: Path) -> str:
    with path.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
