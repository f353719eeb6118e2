"""The agent's own records: the canary and the manifest. They travel as the university's records do, so that what arrives of
them nationally tells what would arrive of those.

A canary's version is the position of the message by which it began in the source's log; a manifest's a position from before
its count. Both only grow, as the version rule wants it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

from producers.mapping.compile import Event
from schemas import envelope
from schemas.avro_schema import OPERATIONAL, change_subject, record_name, subject
from schemas.codec import codec
from schemas.envelope import UPDATE
from schemas.keys import record_key

SOURCE_TABLE = "hemis"
"""In the envelope where a table's name stands else: no table, so no sweep takes these records away."""
SUBJECTS = tuple(map(change_subject, OPERATIONAL))


class Operational:
    """One instance's own records. `canary_seconds`: how often a canary is sent."""

    def __init__(self, institution: str, instance: str, schema_ids: Mapping[str, int], canary_seconds: float) -> None:
        self._institution = institution
        self._instance = instance
        self._ids = {name: schema_ids[change_subject(name)] for name in OPERATIONAL}
        self._canary = {"interval_seconds": max(1, round(canary_seconds)), "agent": version("hemis-bus")}

    def canary(self, position: int, at: int) -> Event:
        """The heartbeat that the log carries at `position`, written at `at` (µs UTC)."""
        return self._event("canary", "agent", position, at, self._canary | {"sent_at": _text(at)}, snapshot=False)

    def manifest(self, entity: str, expected: int, position: int) -> Event:
        """A count of the records of an entity, whose beginning was at `position` or later."""
        now = time.time_ns() // 1000
        values = {"entity": entity, "expected": expected, "counted_at": _text(now)}
        return self._event("manifest", entity, position, now, values, snapshot=True)

    def _event(
        self, name: str, part: str, position: int, at: int, values: Mapping[str, object], *, snapshot: bool
    ) -> Event:
        key = record_key(self._institution, name, (part,))
        prefix = envelope.write(
            self._ids[name],
            operation=UPDATE,
            snapshot=snapshot,
            version=position,
            changed_at=at,
            captured_at=time.time_ns() // 1000,
            instance=self._instance,
            source_table=SOURCE_TABLE,
            record_key=key,
        )
        return key.encode(), prefix + codec(subject(record_name(name))).encode(values)


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat()
