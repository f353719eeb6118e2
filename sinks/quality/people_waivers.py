"""Waivers of PEOPLE's findings. PEOPLE has no clock and hears no order, so the scheduled job lays a waiver over what PEOPLE says: the
same finding with the same place, and one more in `orders_place`, which PEOPLE always leaves at 0. Whatever PEOPLE says next is newer,
and is overlaid again while the waiver lasts.

A message of the job may come to lie behind a newer one of PEOPLE, and a compacted topic keeps the last. `said` is the version that was
overlaid last: when the national finding has gone on since, it is said once more as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from schemas.findings import ACTIVE
from schemas.rules import RULES
from sinks.model import FINDING, SET_WAIVER
from sinks.quality.days import Day
from sinks.quality.set_job import Publisher
from sinks.quality.set_rules import SET_GENERATION
from sinks.quality.waivers import serialise

RULES_OF_PEOPLE = tuple(rule.id for rule in RULES.values() if rule.stage == "people")
_SAID = ("finding_id", "institution", "rule", "severity", "record_key", "other_record", "generation", "place")


def run(connection: sa.Connection, publisher: Publisher, now: Day) -> int:
    """Say what a waiver, or its end, makes of PEOPLE's findings; how many."""
    serialise(connection)
    at = round(now.now.timestamp() * 1_000_000)
    said = []
    for row in list(_waived(connection)):
        if (overlay := _overlay(connection, row, now.day)) is None:
            continue
        publisher.put(
            {name: row[name] for name in _SAID}
            | {"fields": list(row["fields"]), "details": dict(row["details"] or {}), "at": at}
            | overlay
        )
        said.append({"finding": row["finding_id"], "version": _version(row)})
    publisher.flush()
    if said:
        mark = sa.update(SET_WAIVER).where(SET_WAIVER.c.finding_id == sa.bindparam("finding"))
        connection.execute(mark.values(said=sa.bindparam("version")), said)
    return len(said)


def _waived(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """PEOPLE's findings with the waiver that was decided, or, where the table of decisions is an older copy, that they carry."""
    f, w = FINDING.table.c, SET_WAIVER.c
    decided = (w.until, w.waiver.label("reason"), w.said, w.at.label("decided_at"))
    query = sa.select(FINDING.table, *decided).outerjoin(SET_WAIVER, w.finding_id == f.finding_id)
    waived = sa.or_(w.finding_id.is_not(None), f.status == "WAIVED")
    for found in connection.execute(
        query.where(f.generation != SET_GENERATION, f.rule.in_(RULES_OF_PEOPLE), waived)
    ).mappings():
        row = dict(found)
        if row["status"] == "WAIVED" and (row["decided_at"] is None or row["decided_at"] < row["at"]):
            row |= {"until": date.fromisoformat(row["waived_until"]), "reason": row["waiver"]}
        yield row


def _overlay(connection: sa.Connection, row: Mapping[str, Any], day: date) -> dict[str, Any] | None:
    """What is to be said of a finding besides what PEOPLE said; None: nothing."""
    stands, above = row["until"] >= day, row["orders_place"] + 1
    waived = {"waived_until": row["until"].isoformat(), "waiver": row["reason"]}
    if stands and row["status"] != "RESOLVED" and (row["status"] in ACTIVE or any(row[n] != waived[n] for n in waived)):
        return {"status": "WAIVED", "orders_place": above} | waived
    if not stands and row["status"] == "WAIVED":
        return {"status": _before(connection, row), "orders_place": above, "waived_until": None, "waiver": None}
    if row["said"] not in (None, _version(row)):
        return {name: row[name] for name in ("status", "orders_place", "waived_until", "waiver")}
    return None


def _version(row: Mapping[str, Any]) -> str:
    return f"{row['generation']}/{row['place']}"


def _before(connection: sa.Connection, row: Mapping[str, Any]) -> str:
    """What PEOPLE said of the finding at this place: open, or disputed."""
    assert FINDING.history is not None
    h = FINDING.history.c
    same = (h.finding_id == row["finding_id"], h.generation == row["generation"], h.place == row["place"])
    query = sa.select(h.status).where(*same, h.status.in_(ACTIVE)).order_by(h.orders_place).limit(1)
    return str(connection.execute(query).scalar() or "OPEN")
