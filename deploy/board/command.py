"""`hemis board`: serve the board, and make links that sign in to it."""

from __future__ import annotations

import time
from pathlib import Path

import click

from deploy.board.access import Role, viewer_of
from deploy.board.address import address
from deploy.board.links import token
from schemas.settings import BoardSettings, load

_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)


@click.group()
def board() -> None:
    """The quality board: a web page over the national database."""


@board.command()
@_SETTINGS
def run(file: Path | None) -> None:
    """Serve the board until SIGTERM."""
    from deploy.board.service import serve

    serve(load(BoardSettings, file))


@board.command()
@click.option(
    "--role", type=click.Choice(list(Role)), default=Role.OPERATOR, show_default=True, help="What it may see."
)
@click.option("--institution", default="", help="Code of the role institution.")
@click.option("--actor", default="link", show_default=True, help="Whom the audit names.")
@click.option("--hours", type=click.FloatRange(min=0.01), default=12.0, show_default=True, help="How long it signs in.")
@_SETTINGS
def link(role: str, institution: str, actor: str, hours: float, file: Path | None) -> None:
    """Print a link that signs in. Whoever has it is whom it names: pass it on like a password."""
    settings = load(BoardSettings, file)
    viewer = viewer_of(actor, role, institution)
    click.echo(
        f"{address(settings)}/sign-in?token={token(settings.board_link_secret, viewer, time.time() + hours * 3600)}"
    )
