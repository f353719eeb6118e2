"""`hemis doctor`."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from deploy.doctor.checks import Result
from deploy.doctor.examination import examine
from deploy.status import endpoints
from schemas.errors import Exit
from schemas.settings import OperatorSettings, load

SIGNS = {"pass": "✓", "warn": "!", "fail": "✗", "skip": "–"}
COUNTED = {
    "en": {"pass": "fine", "warn": "worth a look", "fail": "wrong", "skip": "not looked at"},
    "vi": {"pass": "tốt", "warn": "cần xem", "fail": "sai", "skip": "chưa kiểm tra"},
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--wrong", "only_wrong", is_flag=True, help="Only what is wrong or worth a look.")
@click.option(
    "--urls",
    type=click.Path(path_type=Path),
    help="File with one process a line: its address, or name and address.",
)
@click.option("--home", type=click.Path(path_type=Path), help="Folder of a demo, for its processes.")
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path),
    help="The operator's settings; HEMIS_… variables win over it.",
)
def doctor(as_json: bool, only_wrong: bool, urls: Path | None, home: Path | None, file: Path | None) -> None:
    """Look at everything the national side needs, and say what mends it.

    Exit code 0: nothing is wrong, though something may be worth a look (!). 1: something is wrong (✗). What could not be looked
    at (–) says why.
    """
    settings = load(OperatorSettings, file)
    results = examine(settings, file, known_processes(urls, home))
    shown = [one for one in results if not only_wrong or one.state in ("warn", "fail")]
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in shown], ensure_ascii=False, indent=2))
    else:
        language = "vi" if os.environ.get("HEMIS_LANGUAGE", "").lower().startswith("vi") else "en"
        for line in lines(shown, language):
            click.echo(line)
        counts = Counter[str](one.state for one in results)
        click.echo(", ".join(f"{counts[state]} {word}" for state, word in COUNTED[language].items()))
    sys.exit(Exit.FINDINGS if any(one.state == "fail" for one in results) else Exit.FINE)


def known_processes(urls: Path | None, home: Path | None) -> dict[str, str]:
    """Addresses of processes; none where nothing names them.

    Raises:
        HemisError E201: what is named can't be read.
    """
    if urls is None and home is None:
        return {}
    return endpoints(urls, home or Path())


def lines(results: Sequence[Result], language: str) -> Iterator[str]:
    for one in results:
        detail = f"  ({one.detail})" if one.detail else ""
        yield f"{SIGNS[one.state]} {one.sentence(language)}{detail}"
        if one.mend:
            yield f"    → {one.mend}" + (f"   [deploy/{one.check.page}]" if one.check.page else "")
