"""`hemis demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from deploy.demo.run import clean as remove
from deploy.demo.run import demo as run_demo
from deploy.local.errors import StackError
from schemas.errors import Exit


@click.command()
@click.option("--check", is_flag=True, help="Without a screen: load, change, compare every row; exit 0 or 1.")
@click.option("--clean", is_flag=True, help="End what runs and remove the demo's data.")
@click.option(
    "--learners", default=30_000, show_default=True, help="Learners of all three universities, for a new demo."
)
@click.option("--rate", default=50.0, show_default=True, help="Changes per second, over all universities.")
@click.option("--seconds", default=60.0, show_default=True, help="How long the check's changes go on.")
@click.option("--seed", default=1, show_default=True, help="Seed of people, errors and changes, for a new demo.")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Folder.",
)
def demo(check: bool, clean: bool, learners: int, rate: float, seconds: float, seed: int, home: Path) -> None:
    """Three universities of synthetic people and the whole bus, on this machine.

    Ctrl-C ends everything; the next call goes on with the data.
    """
    try:
        if clean:
            remove(home, click.echo)
            sys.exit(Exit.FINE)
        sys.exit(
            run_demo(
                home, learners=learners, rate=rate, seed=seed, check_seconds=seconds if check else None, say=click.echo
            )
        )
    except StackError as error:
        click.echo(f"{error.message}\n  → {error.hint}", err=True)
        sys.exit(Exit.TRANSIENT)
