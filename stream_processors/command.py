"""`hemis processor …`: the stages on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from schemas.errors import HemisError
from schemas.settings import ProcessorSettings, load


@click.group()
def processor() -> None:
    """The national stream processors."""


@processor.command()
@click.argument("stage", type=click.Choice(["records", "people", "matcher"]))
@click.option(
    "--settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings file; the environment overrides it.",
)
def run(stage: str, settings: Path | None) -> None:
    """Run one stage until it is told to stop."""
    from schemas import codes
    from stream_processors import app

    try:
        loaded = load(ProcessorSettings, settings)
        codes.use(loaded.codes)
        app.run(stage, loaded)
    except HemisError as error:
        click.echo(error.screen(), err=True)
        sys.exit(error.exit_code)
