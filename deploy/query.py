"""`hemis query "select …"`: one question to the national database, now or as of a past moment."""

from __future__ import annotations

import json
from pathlib import Path

import click

from schemas.errors import HemisError
from schemas.settings import NationalSettings, load
from schemas.tables import Cell, Table, write_xlsx
from sinks.database import national_engine
from sinks.quality.days import moment_of
from sinks.query import query as ask


@click.command()
@click.argument("sql")
@click.option("--as-of", default="", help="A day (its end in Vietnam), or a time with zone; now without it.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True, help="Rows at most.")
@click.option("--seconds", type=float, default=60.0, show_default=True, help="Time that the query may take.")
@click.option("--xlsx", type=click.Path(path_type=Path), help="Write the answer to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.option("--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win.")
def query(
    sql: str, as_of: str, limit: int, seconds: float, xlsx: Path | None, as_json: bool, file: Path | None
) -> None:
    """Answer one SELECT; nothing can be changed by it.

    With --as-of every table named in it has the state of that moment: person, study_record, golden_person, finding and all
    other tables with a history, and their …_live views. The same in plain SQL: select … from person_as_of('2026-12-31
    23:59:59+07').
    """
    moment = moment_of(as_of) if as_of else None
    answer = ask(national_engine(load(NationalSettings, file)), sql, moment, limit=limit, seconds=seconds)
    if as_json:
        for row in answer.rows:
            click.echo(json.dumps(dict(zip(answer.columns, row, strict=True)), ensure_ascii=False, default=str))
        return
    table = Table("query", answer.columns, [[_cell(value) for value in row] for row in answer.rows])
    if xlsx is not None:
        write_xlsx(xlsx, [table])
    else:
        for line in table.lines():
            click.echo(line)
    if answer.more:
        raise HemisError("E846", f"there are more rows than {limit}: narrow it, or raise --limit")


def _cell(value: object) -> Cell:
    return value if value is None or (isinstance(value, int | float) and not isinstance(value, bool)) else str(value)
