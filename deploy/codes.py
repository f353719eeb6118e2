"""`hemis codes …`: look at code tables, compare a new list, see what it would break, take it in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from deploy.code_preview import Broken, of_database, of_mapping
from schemas import codes as tables
from schemas.codes import SHIPPED, TABLES, CodeTable, table
from schemas.codes.differences import differences
from schemas.codes.importing import candidate, install
from schemas.codes.table import Row, today
from schemas.errors import Exit, HemisError

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group()
def codes() -> None:
    """Code tables as dated data: what a code means depends on the day."""


@codes.command(name="list")
@_JSON
def list_(as_json: bool) -> None:
    """Every table: how many codes, whether the list is complete, where it comes from."""
    found = [summary(table(name)) for name in TABLES]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        click.echo(f"{one['table']:<20} {one['valid_today']:>6}  {one['complete']:<16} {one['vi']} / {one['en']}")
        click.echo(f"{'':<28}  {one['origin']}: {one['source']}")


def summary(found: CodeTable) -> dict[str, Any]:
    """A table in one line."""
    header, day = found.header, today()
    folder = tables.folder()
    imported = folder is not None and (folder / f"{found.name}.csv").exists()
    since = f"from {header.complete_since}" if header.complete_since else "complete"
    return {
        "table": found.name,
        "vi": header.vi,
        "en": header.en,
        "codes": len(found),
        "valid_today": sum(found.valid(code, day) for code in found.codes),
        "complete": since if found.complete else "not complete",
        "parent_table": header.parent_table,
        "source": found.source,
        "licence": header.licence,
        "origin": "imported" if imported else "shipped",
    }


@codes.command()
@click.argument("name", metavar="TABLE")
@click.option("--on", default="", help="Only what holds on this date (YYYY, YYYY-MM or YYYY-MM-DD).")
@click.option("--code", help="Only this code, with what it became.")
@click.option("--file", "as_file", is_flag=True, help="Print the table's file: a beginning for a new list.")
@_JSON
def show(name: str, on: str, code: str | None, as_file: bool, as_json: bool) -> None:
    """The codes of TABLE, with names, dates, parents and successors."""
    found = table(name)
    if as_file:
        folder = tables.folder()
        imported = None if folder is None else folder / f"{name}.csv"
        used = imported if imported is not None and imported.exists() else SHIPPED / f"{name}.csv"
        click.echo(used.read_text("utf-8"), nl=False)
        return
    rows = [row for row in found if (not on or row.holds(on)) and code in (None, row.code)]
    for row in rows:
        click.echo(json.dumps(asdict(row), ensure_ascii=False) if as_json else _line(row))
    sys.exit(Exit.FINE if rows or not code else Exit.FINDINGS)


def _line(row: Row) -> str:
    dates = f"  {row.valid_from or '…'} – {row.valid_to or '…'}" if row.valid_from or row.valid_to else ""
    parts = [
        row.code.ljust(12),
        row.vi,
        f"({row.en})" if row.en else "",
        f"< {row.parent}" if row.parent else "",
        dates,
    ]
    return " ".join(part for part in parts if part) + (f"  → {' '.join(row.successors)}" if row.successors else "")


@codes.command()
@click.argument("name", metavar="TABLE")
@_FILE
@_JSON
def diff(name: str, file: Path, as_json: bool) -> None:
    """What FILE would change in TABLE. Exit 1 if anything does."""
    found = list(differences(table(name), candidate(name, file)))
    for one in found:
        text = json.dumps(one._asdict(), ensure_ascii=False)
        click.echo(text if as_json else f"{one.kind:<8} {one.code:<12} {' ⇒ '.join(t for t in one[2:] if t)}")
    if not as_json:
        counts = Counter(one.kind for one in found)
        click.echo(", ".join(f"{n} {kind}" for kind, n in counts.items()) or "no difference")
    sys.exit(Exit.FINDINGS if found else Exit.FINE)


@codes.command()
@click.argument("name", metavar="TABLE")
@_FILE
@click.option("--on", default="", help="Judge by this date; today without it.")
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path),
    help="The sink's settings, or HEMIS_NATIONAL_DSN: count the live records that would break.",
)
@click.option(
    "--mapping", "mappings", multiple=True, type=click.Path(path_type=Path), help="A mapping file; repeatable."
)
@_JSON
def preview(
    name: str, file: Path, on: str, settings_file: Path | None, mappings: tuple[Path, ...], as_json: bool
) -> None:
    """What FILE as the new TABLE would break: live records per institution, and code maps. Exit 1 if anything does."""
    old, new, day = table(name), candidate(name, file), on or today()
    broken: list[Broken] = []
    looked = [f"{len(mappings)} mapping file(s)"] if mappings else []
    for mapping in mappings:
        broken += of_mapping(old, new, day, mapping)
    if (database := _database(settings_file)) is not None:
        looked.append("the national database")
        broken += of_database(old, new, day, database)
    if not looked:
        raise click.UsageError("name a database (--settings or HEMIS_NATIONAL_DSN), a --mapping, or both")
    for one in broken:
        click.echo(json.dumps(asdict(one), ensure_ascii=False) if as_json else one.line(old))
    if not as_json:
        records = sum(one.records or 0 for one in broken)
        click.echo(f"looked at {' and '.join(looked)}: {records} live records and {len(broken)} places would break")
    sys.exit(Exit.FINDINGS if broken else Exit.FINE)


def _database(settings_file: Path | None) -> str | None:
    from os import environ

    if (dsn := environ.get("HEMIS_NATIONAL_DSN")) or settings_file is None:
        return dsn
    from schemas.settings import SinkSettings, load

    return load(SinkSettings, settings_file).national_dsn.reveal()


@codes.command(name="import")
@click.argument("name", metavar="TABLE")
@_FILE
@click.option("--into", type=click.Path(path_type=Path), help="Folder of imported tables; HEMIS_CODES without it.")
@_JSON
def import_(name: str, file: Path, into: Path | None, as_json: bool) -> None:
    """Check FILE and take it in as TABLE, whole or not at all. Processes read it at their next start; then: hemis sink migrate."""
    if into is not None:
        tables.use(into)
    folder = tables.folder()
    if folder is None:
        raise HemisError("E817")
    counts = Counter(one.kind for one in differences(table(name), candidate(name, file)))
    target = install(name, file, folder)
    if as_json:
        click.echo(json.dumps({"file": str(target), "differences": counts}, ensure_ascii=False))
    else:
        click.echo(f"{target}: " + (", ".join(f"{n} {kind}" for kind, n in counts.items()) or "no difference"))
