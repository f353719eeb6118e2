"""The command `hemis`. Parts are imported only when called, so that each role needs no more than its own extra installed."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass

import click

from schemas import native
from schemas.errors import HemisError


@dataclass(frozen=True)
class Part:
    """A sub-command: where it lives, which extra it needs, and its line in the help."""

    module: str
    name: str
    extra: str
    help: str


PARTS: dict[str, Part] = {
    "demo": Part("deploy.demo.command", "demo", "local", "Three universities and the whole bus on this machine."),
    "agent": Part("producers.command", "agent", "agent", "At a university: capture changes and send them."),
    "processor": Part("stream_processors.command", "processor", "processor", "The national stream processors."),
    "sink": Part("sinks.command", "sink", "sink", "The national database's writer."),
    "national": Part("deploy.national", "national", "", "Set up the national side: users, rights, topics, settings."),
    "institution": Part(
        "deploy.institution", "institution", "processor", "Institutions: take up, suspend, let go, decide."
    ),
    "audit": Part("deploy.audit", "audit", "", "Who did what, when, and how it ended."),
    "dead-letters": Part(
        "deploy.letters.command", "dead_letters", "", "What could not be processed: look, replay, discard."
    ),
    "codes": Part("deploy.codes", "codes", "", "Code tables: look, compare, what would break, take in."),
    "findings": Part("deploy.findings", "findings", "sink", "What rules found: look, waive."),
    "quality": Part("sinks.quality.command", "quality", "sink", "The four measures, table 1D."),
    "board": Part(
        "deploy.board.command", "board", "board", "The quality board, a web page: serve it, make a sign-in link."
    ),
    "query": Part("deploy.query", "query", "sink", "Ask the national database, now or as of a past day."),
    "schemas": Part("deploy.schemas_command", "schemas", "", "The contract's schemas: check, register, pages."),
    "rules": Part("deploy.rules", "rules", "", "The rule directory: every rule, in words, with examples."),
    "status": Part("deploy.status", "status", "", "What running processes say, per institution and stage."),
    "lag": Part("deploy.status", "lag", "", "How far behind each institution is, stage by stage."),
    "doctor": Part("deploy.doctor.command", "doctor", "", "Look at everything, and say what mends it."),
    "bundle": Part(
        "deploy.support.command", "bundle", "", "One archive for support, without secrets and personal data."
    ),
    "subscribe": Part("deploy.subscribe", "subscribe", "", "Print a topic's events as JSON lines."),
    "identity": Part("deploy.identity", "identity", "", "Candidates for one person: look, decide."),
    "match": Part("stream_processors.identity.command", "match", "processor", "Who is the same person in a CSV file."),
    "trace": Part("deploy.trace", "trace", "sink", "Show the way of one record."),
    "backup": Part("deploy.backup", "backup", "sink", "Copy the national database and the registry."),
    "restore": Part("deploy.restore", "restore", "sink", "Put a copy in its place; the bus catches up."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        part = PARTS.get(cmd_name)
        if part is None:
            return None
        try:
            command = getattr(importlib.import_module(part.module), part.name)
        except ModuleNotFoundError as error:
            return _missing(part, error)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, part.help) for name, part in PARTS.items()])


def _missing(part: Part, error: ModuleNotFoundError) -> click.Command:
    """A command in place of one whose extra is not installed: any call says which."""
    if error.name is not None and error.name.partition(".")[0] in (
        "schemas",
        "producers",
        "stream_processors",
        "sinks",
        "deploy",
    ):
        raise error

    @click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False)
    def missing() -> None:
        raise HemisError("E205", f"pip install 'hemis-bus[{part.extra}]'", module=error.name)

    return missing


@click.command(cls=LazyGroup)
@click.version_option(
    package_name="hemis-bus",
    message=f"%(prog)s, version %(version)s, wire format: {native.KIND}, rules: {native.RULES}",
)
def root() -> None:
    """hemis: a bus for changes in universities' data, on their way to the national register."""


def main() -> None:
    """The console script. An error of the catalogue takes one screen, and its nature is the exit code."""
    try:
        root(prog_name="hemis")
    except HemisError as error:
        language = "vi" if os.environ.get("HEMIS_LANGUAGE", "").lower().startswith("vi") else "en"
        click.echo(error.screen(language), err=True)
        sys.exit(int(error.exit_code))


if __name__ == "__main__":
    main()
