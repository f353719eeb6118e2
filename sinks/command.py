"""`hemis sink run` and `hemis sink migrate`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from schemas import codes
from schemas.errors import Exit, HemisError
from schemas.settings import NationalSettings, SinkSettings, load

F = TypeVar("F", bound=Callable[..., Any])
_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="YAML file; HEMIS_… variables win over it."
)


@click.group()
def sink() -> None:
    """The national database's writer."""


@sink.command()
@_SETTINGS
def run(file: Path | None) -> None:
    """Apply clean records, golden persons and findings to the national database until SIGTERM."""
    _exits(lambda: _run(_settings(file)))


@sink.command()
@_SETTINGS
@click.option("--phase", type=click.Choice(["pre", "post", "all"]), default="all", show_default=True)
def migrate(file: Path | None, phase: Any) -> None:
    """Bring the national database to this program's schema; repeating it changes nothing.

    PRE may run while the former program still writes, POST once it is gone.
    """
    _exits(lambda: _migrate(_settings(file), phase))


def _settings(file: Path | None) -> SinkSettings:
    settings = load(SinkSettings, file)
    codes.use(settings.codes)
    return settings


@sink.command()
@_SETTINGS
@click.option("--institution", "institutions", multiple=True, help="Also the role of this institution's own people.")
def roles(file: Path | None, institutions: tuple[str, ...]) -> None:
    """Make the database roles hemis_ministry, hemis_owner and hemis_reader, and give them their rights.

    Whoever is a member of a role sees what its schema shows: ministry, owned, reader. Exit code 1: the user may not make
    roles; what an administrator has to run is printed.
    """
    _exits(lambda: _roles(load(NationalSettings, file), institutions))


def _exits(act: Callable[[], None]) -> None:
    try:
        act()
    except HemisError as error:
        language = "vi" if os.environ.get("LANG", "").startswith("vi") else "en"
        click.echo(error.screen(language), err=True)
        sys.exit(error.exit_code)
    sys.exit(Exit.FINE)


def _migrate(settings: SinkSettings, phase: Any) -> None:
    from sinks import migrate
    from sinks.database import national_engine, translated_database_errors

    with translated_database_errors():
        done = migrate.migrate(national_engine(settings), phase)
    for line in done:
        click.echo(line)


def _roles(settings: NationalSettings, institutions: tuple[str, ...]) -> None:
    from sinks import migrate
    from sinks.database import national_engine, translated_database_errors

    with translated_database_errors(), national_engine(settings).begin() as connection:
        left = migrate.make_roles(connection, institutions)
    for statement in left:
        click.echo(f"{statement};")
    if left:
        sys.exit(Exit.FINDINGS)


def _run(settings: SinkSettings) -> None:
    from sinks.service import Service

    began = time.monotonic()
    service = Service(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    service.run(began)
