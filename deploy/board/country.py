"""Every institution in one line, read from what the sink has stored; and the newest reading, shared by all who look."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from operator import add
from threading import Lock
from typing import Protocol

import sqlalchemy as sa

from deploy.board.national import GLANCE, National
from schemas.errors import HemisError
from schemas.findings import ACTIVE
from schemas.health import late
from schemas.metrics import DELAY_BUCKETS
from sinks.quality.compute import red
from sinks.quality.measures import FOUR

FRESH_SECONDS = 0.8
NAMES_SECONDS = 60.0
RECENT = "15 minutes"
"""The changes that a delay is told of. Nobody is called late for what came an hour ago."""


@dataclass(frozen=True)
class Line:
    """One institution. `delay`: 95 of 100 recent changes were visible within so many seconds; None: there were none. `late`: its
    canary has not come for longer than chance explains."""

    code: str
    name: str = ""
    measures: Mapping[str, float | None] = field(default_factory=dict)
    delay: float | None = None
    changes: int = 0
    canary_at: float | None = None
    late: bool = False
    findings: int = 0

    @cached_property
    def least(self) -> str | None:
        return red(self.measures)

    @cached_property
    def worst(self) -> float | None:
        return None if self.least is None else self.measures[self.least]


@dataclass(frozen=True)
class Country:
    """`lines` from the worst on. `trouble`: why they are older than they should be."""

    at: float
    day: str
    lines: tuple[Line, ...]
    trouble: HemisError | None = None


class Reading(Protocol):
    def country(self) -> Country:
        """The newest reading.

        Raises:
            HemisError E501-E503, E908: and there is no older one either.
        """
        ...


class Newest:
    """The newest reading. However many look, the database is asked once in `FRESH_SECONDS`."""

    def __init__(self, national: National, clock: Callable[[], float] = time.time) -> None:
        self._national = national
        self._clock = clock
        self._lock = Lock()
        self._country: Country | None = None
        self._asked = 0.0
        self._names: dict[str, str] = {}
        self._named = 0.0

    def country(self) -> Country:
        with self._lock:
            now = self._clock()
            if self._country is None or not 0 <= now - self._asked < FRESH_SECONDS:
                try:
                    self._country = self._read(now)
                except HemisError as error:
                    if self._country is None:
                        raise
                    self._country = Country(self._country.at, self._country.day, self._country.lines, error)
                self._asked = self._clock()
            return self._country

    def _read(self, now: float) -> Country:
        with self._national.read(GLANCE) as connection:
            if not 0 <= now - self._named < NAMES_SECONDS:
                self._names = {row[0]: row[1] for row in connection.execute(_NAMES)}
                self._named = now
            return read(connection, self._names, now)


_NAMES = sa.text(
    "SELECT institution, min(name) FROM institution WHERE operation <> 'CANCEL' AND name IS NOT NULL GROUP BY 1"
)
_MEASURES = sa.text(
    "SELECT institution, day::text, measure, value FROM quality_day WHERE scope = 'all' AND measure = ANY (:four) "
    "AND day = (SELECT max(day) FROM quality_day WHERE scope = 'all')"
)
_HEARTBEATS = sa.text("SELECT institution, max(changed_at), max(interval_seconds) FROM heartbeat GROUP BY 1")
_FINDINGS = sa.text("SELECT institution, sum(findings) FROM finding_count WHERE status = ANY (:active) GROUP BY 1")
_ARRIVALS = sa.text(f"SELECT institution, delays FROM arrival WHERE slot > now() - interval '{RECENT}'")


def read(connection: sa.Connection, names: Mapping[str, str], now: float) -> Country:
    """The country at this moment, under the schema that the connection's role reads."""
    days: set[str] = set()
    measures: dict[str, dict[str, float | None]] = {}
    for code, day, measure, value in connection.execute(_MEASURES, {"four": list(FOUR)}):
        measures.setdefault(code, {})[measure] = value
        days.add(day)
    beats = {code: (at.timestamp(), float(seconds or 15)) for code, at, seconds in connection.execute(_HEARTBEATS)}
    findings = {code: int(count) for code, count in connection.execute(_FINDINGS, {"active": list(ACTIVE)})}
    delays: dict[str, list[int]] = {}
    for code, counts in connection.execute(_ARRIVALS):
        known = delays.get(code)
        delays[code] = counts if known is None else [*map(add, known, counts)]
    lines = [
        Line(
            code=code,
            name=names.get(code, ""),
            measures=measures.get(code, {}),
            delay=quantile(delays.get(code, ()), 0.95),
            changes=sum(delays.get(code, ())),
            canary_at=beats[code][0] if code in beats else None,
            late=code in beats and bool(late(beats[code][0], now, beats[code][1])),
            findings=findings.get(code, 0),
        )
        for code in {*measures, *beats, *findings, *names}
    ]
    return Country(now, max(days, default=""), tuple(sorted(lines, key=_from_the_worst)))


def _from_the_worst(line: Line) -> tuple[bool, float, str]:
    return line.worst is None, line.worst or 0.0, line.code


def quantile(counts: tuple[int, ...] | list[int], share: float) -> float | None:
    """A quantile out of a histogram over `DELAY_BUCKETS`, as Prometheus tells it; what is beyond the last bound counts as
    the bound."""
    total = sum(counts)
    if not total:
        return None
    rank, seen = share * total, 0
    for count, (low, high) in zip(counts, pairwise((0.0, *DELAY_BUCKETS)), strict=False):
        if count and seen + count >= rank:
            return low + (high - low) * (rank - seen) / count
        seen += count
    return float(DELAY_BUCKETS[-1])
