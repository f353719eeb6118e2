"""How an institution's changes arrive: delays, hops and newest records, added up in slots of five minutes in the national table.

Beside the delivery and not in its transactions: it may lose a second's numbers when a process is killed, and never a record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock

import sqlalchemy as sa

from schemas.metrics import DELAY_BUCKETS
from sinks.database import translated_database_errors

SLOT_SECONDS = 300
KEPT = timedelta(days=30)
NEWEST = 20
LOOKED_AT = 400
"""Of a batch, the last so many events are looked through for each institution's newest."""
HOPS = ("captured", "stored", "processed", "visible")
"""From the commit at the source to the agent's reading of it, to the broker's log, through RECORDS, to the national commit: measured on
the canary, which takes every other record's way."""
_KEPT_AS = ("captured", "processed", "visible", "stored")
"""The table's order. Sums that a former version added up end before the last; what it lacks lies in `processed`."""
CANARY = b"/canary/"

_ADD = sa.text(
    "INSERT INTO arrival AS a (institution, slot, changes, delays, canaries, hops, newest) "
    "VALUES (:institution, :slot, :changes, :delays, :canaries, :hops, CAST(:newest AS jsonb)) "
    "ON CONFLICT (institution, slot) DO UPDATE SET changes = a.changes + excluded.changes, canaries = a.canaries + excluded.canaries, "
    "delays = ARRAY(SELECT x + y FROM unnest(a.delays, excluded.delays) WITH ORDINALITY t(x, y, n) ORDER BY n), "
    "hops = ARRAY(SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(a.hops, excluded.hops) WITH ORDINALITY t(x, y, n) ORDER BY n), "
    f"newest = jsonb_path_query_array(excluded.newest || a.newest, '$[0 to {NEWEST - 1}]')"
)

Live = Sequence[tuple[bytes, int]]
"""Record key and changed_at (µs) of events that no load has read."""


@dataclass
class _Slot:
    changes: int = 0
    delays: list[int] = field(default_factory=lambda: [0] * (len(DELAY_BUCKETS) + 1))
    canaries: int = 0
    hops: list[float] = field(default_factory=lambda: [0.0] * len(HOPS))
    newest: list[tuple[str, int, int]] = field(default_factory=list)


class Arrivals:
    """Noted by the delivery's thread, stored by another."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._slots: dict[tuple[str, int], _Slot] = {}
        self._processed: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    def applied(self, live: Live, delays: Mapping[str, Sequence[int]], now: int, *, canaries: bool) -> None:
        """What a commit at `now` (µs) made visible. `delays`: counts per institution, by the buckets of delays."""
        heartbeats: dict[str, int] = {}
        if canaries:
            for key, _ in live:
                if CANARY in key:
                    code = _institution(key)
                    heartbeats[code] = heartbeats.get(code, 0) + 1
        newest = _newest(live, now)
        with self._lock:
            for code, counts in delays.items():
                slot = self._slot(code, now)
                slot.changes += sum(counts) - heartbeats.get(code, 0)
                slot.delays = [a + b for a, b in zip(slot.delays, counts, strict=True)]
                slot.newest = (newest.get(code, []) + slot.newest)[:NEWEST]

    def processed(self, key: bytes, at: int, stored: int) -> None:
        """The broker had this canary at `stored` (ms; -1: not known), RECORDS sent it at `at`, as its message says."""
        with self._lock:
            self._processed[_institution(key)] = stored, at

    def canary(self, institution: str, changed: datetime, captured: datetime, applied: datetime) -> None:
        """A canary that the national table has anew. Its hops count if this sink was the one that applied it."""
        with self._lock:
            stored, at = self._processed.get(institution, (-1, -1))
            if not captured.timestamp() - 1 <= at / 1000 <= applied.timestamp() + 1:
                return
            del self._processed[institution]
            there = captured.timestamp() if stored < 0 else stored / 1000
            times = (changed.timestamp(), captured.timestamp(), there, at / 1000, applied.timestamp())
            # Clocks of several machines: no hop takes less than nothing.
            took = dict(zip(HOPS, (max(0.0, b - a) for a, b in pairwise(times)), strict=True))
            slot = self._slot(institution, int(applied.timestamp() * 1e6))
            slot.canaries += 1
            slot.hops = [sum_ + took[name] for name, sum_ in zip(_KEPT_AS, slot.hops, strict=True)]

    def store(self) -> None:
        """Add what was noted to the table.

        Raises:
            HemisError E501-E503: it is kept for the next call.
        """
        with self._lock:
            taken, self._slots = self._slots, {}
        if not taken:
            return
        try:
            with translated_database_errors(), self._engine.begin() as connection:
                # In one order, so that two sinks can't wait for each other.
                connection.execute(_ADD, [_row(at, taken[at]) for at in sorted(taken)])
        except BaseException:
            with self._lock:
                for (institution, began), slot in taken.items():
                    self._merge(self._slots.setdefault((institution, began), _Slot()), slot)
            raise

    def tidy(self, now: datetime) -> int:
        """Delete what is too old; how many rows."""
        with self._engine.begin() as connection:
            return connection.execute(
                sa.text("DELETE FROM arrival WHERE slot < :before"), {"before": now - KEPT}
            ).rowcount

    def _slot(self, institution: str, now: int) -> _Slot:
        began = now // 1_000_000 // SLOT_SECONDS * SLOT_SECONDS
        return self._slots.setdefault((institution, began), _Slot())

    @staticmethod
    def _merge(into: _Slot, slot: _Slot) -> None:
        into.changes += slot.changes
        into.canaries += slot.canaries
        into.delays = [a + b for a, b in zip(into.delays, slot.delays, strict=True)]
        into.hops = [a + b for a, b in zip(into.hops, slot.hops, strict=True)]
        into.newest = (into.newest + slot.newest)[:NEWEST]


def _newest(live: Live, now: int) -> dict[str, list[tuple[str, int, int]]]:
    """Each institution's newest records of a batch, newest first, with their times in ms."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    for key, changed_at in reversed(live[-LOOKED_AT:]):
        if CANARY in key:
            continue
        own = found.setdefault(_institution(key), [])
        if len(own) < NEWEST:
            own.append((key.decode(), changed_at // 1000, now // 1000))
    return found


def _institution(key: bytes) -> str:
    return key[: key.find(b"/")].decode()


def _row(at: tuple[str, int], slot: _Slot) -> dict[str, object]:
    return {
        "institution": at[0],
        "slot": datetime.fromtimestamp(at[1], UTC),
        "changes": slot.changes,
        "delays": slot.delays,
        "canaries": slot.canaries,
        "hops": slot.hops,
        "newest": json.dumps(slot.newest),
    }


def mean_hops(rows: Iterable[tuple[int, Sequence[float]]]) -> dict[str, float]:
    """The mean of each hop in seconds, out of slots' canaries and sums; empty if there were none."""
    canaries, sums = 0, dict.fromkeys(HOPS, 0.0)
    for count, hops in rows:
        canaries += count
        for name, seconds in zip(_KEPT_AS, hops, strict=False):
            sums[name] += seconds
    return {name: total / canaries for name, total in sums.items()} if canaries else {}
