"""One institution: its measures and their past, what was found, how its changes arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deploy.board.country import quantile
from schemas.errors import HemisError
from schemas.findings import ACTIVE, Finding, finding_of
from sinks.arrivals import mean_hops
from sinks.quality.compute import red
from sinks.quality.measures import ALL, FOUR

HISTORY_DAYS = 90
ARRIVAL_HOURS = 24
HOUR = 12
"""Slots of an hour; the delay is split over the last one."""
NEWEST = 20
LISTED = 200
"""Findings of one rule that a page shows."""


@dataclass(frozen=True)
class Measured:
    numerator: int
    denominator: int
    not_assessed: int
    value: float | None
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class RuleCount:
    rule: str
    severity: str
    open: int
    waived: int
    resolved: int


@dataclass(frozen=True)
class Arrived:
    """A record that arrived: `delay` in seconds from its commit at the source."""

    record_key: str
    at: datetime
    delay: float


@dataclass(frozen=True)
class Institution:
    """`history`: by measure, from the oldest day on. `delays`: the p95 of each slot that had changes. `hops`: seconds each."""

    code: str
    name: str
    day: str
    measures: Mapping[str, Measured]
    scopes: Mapping[str, Mapping[str, Measured]]
    history: Mapping[str, Sequence[tuple[date, float]]]
    rules: Sequence[RuleCount]
    delays: Sequence[tuple[datetime, float]]
    changes: int
    hops: Mapping[str, float]
    newest: Sequence[Arrived] | None
    tables: Sequence[tuple[str, int, datetime]]
    canary_at: float | None
    least: str | None = field(default=None)


def read(connection: sa.Connection, code: str, *, records: bool) -> Institution:
    """What the role's schema shows of an institution. `records`: also which records arrived last.

    Raises:
        HemisError E904: nothing is known of it.
    """
    asked = {"code": code}
    tables = [tuple(row) for row in connection.execute(_TABLES, asked)]
    beat = connection.execute(_HEARTBEAT, asked).scalar()
    day, scopes = _measures(connection, code)
    if not tables and beat is None and not scopes:
        raise HemisError("E904", institution=code)
    measures = scopes.pop(ALL, {})
    slots = connection.execute(_SLOTS, asked | {"since": datetime.now(UTC) - timedelta(hours=ARRIVAL_HOURS)}).all()
    return Institution(
        code=code,
        name=str(connection.execute(_NAME, asked).scalar() or ""),
        day=day,
        measures=measures,
        scopes=dict(sorted(scopes.items())),
        history=_history(connection, code),
        rules=_rules(connection, code),
        delays=[(slot, at) for slot, _, counts, _, _ in slots if (at := quantile(counts, 0.95)) is not None],
        changes=sum(changes for _, changes, *_ in slots),
        hops=mean_hops((canaries, hops) for _, _, _, canaries, hops in slots[-HOUR:]),
        newest=_newest(connection, code) if records else None,
        tables=[(str(target), int(applied), at) for target, applied, at in tables],
        canary_at=beat.timestamp() if beat is not None else None,
        least=red({name: measures[name].value for name in FOUR if name in measures}),
    )


def findings(connection: sa.Connection, code: str, rule: str) -> list[Finding]:
    """The newest open findings of a rule."""
    rows = connection.execute(_FINDINGS, {"code": code, "rule": rule, "limit": LISTED}).mappings()
    return [finding_of(dict(row)) for row in rows]


_TABLES = sa.text("SELECT target, applied, applied_at FROM ledger WHERE institution = :code ORDER BY applied_at DESC")
_HEARTBEAT = sa.text("SELECT max(changed_at) FROM heartbeat WHERE institution = :code")
_NAME = sa.text("SELECT min(name) FROM institution WHERE institution = :code AND operation <> 'CANCEL'")
_MEASURES = sa.text(
    "SELECT day, scope, measure, numerator, denominator, not_assessed, value, facts FROM quality_day WHERE institution = :code "
    "AND day = (SELECT max(day) FROM quality_day WHERE institution = :code)"
)
_HISTORY = sa.text(
    "SELECT day, measure, value FROM quality_day WHERE institution = :code AND day >= :since AND scope = 'all' "
    "AND measure = ANY (:four) AND value IS NOT NULL ORDER BY day"
)
_RULES = sa.text(
    "SELECT rule, severity, coalesce(sum(findings) FILTER (WHERE status = ANY (:active)), 0)::bigint AS open, "
    "coalesce(sum(findings) FILTER (WHERE status = 'WAIVED'), 0)::bigint AS waived, "
    "coalesce(sum(findings) FILTER (WHERE status = 'RESOLVED'), 0)::bigint AS resolved "
    "FROM finding_count WHERE institution = :code GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)
_SLOTS = sa.text(
    "SELECT slot, changes, delays, canaries, hops FROM arrival WHERE institution = :code AND slot >= :since ORDER BY slot"
)
_NEWEST = sa.text("SELECT newest FROM arrival WHERE institution = :code AND changes > 0 ORDER BY slot DESC LIMIT 5")
# Only what the index over open findings answers: disputed ones are few, and on their records' pages.
_FINDINGS = sa.text(
    "SELECT * FROM finding WHERE status = 'OPEN' AND institution = :code AND rule = :rule ORDER BY at DESC, finding_id LIMIT :limit"
)


def _measures(connection: sa.Connection, code: str) -> tuple[str, dict[str, dict[str, Measured]]]:
    """The newest day's, by scope and measure."""
    found: dict[str, dict[str, Measured]] = {}
    newest = ""
    for row in connection.execute(_MEASURES, {"code": code}):
        measured = Measured(row.numerator, row.denominator, row.not_assessed, row.value, row.facts or {})
        found.setdefault(row.scope, {})[row.measure] = measured
        newest = row.day.isoformat()
    return newest, found


def _history(connection: sa.Connection, code: str) -> dict[str, list[tuple[date, float]]]:
    since = datetime.now(UTC).date() - timedelta(days=HISTORY_DAYS)
    found: dict[str, list[tuple[date, float]]] = {name: [] for name in FOUR}
    for day, measure, value in connection.execute(_HISTORY, {"code": code, "since": since, "four": list(FOUR)}):
        found[measure].append((day, float(value)))
    return found


def _rules(connection: sa.Connection, code: str) -> list[RuleCount]:
    return [RuleCount(*row) for row in connection.execute(_RULES, {"code": code, "active": list(ACTIVE)})]


def _newest(connection: sa.Connection, code: str) -> list[Arrived]:
    """The newest records, each once."""
    seen: dict[str, Arrived] = {}
    for (newest,) in connection.execute(_NEWEST, {"code": code}):
        for key, changed, applied in newest:
            at = datetime.fromtimestamp(applied / 1000, UTC)
            seen.setdefault(key, Arrived(key, at, max(0.0, (applied - changed) / 1000)))
    return list(seen.values())[:NEWEST]
