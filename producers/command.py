"""`hemis agent …`: the commands of a university."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Event
from typing import Any, ParamSpec, TypeVar

import click

from schemas.errors import Exit, HemisError

P = ParamSpec("P")
R = TypeVar("R")


def language() -> str:
    return "vi" if os.environ.get("HEMIS_LANGUAGE", "").lower().startswith("vi") else "en"


def say(english: str, vietnamese: str) -> str:
    return vietnamese if language() == "vi" else english


def reported(act: Callable[P, R]) -> Callable[P, R]:
    """Errors of the catalogue fit one screen, and their nature is the exit code."""

    @wraps(act)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except HemisError as error:
            click.echo(error.screen(language()), err=True)
            raise SystemExit(int(error.exit_code)) from None

    return run


def settings_option(command: Any) -> Any:
    return click.option(
        "--settings",
        "settings_file",
        type=click.Path(path_type=Path),
        help="Settings file; the environment wins over it.",
    )(command)


def json_option(command: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def agent_settings(file: Path | None, **given: Any) -> Any:
    from schemas.settings import AgentSettings, load

    return load(AgentSettings, file, **given)


@click.group()
def agent() -> None:
    """Capture a university's changes and send them to the bus."""


@agent.command()
@settings_option
@reported
def run(settings_file: Path | None) -> None:
    """Run until SIGTERM or SIGINT."""
    settings = agent_settings(settings_file)
    from producers.agent import Agent
    from producers.measures import Measures
    from schemas.health import HealthServer

    stop = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    measures = Measures(settings.institution)
    worker = Agent(settings, stop, measures)
    server = HealthServer(settings.metrics_port, measures.registry, alive=measures.alive, ready=measures.ready)
    try:
        click.echo(json.dumps({"health": server.url}))
        worker.run()
    finally:
        server.close()


@agent.command()
@settings_option
@click.argument("tables", nargs=-1)
@reported
def reload(settings_file: Path | None, tables: tuple[str, ...]) -> None:
    """Ask the running agent to read TABLES anew; all without names."""
    settings = agent_settings(settings_file)
    from producers.mapping.load import load
    from producers.requests import Requests

    mapping = load(Path(settings.mapping))
    names = [table if "." in table else f"public.{table}" for table in tables]
    if unknown := [name for name in names if name not in mapping.record_tables]:
        raise HemisError("E203", "not a table of the mapping that gives records", table=", ".join(unknown))
    Requests(Path(settings.data)).ask(names)
    click.echo(say("The running agent takes it up within a second.", "Tác tử đang chạy sẽ thực hiện trong một giây."))


def main() -> None:
    agent()


if __name__ == "__main__":
    main()

__all__ = ["Exit", "agent"]
