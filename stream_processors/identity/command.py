"""`hemis match FILE --truth FILE`: who is the same person, and how well that is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from schemas.errors import Exit, HemisError
from stream_processors.identity import comparison, files, picture
from stream_processors.identity.evaluation import Point
from stream_processors.identity.run import Report, Run, report, stream

FILE = click.Path(dir_okay=False, path_type=Path)
SHOWN = (0.9, 0.99, 0.999, 0.9999)
"""Precisions at which the table tells recall."""


@click.command()
@click.argument("file", type=FILE)
@click.option("--truth", "truth_file", type=FILE, required=True, help="CSV: record_id, person.")
@click.option(
    "--comparisons", type=FILE, help="YAML: which columns, compared how; Vietnamese person claims without it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--picture", "picture_file", type=FILE, help="Write the precision-recall curve as SVG.")
def match(file: Path, truth_file: Path, comparisons: Path | None, as_json: bool, picture_file: Path | None) -> None:
    """Stream the records of FILE (CSV with a column record_id) one by one through the identity matcher, and hold the scores that
    stand at the end against the truth."""
    using = comparison.load(comparisons or comparison.VIETNAMESE_CLAIMS)
    truth = files.truth(truth_file)
    ids: list[str] = []
    run = _run(file, using, ids)
    if ids and not truth.keys() & set(ids):
        raise HemisError("E835", file=truth_file.name)
    found = report(run, truth, ids)
    if picture_file is not None:
        picture.draw(picture_file, f"{using.title}: {file.name}", found.points)
    if as_json:
        click.echo(json.dumps(found.figures))
    else:
        _tell(found)
    sys.exit(Exit.FINE)


def _run(file: Path, using: comparison.Comparison, ids: list[str]) -> Run:
    def rows() -> Sequence[dict[str, str]]:
        found = list(files.records(file, using))  # read first: what the disk does is not the matcher's speed
        ids.extend(row[files.ID] for row in found)
        return found

    given = rows()
    run: Run | None = None
    with click.progressbar(length=len(given), label="matching", file=sys.stderr) as bar:
        done = 0
        for step in stream(given, using):
            if isinstance(step, Run):
                run = step
            else:
                bar.update(step - done)
                done = step
        bar.update(len(given) - done)
    assert run is not None
    return run


def _tell(found: Report) -> None:
    for name, value in found.figures.items():
        click.echo(f"{name.replace('_', ' '):28}{value}")
    click.echo("")
    click.echo("precision at least      recall    threshold")
    for precision in SHOWN:
        if point := _at(found.points, precision):
            click.echo(f"{precision:<22}{point.recall:8.4f}{point.threshold:13.1f}")


def _at(points: Sequence[Point], precision: float) -> Point | None:
    reached = [point for point in points if point.precision >= precision]
    return max(reached, key=lambda point: point.recall, default=None)
