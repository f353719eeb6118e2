"""One run of the set rules: what holds now, what was said before, and the findings that must be said for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import sqlalchemy as sa

from schemas.keys import finding_id
from sinks.model import FINDING, SET_WAIVER
from sinks.quality.days import today
from sinks.quality.set_rules import SET_GENERATION, SET_RULES, SetRule
from sinks.quality.waivers import serialise

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

    The comparison is with the national table, which the findings reach by their topic: one that is still under way would be
    said twice, and change nothing.
    """
    # A decision that is made meanwhile counts from the next run on, and is newer than whatever this one says.
    serialise(connection)
    waivers = _Waivers(connection)
    place = max(time.time_ns() // 1_000_000, _last_place(connection) + 1)
    published = 0
    for rule in SET_RULES:
        for record in _changes(connection, rule, waivers, place):
            publisher.put(record)
            published += 1
    publisher.flush()
    return published


def _changes(connection: sa.Connection, rule: SetRule, waivers: _Waivers, place: int) -> Iterator[Record]:
    before = _before(connection, rule)
    at = round(waivers.read_at.timestamp() * 1_000_000)
    for found in connection.exec_driver_sql(rule.statement).mappings():
        fields = tuple(found["fields"])
        name = finding_id(rule.id, found["institution"], found["record_key"], fields, found["other_record"] or "")
        known = before.pop(name, None)
        waived = waivers.of(name, known)
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
            **_waived(waived),
        }
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
                # If it opens again, it is waived again.
                **_waived(waivers.of(gone["finding_id"], gone)),
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


class _Waivers:
    """The waivers that hold. The table of decisions has what was decided last, unless the database is an older copy: what a
    finding's topic has brought since says more than an older decision.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self.read_at: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        self._day: date = today().day
        self._decided = {row.finding_id: row for row in connection.execute(sa.select(SET_WAIVER))}

    def of(self, finding: str, known: Record | None) -> tuple[date, str] | None:
        """Last day and words of the waiver of a finding, whose last state is `known`."""
        decided = self._decided.get(finding)
        if decided is not None and (known is None or known["at"] <= decided.at):
            until, waiver = decided.until, decided.waiver
        elif known is not None and known["waived_until"]:
            until, waiver = date.fromisoformat(known["waived_until"]), known["waiver"]
        else:
            return None
        return (until, waiver) if until >= self._day else None


def _waived(waiver: tuple[date, str] | None) -> Record:
    until, text = waiver or (None, None)
    return {"waived_until": until and until.isoformat(), "waiver": text}
