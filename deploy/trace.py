"""`hemis trace RECORD`: the way of one record, its person, and what is wrong with it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from schemas.errors import Exit
from schemas.settings import SinkSettings, load
from sinks.database import national_engine
from sinks.trace import Trace
from sinks.trace import trace as find


@click.command()
@click.argument("record")
@click.option("--reveal", is_flag=True, help="Show personal values; who looked is written to the audit.")
@click.option("--actor", default="", help="Who looks, with --reveal; the system's user name without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--settings", "file", type=click.Path(path_type=Path), help="The sink's settings; HEMIS_… variables win.")
def trace(record: str, reveal: bool, actor: str, as_json: bool, file: Path | None) -> None:
    """Show every applied change of RECORD (<institution>/<entity>/<key>), newest first."""
    who = actor or os.environ.get("USER", "")
    found = find(national_engine(load(SinkSettings, file)), record, reveal=reveal, actor=who if reveal else "")
    if as_json:
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, default=str))
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(Exit.FINE if found.versions else Exit.FINDINGS)


def lines(found: Trace) -> Iterator[str]:
    """The trace as text."""
    yield f"{found.record_key}  ({found.entity} of {found.institution})"
    if not found.versions:
        yield "  the national database has never seen this record"
    for v in found.versions:
        state = "now" if v.replaced_at is None else f"until {_moment(v.replaced_at)}"
        origin = "read from the table" if v.snapshot else "from the log"
        yield (
            f"\n  {v.operation} {state}: version {v.epoch}.{v.version}, place {v.place} of hemis.changes.{found.institution},"
            f" {origin} {v.source_table}"
        )
        yield (
            f"    changed {_moment(v.changed_at)}   captured +{_between(v.changed_at, v.captured_at)}"
            f"   applied +{_between(v.changed_at, v.applied_at)}"
        )
        for name in v.changed:
            yield f"    {name} = {v.values.get(name)}"
    for golden in found.persons:
        yield f"\n  person {golden.person_key}: {len(golden.claims)} claim(s){', in conflict' if golden.conflict else ''}"
        for value in golden.values:
            yield f"    {value.field} = {value.value}   from {value.record_key}, place {value.place} ({value.rule})"
    for finding in found.findings:
        fields = ", ".join(finding.fields)
        yield f"\n  {finding.status.lower()} finding {finding.rule} ({finding.severity}) on {finding.record_key}: {fields}"


def _moment(at: datetime) -> str:
    return at.isoformat(" ", "milliseconds")


def _between(start: datetime, end: datetime) -> str:
    return f"{(end - start).total_seconds() * 1000:,.0f} ms"
