"""`hemis dead-letters …`: what could not be decoded, typed, keyed or authorised; look at it, and replay it once mended."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from deploy.kafka import read_to_end
from deploy.orders import Orders
from deploy.subscribe import Reader
from schemas.errors import CATALOGUE, Exit, HemisError
from schemas.registry import Registry
from schemas.settings import OperatorSettings, load
from schemas.topics import CHANGES, DEAD_LETTERS, ORDERS

MOST_ATTEMPTS = 5
"""A letter that came back more often is not replayed: the same bytes would come back again."""

_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
_CODE = click.option("--code", help="Only letters with this error code.")
_INSTITUTION = click.option("--institution", help="Only letters of this institution.")


@dataclass(frozen=True)
class Letter:
    """A dead letter. `position` is its own, `origin` where its bytes were read; both are topic:partition:offset."""

    position: str
    origin: str
    institution: str
    code: str
    reason: str
    found_at: int
    attempts: int
    key: bytes | None
    value: bytes | None

    @property
    def content(self) -> tuple[str, bytes]:
        """Equal for letters about the same bytes: one that was replayed in vain comes again under another position."""
        digest = sha256(b"%d:" % len(self.key or b"") + (self.key or b"") + (self.value or b""))
        return self.institution, digest.digest()

    @property
    def refusal(self) -> HemisError | None:
        """Why it can't be replayed; None if it can."""
        if self.attempts > MOST_ATTEMPTS:
            return HemisError("E702", position=self.position, attempts=self.attempts)
        if self.value is None or not self.origin.startswith((CHANGES.prefix, ORDERS.prefix)):
            return HemisError("E703", position=self.position, origin=self.origin)
        return None

    def facts(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "origin": self.origin,
            "institution": self.institution,
            "code": self.code,
            "reason": self.reason,
            "found_at": datetime.fromtimestamp(self.found_at / 1e6, UTC).isoformat(timespec="seconds"),
            "attempts": self.attempts,
            "bytes": len(self.value or b""),
        }


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Messages that could not be processed: look at them, replay them."""


@dead_letters.command(name="list")
@_CODE
@_INSTITUTION
@click.option("--count", is_flag=True, help="Only how many, per institution and code.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_SETTINGS
def list_(code: str | None, institution: str | None, count: bool, as_json: bool, file: Path | None) -> None:
    """One line per letter, oldest first."""
    letters = sorted(_chosen(read(load(OperatorSettings, file)), code, institution), key=lambda one: one.found_at)
    if count:
        counts = Counter((letter.institution, letter.code) for letter in letters)
        rows = [{"institution": i, "code": c, "count": n} for (i, c), n in sorted(counts.items())]
    else:
        rows = [letter.facts() for letter in letters]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo("  ".join(str(row[name]) for name in row if name != "reason"))


@dead_letters.command()
@click.argument("position")
@click.option("--payload", is_flag=True, help="Also key and value in base64; they may hold personal data.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_SETTINGS
def show(position: str, payload: bool, as_json: bool, file: Path | None) -> None:
    """One letter, by POSITION topic:partition:offset: its own, or where its bytes were read."""
    letter = find(read(load(OperatorSettings, file)), position)
    facts = letter.facts()
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
@_SETTINGS
def replay(position: str | None, code: str | None, institution: str | None, again: bool, file: Path | None) -> None:
    """Send a letter's bytes through RECORDS again: the one at POSITION, or all of a code or institution.

    It meets the version rule, so that what is older than the record's state changes nothing.
    """
    if (position is None) == (code is None and institution is None):
        raise click.UsageError("either POSITION, or --code and --institution")
    settings = load(OperatorSettings, file)
    letters = list(read(settings))
    if position is not None:
        letter = find(letters, position)
        if (refusal := letter.refusal) is not None:
            raise refusal
        chosen, left = [newest(letters, letter)], Counter[str]()
        if (refusal := chosen[0].refusal) is not None:
            raise refusal
    else:
        candidates = list(_chosen(letters, code, institution))
        replayed = Counter[tuple[str, bytes]]() if again else ordered(settings, {one.institution for one in candidates})
        chosen, left = worth(candidates, replayed)
    if chosen:
        orders = Orders(settings)
        for letter in chosen:
            orders.give(letter.institution, "REPLAY", str(letter.attempts), key=letter.key, payload=letter.value)
        orders.flush()
    click.echo(f"{len(chosen)} replayed" + "".join(f", {n} left: {why}" for why, n in left.items()))
    if any(why != REPLAYED for why in left):
        sys.exit(Exit.FINDINGS)


REPLAYED = "replayed already"


def worth(letters: Iterable[Letter], replayed: Counter[tuple[str, bytes]]) -> tuple[list[Letter], Counter[str]]:
    """Letters to replay, one per content, with its highest count of attempts; and how many are left, by reason."""
    latest: dict[tuple[str, bytes], Letter] = {}
    for letter in letters:
        known = latest.get(letter.content)
        if known is None or letter.attempts >= known.attempts:
            latest[letter.content] = letter
    chosen, left = [], Counter[str]()
    for content, letter in latest.items():
        if (refusal := letter.refusal) is not None:
            left[f"{refusal.code} {refusal.declared.en}"] += 1
        elif replayed[content] > letter.attempts:
            left[REPLAYED] += 1
        else:
            chosen.append(letter)
    return sorted(chosen, key=lambda letter: letter.found_at), left


def newest(letters: Iterable[Letter], letter: Letter) -> Letter:
    """The letter about the same bytes with the highest count of attempts."""
    return max((one for one in letters if one.content == letter.content), key=lambda one: one.attempts)


def ordered(settings: OperatorSettings, institutions: Iterable[str]) -> Counter[tuple[str, bytes]]:
    """How often each content was replayed, as far back as the orders topics reach."""
    reader, counts = _reader(settings), Counter[tuple[str, bytes]]()
    names = {ORDERS.name_for(code): code for code in institutions if code}
    for message in read_to_end(settings, names):
        value = message.value()
        if value is None:
            continue
        order = reader.read(value)[1]
        if order["kind"] == "REPLAY":
            code = names[message.topic() or ""]
            counts[Letter("", "", code, "", "", 0, 0, order["key"], order["payload"]).content] += 1
    return counts


def find(letters: Iterable[Letter], position: str) -> Letter:
    """The newest letter at a position.

    Raises:
        HemisError E701: there is none.
    """
    found = [letter for letter in letters if position in (letter.position, letter.origin)]
    if not found:
        raise HemisError("E701", position=position)
    return max(found, key=lambda letter: letter.found_at)


def read(settings: OperatorSettings) -> Iterator[Letter]:
    """Every letter that the topic still has."""
    reader = _reader(settings)
    for message in read_to_end(settings, [DEAD_LETTERS.name]):
        value = message.value()
        if value is None:
            continue
        said = reader.read(value)[1]
        yield Letter(
            f"{message.topic()}:{message.partition()}:{message.offset()}",
            f"{said['topic']}:{said['partition']}:{said['offset']}",
            said["institution"],
            said["code"],
            said["reason"],
            said["found_at"],
            said["attempts"],
            said["key"],
            said["value"],
        )


def _reader(settings: OperatorSettings) -> Reader:
    return Reader(Registry(settings.registry_url, Path(settings.data) / "schemas"))


def _chosen(letters: Iterable[Letter], code: str | None, institution: str | None) -> Iterator[Letter]:
    for letter in letters:
        if code in (None, letter.code) and institution in (None, letter.institution):
            yield letter
