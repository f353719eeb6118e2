"""`hemis identity …`: what MATCHER proposes, and what the ministry decides about it.

A decision is an order, with who gave it and when. SAME: RECORDS claims the record under the other's person key. OTHER: MATCHER never
proposes the two again, and RECORDS keeps them apart.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Literal

import click

from deploy.kafka import names_under, read_to_end
from deploy.orders import Orders
from deploy.subscribe import Reader
from schemas.errors import Exit, HemisError
from schemas.registry import Registry
from schemas.settings import OperatorSettings, load
from schemas.topics import FINDINGS, institution_of

RULES = ("R03", "R04")
SETTINGS = click.option("--settings", "file", type=click.Path(path_type=Path), help="Settings; HEMIS_… variables win.")


@click.group()
def identity() -> None:
    """Records that may be of one person, and the decisions about them."""


@identity.command()
@click.option("--institution", help="Only candidates with a record of this institution.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@SETTINGS
def candidates(institution: str | None, as_json: bool, file: Path | None) -> None:
    """List open candidates: two records, and by which rule. Exit code 1 if there are any."""
    found = open_candidates(load(OperatorSettings, file), institution)
    for one in found:
        pair = {name: one[name] for name in ("rule", "record_key", "other_record")} | {
            "near": one["details"].get("near", "")
        }
        near = f"  one of {pair['near']} near ones" if pair["near"] else ""
        click.echo(
            json.dumps(pair) if as_json else f"{pair['rule']}  {pair['record_key']}  {pair['other_record']}{near}"
        )
    sys.exit(Exit.FINDINGS if found else Exit.FINE)


@identity.command()
@click.argument("verdict", type=click.Choice(["SAME", "OTHER"]))
@click.argument("record")
@click.argument("other")
@SETTINGS
def decide(verdict: Literal["SAME", "OTHER"], record: str, other: str, file: Path | None) -> None:
    """Say whether RECORD and OTHER, an open candidate, are of one person."""
    settings = load(OperatorSettings, file)
    institution, others = record.partition("/")[0], other.partition("/")[0]
    said = {
        (one["record_key"], one["other_record"]): one["details"]["person_key"]
        for one in open_candidates(settings, None, only=(institution, others), both=True)
    }
    if (record, other) not in said or (other, record) not in said:
        raise HemisError("E836", record=record, other=other)
    orders = Orders(settings)
    if verdict == "SAME":
        orders.give(institution, "SAME_PERSON", said[record, other], key=record.encode())
    else:
        orders.give(institution, "OTHER_PERSON", said[record, other], key=record.encode())
        orders.give(others, "OTHER_PERSON", said[other, record], key=other.encode())
    orders.flush()
    click.echo(f"{verdict}: {record} {other}")


def open_candidates(
    settings: OperatorSettings, institution: str | None, *, only: tuple[str, ...] = (), both: bool = False
) -> list[dict[str, Any]]:
    """MATCHER's open findings; of the two of a pair one, unless `both`."""
    reader = Reader(Registry(settings.registry_url, Path(settings.data) / "schemas"))
    topics = names_under(settings, FINDINGS.prefix)
    if only:
        topics = [name for name in topics if institution_of(name) in only]
    newest: dict[bytes, dict[str, Any]] = {}
    for message in read_to_end(settings, topics):
        if (raw := message.value()) is not None:
            value = reader.read(raw)[1]
            if value["rule"] in RULES:
                newest[message.key()] = value
    return sorted(
        (
            one
            for one in newest.values()
            if one["status"] == "OPEN"
            and (both or one["record_key"] < one["other_record"])
            and (institution is None or f"{institution}/" in (_of(one["record_key"]), _of(one["other_record"])))
        ),
        key=lambda one: (one["record_key"], one["other_record"]),
    )


def _of(record: str) -> str:
    return record.partition("/")[0] + "/"
