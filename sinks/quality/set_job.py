"""One run of the set rules: what holds now, what was said before, and the findings that must be said for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import sqlalchemy as sa

from schemas.keys import finding_id
from sinks.model import FINDING, SET_WAIVER
from sinks.quality.days import today
from sinks.quality.set_rules import SET_GENERATION, SET_RULES, SetRule

Record = dict[str, Any]


class Publisher(Protocol):
    """Writes findings to their institutions' topics."""

    def put(self, finding: Record) -> None: ...

    def flush(self) -> None:
        """Raises HemisError: some may be missing; the next run says them again."""
        ...


@dataclass(frozen=True)
class _Said:
    status: str
    details: Mapping[str, str]
    waived_until: str | None


def run(connection: sa.Connection, publisher: Publisher) -> int:
    """Evaluate every set rule and publish what changed; the number of findings published.

    The comparison is with the national table, which the findings reach by their topic: one that is still under way is
    said twice, and changes nothing.
    """
    waivers = _waivers(connection)
    place = max(time.time_ns() // 1_000_000, _last_place(connection) + 1)
    published = 0
    for rule in SET_RULES:
        for record in _changes(connection, rule, waivers, place):
            publisher.put(record)
            published += 1
    publisher.flush()
    return published


def _changes(connection: sa.Connection, rule: SetRule, waivers: Mapping[str, Any], place: int) -> Iterator[Record]:
    before = _before(connection, rule)
    at = time.time_ns() // 1000
    for found in connection.exec_driver_sql(rule.statement).mappings():
        fields = tuple(found["fields"])
        name = finding_id(rule.id, found["institution"], found["record_key"], fields, found["other_record"] or "")
        waived = waivers.get(name)
        record = {
            "finding_id": name,
            "institution": found["institution"],
            "rule": rule.id,
            "severity": rule.severity,
            "record_key": found["record_key"],
            "fields": list(fields),
            "other_record": found["other_record"] or "",
            "status": "WAIVED" if waived else "OPEN",
            "generation": SET_GENERATION,
            "place": place,
            "orders_place": 0,
            "at": at,
            "details": dict(found["details"]),
            "waived_until": waived.until.isoformat() if waived else None,
            "waiver": waived.waiver if waived else None,
        }
        known = before.pop(name, None)
        now = _Said(record["status"], record["details"], record["waived_until"])
        if known is None or now != _said(known):
            yield record
    for gone in before.values():
        if gone["status"] != "RESOLVED":
            kept = {n: gone[n] for n in ("finding_id", "institution", "rule", "severity", "record_key", "other_record")}
            yield kept | {
                "fields": list(gone["fields"]),
                "status": "RESOLVED",
                "generation": SET_GENERATION,
                "place": place,
                "orders_place": 0,
                "at": at,
                "details": dict(gone["details"] or {}),
                "waived_until": None,
                "waiver": None,
            }


def _before(connection: sa.Connection, rule: SetRule) -> dict[str, Record]:
    f = FINDING.table.c
    query = sa.select(FINDING.table).where(f.generation == SET_GENERATION, f.rule == rule.id)
    return {row["finding_id"]: dict(row) for row in connection.execute(query).mappings()}


def _said(row: Record) -> _Said:
    return _Said(row["status"], row["details"] or {}, row["waived_until"])


def _last_place(connection: sa.Connection) -> int:
    f = FINDING.table.c
    query = sa.select(sa.func.coalesce(sa.func.max(f.place), 0)).where(f.generation == SET_GENERATION)
    return int(connection.execute(query).scalar_one())


def _waivers(connection: sa.Connection) -> dict[str, Any]:
    """Waivers whose last day is not over."""
    day: date = today().day
    query = sa.select(SET_WAIVER).where(SET_WAIVER.c.until >= day)
    return {row.finding_id: row for row in connection.execute(query)}
