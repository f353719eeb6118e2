"""`hemis quality …`: the four measures and what the ministry reports from them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from schemas.errors import HemisError
from schemas.findings import Language
from schemas.settings import NationalSettings, load
from schemas.tables import write_xlsx

_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_INSTITUTION = click.option("--institution", default="", help="Only this one.")


def language() -> Language:
    return "vi" if os.environ.get("HEMIS_LANGUAGE", "").lower().startswith("vi") else "en"


@click.group()
def quality() -> None:
    """How correct, complete, clean and live each institution's data is."""


@quality.command()
@click.option("--day", default="", help="A past day, YYYY-MM-DD; today without it. A past day gives the same again.")
@_SETTINGS
def run(day: str, file: Path | None) -> None:
    """Compute a day's measures and store them, as `hemis sink run` does on its schedule."""
    from sinks.database import national_engine
    from sinks.quality.days import day_of, today
    from sinks.quality.job import measure

    wanted = day_of(day) if day else today()
    rows = measure(national_engine(load(NationalSettings, file)), wanted)
    click.echo(f"{wanted.day}: {len({row.institution for row in rows})} institutions, {len(rows)} rows")


@quality.command()
@_INSTITUTION
@click.option("--day", default="", help="A stored day, YYYY-MM-DD; the newest without it.")
@click.option("--scope", default="all", show_default=True, help="An entity, or all records together.")
@click.option("--now", is_flag=True, help="Compute as of this moment, store nothing.")
@click.option("--every", is_flag=True, help="Also the measures that the four are made of.")
@_JSON
@_SETTINGS
def show(institution: str, day: str, scope: str, now: bool, every: bool, as_json: bool, file: Path | None) -> None:
    """The four measures per institution; ◄ marks the least. There is no average."""
    from sinks.database import national_engine, translated_database_errors
    from sinks.quality.compute import compute
    from sinks.quality.days import day_of, today
    from sinks.quality.measures import FOUR
    from sinks.quality.reading import Shown, overview, shown, stored

    engine = national_engine(load(NationalSettings, file))
    wanted = () if every else (*FOUR, "business_lag")
    if now:
        current = today()
        with translated_database_errors(), engine.connect() as connection:
            computed = compute(connection, current)
        rows: Sequence[Shown] = [
            shown(row, current.day)
            for row in computed
            if row.scope == scope and institution in ("", row.institution) and (not wanted or row.measure in wanted)
        ]
        if not rows:
            raise HemisError("E848", institution=institution or "every")
    else:
        days = (day_of(day).day,) * 2 if day else None
        rows = stored(engine, institution=institution, days=days, measures=wanted, scope=scope)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    for line in overview(rows, language()).lines():
        click.echo(line)


@quality.command()
@_INSTITUTION
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True, help="The last so many days.")
@click.option("--measure", default="", help="One measure; the four without it.")
@_JSON
@_SETTINGS
def history(institution: str, days: int, measure: str, as_json: bool, file: Path | None) -> None:
    """The measures day by day."""
    from sinks.database import national_engine
    from sinks.quality.days import today
    from sinks.quality.measures import FOUR
    from sinks.quality.reading import overview, stored

    last = today().day
    rows = stored(
        national_engine(load(NationalSettings, file)),
        institution=institution,
        days=(last - timedelta(days=days - 1), last),
        measures=(measure,) if measure else FOUR,
    )
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
        return
    for line in overview(rows, language()).lines():
        click.echo(line)


@quality.command(name="table-1d")
@click.option("--year", type=click.IntRange(2000, 2200), required=True, help="Reporting year; its 31 December counts.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The xlsx file to write.")
@_SETTINGS
def table_1d(year: int, out: Path, file: Path | None) -> None:
    """Table 1D and the indicators of TT 01/2024/TT-BGDDT as xlsx: what can be computed, and what not and why."""
    from sinks.database import national_engine
    from sinks.quality.table_1d import tables

    write_xlsx(out, tables(national_engine(load(NationalSettings, file)), year, language()))
    click.echo(str(out))
