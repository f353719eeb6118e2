"""`hemis dead-letters list | show | replay | discard`."""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from deploy.audit import audited
from deploy.letters import decisions
from deploy.letters.decisions import Decisions
from deploy.letters.letter import Letter, find, newest, read
from deploy.letters.replay import Plan, histogram, latest, plan
from deploy.letters.replay import replay as replayed
from schemas.envelope import schema_id_of
from schemas.errors import CATALOGUE, DecodeError, Exit, HemisError
from schemas.registry import Registry
from schemas.settings import OperatorSettings, load

LEAST_REASON = 10
_NUMBER = re.compile(r"\d{9,}")
"""May be somebody's number, which has no place in a text that stays (P8)."""

_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
_CODE = click.option("--code", help="Only letters with this error code.")
_INSTITUTION = click.option("--institution", help="Only letters of this institution.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, with a histogram of reasons; do nothing."
)


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Messages that could not be processed: look at them, replay them, discard them.

    A letter is open until it was replayed or discarded; one that comes back from a replay is open again. Exit code 1: letters are left
    that somebody has to see to.
    """


@dead_letters.command(name="list")
@_CODE
@_INSTITUTION
@click.option("--all", "every", is_flag=True, help="Also what was replayed or discarded.")
@click.option("--count", is_flag=True, help="Only how many, per institution and code.")
@_JSON
@_SETTINGS
def list_(
    code: str | None, institution: str | None, every: bool, count: bool, as_json: bool, file: Path | None
) -> None:
    """One line per letter, oldest first."""
    settings = load(OperatorSettings, file)
    letters = sorted(_chosen(read(settings), code, institution), key=lambda one: one.found_at)
    decided = _decided(settings, letters)
    stated = [(one, _state(one, decided)) for one in letters]
    shown = [(one, state) for one, state in stated if every or state == "open"]
    rows: list[dict[str, Any]]
    if count:
        counts = Counter((one.institution, one.code) for one, _ in shown)
        rows = [{"institution": i, "code": c, "count": n} for (i, c), n in sorted(counts.items())]
    else:
        rows = [one.facts() | {"state": state} for one, state in shown]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo("  ".join(str(row[name]) for name in row if name != "reason"))


@dead_letters.command()
@click.argument("position")
@click.option("--payload", is_flag=True, help="Also key and value in base64; they may hold personal data.")
@_JSON
@_SETTINGS
def show(position: str, payload: bool, as_json: bool, file: Path | None) -> None:
    """One letter, by POSITION topic:partition:offset: its own, or where its bytes were read."""
    settings = load(OperatorSettings, file)
    letter = find(read(settings), position)
    decision = _decided(settings, [letter]).get(letter.content)
    facts = letter.facts() | {"state": "open", "schema": _schema(settings, letter)}
    if decision is not None and decision.settles(letter):
        facts |= {"state": decision.kind, "by": decision.actor, "why": decision.reason}
    declared = CATALOGUE.get(letter.code)
    if declared:
        facts |= {"meaning": declared.en, "meaning_vi": declared.vi, "hint": declared.hint_en}
    if payload:
        facts |= {
            name: b64encode(raw).decode() if raw is not None else None
            for name, raw in (("key", letter.key), ("value", letter.value))
        }
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for name, value in facts.items():
        click.echo(f"{name:<12} {value}")


@dead_letters.command()
@click.argument("position", required=False)
@_CODE
@_INSTITUTION
@click.option("--again", is_flag=True, help="Also letters that were replayed since and have not come back.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait for what becomes of them.",
)
@_DRY_RUN
@_JSON
@_SETTINGS
def replay(
    position: str | None,
    code: str | None,
    institution: str | None,
    again: bool,
    wait_seconds: float,
    dry_run: bool,
    as_json: bool,
    file: Path | None,
) -> None:
    """Send a letter's bytes through RECORDS again: the one at POSITION, or all of a code or institution.

    It meets the version rule, so that what is older than the record's state changes nothing. What came back is counted by code; what was
    taken is applied, superseded, duplicate or held, by the ledger.
    """
    settings = load(OperatorSettings, file)
    with _fresh_registry(settings) as knows_schema:
        if position is not None and code is None and institution is None:
            letter = _one(settings, position)
            found = plan([letter], {}, knows_schema)
            if (refusal := letter.refusal) is not None:
                raise refusal
        else:
            letters = list(_chosen(read(settings), *_wanted(position, code, institution)))
            found = plan(letters, _decided(settings, letters), knows_schema, again=again)
    if dry_run:
        _tell_plan(found, "would be replayed", as_json)
    else:
        outcome = replayed(settings, found.chosen, wait_seconds, **_given(position, code, institution))
        told = outcome.as_dict() | {"left": dict(found.left)}
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        else:
            click.echo(", ".join(_words(told)))
        if outcome.came_back or outcome.waiting:
            sys.exit(Exit.FINDINGS)
    sys.exit(Exit.FINDINGS if found.findings else Exit.FINE)


@dead_letters.command()
@click.argument("position", required=False)
@_CODE
@_INSTITUTION
@click.option("--reason", default="", help="Why nobody will need it; no personal data.")
@_DRY_RUN
@_JSON
@_SETTINGS
def discard(
    position: str | None,
    code: str | None,
    institution: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
    file: Path | None,
) -> None:
    """Decide that a letter is not needed: the one at POSITION, or all of a code or institution.

    Its bytes stay until the topic lets them go; it is no longer listed, and not replayed with others.
    """
    settings = load(OperatorSettings, file)
    reason = " ".join(reason.split())
    if not dry_run and (len(reason) < LEAST_REASON or _NUMBER.search(reason)):
        raise HemisError("E720", f"at least {LEAST_REASON} characters, no run of nine digits")
    if position is not None and code is None and institution is None:
        chosen = [_one(settings, position)]
    else:
        letters = list(_chosen(read(settings), *_wanted(position, code, institution)))
        decided = _decided(settings, letters)
        chosen = [one for one in latest(letters).values() if _state(one, decided) == "open"]
    if dry_run:
        _tell_plan(Plan(chosen, Counter()), "would be discarded", as_json)
        return
    facts = _given(position, code, institution) | {"letters": len(chosen), "reason": reason}
    with audited(settings, "dead-letters discard", "dead letters", **facts):
        writer = decisions.Writer(settings)
        for one in chosen:
            writer.put(one, "discarded", reason)
        writer.flush()
    click.echo(json.dumps({"discarded": len(chosen)}) if as_json else f"{len(chosen):,} discarded")


# -- choosing ---------------------------------------------------------------------------------------------------------


def _wanted(position: str | None, code: str | None, institution: str | None) -> tuple[str | None, str | None]:
    if position is not None or (code is None and institution is None):
        raise click.UsageError("either POSITION, or --code and --institution")
    return code, institution


def _given(position: str | None, code: str | None, institution: str | None) -> dict[str, str]:
    """What was asked for, for the audit."""
    return {"position": position or "", "code": code or "", "institution": institution or ""}


def _chosen(letters: Iterable[Letter], code: str | None, institution: str | None) -> Iterator[Letter]:
    for letter in letters:
        if code in (None, letter.code) and institution in (None, letter.institution):
            yield letter


def _one(settings: OperatorSettings, position: str) -> Letter:
    """The newest letter about the bytes of the one at a position."""
    letters = list(read(settings))
    return newest(letters, find(letters, position))


def _decided(settings: OperatorSettings, letters: Iterable[Letter]) -> Decisions:
    return decisions.read(settings, {one.institution for one in letters})


def _state(letter: Letter, decided: Decisions) -> str:
    decision = decided.get(letter.content)
    return decision.kind if decision is not None and decision.settles(letter) else "open"


@contextmanager
def _fresh_registry(settings: OperatorSettings) -> Iterator[Callable[[int], bool]]:
    """Does the registry itself know a schema? What this machine remembers of one that is gone is no help to RECORDS."""
    known: dict[int, bool] = {}
    with TemporaryDirectory() as folder:
        registry = Registry(settings.registry_url, Path(folder))

        def knows(number: int) -> bool:
            if number not in known:
                known[number] = registry.schema_of(number) is not None
            return known[number]

        yield knows


def _schema(settings: OperatorSettings, letter: Letter) -> str:
    """The name of the type that the letter's bytes say they are."""
    try:
        number = schema_id_of(letter.value or b"")
        schema = Registry(settings.registry_url, Path(settings.data) / "schemas").schema_of(number)
    except DecodeError:
        return "no event"
    except HemisError as error:
        return error.code
    return f"{number}: unknown to the registry" if schema is None else f"{number}: {schema.get('name')}"


# -- telling ----------------------------------------------------------------------------------------------------------


def _tell_plan(found: Plan, what: str, as_json: bool) -> None:
    rows = list(histogram(found.chosen))
    if as_json:
        told = {"chosen": len(found.chosen), "left": dict(found.left), "histogram": rows}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    most = max((row["letters"] for row in rows), default=1)
    for row in rows:
        bar = "█" * max(1, round(20 * row["letters"] / most))
        click.echo(
            f"{row['letters']:>9,}  {bar:<20}  {row['institution']:<16}  {row['code']}  {row['reason']}".rstrip()
        )
    click.echo(f"{len(found.chosen):,} {what}" + "".join(f", {n:,} left: {why}" for why, n in found.left.items()))


def _words(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['replayed']:,} replayed"
    if told["replayed"]:
        yield f"{told['taken']:,} taken"
    yield from (f"{count:,} came back: {code}" for code, count in told["came_back"].items())
    if told["waiting"]:
        yield f"{told['waiting']:,} not processed yet"
    yield from (f"{count:,} left: {why}" for why, count in told["left"].items())
