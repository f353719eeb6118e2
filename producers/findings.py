"""The institution's findings at the university: a small SQLite file that the agent writes and `hemis agent findings` reads.

The findings topic is compacted and holds every finding, so the file can be made anew at any time: at each start the topic is
read from its beginning, and what it no longer holds is taken away.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from schemas.codec import HEADER_SIZE, codec
from schemas.errors import DecodeError, HemisError
from schemas.findings import ACTIVE, Finding, finding_of

FILE = "findings.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS finding (
  finding_id TEXT PRIMARY KEY, rule TEXT NOT NULL, entity TEXT NOT NULL, status TEXT NOT NULL,
  generation INTEGER NOT NULL, place INTEGER NOT NULL, orders_place INTEGER NOT NULL,
  pass INTEGER NOT NULL, received_at REAL NOT NULL, record TEXT NOT NULL
) WITHOUT ROWID
"""
_NEWER = "(excluded.generation, excluded.place, excluded.orders_place) >= (generation, place, orders_place)"
_PUT = f"""
INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (finding_id) DO UPDATE SET
  received_at = CASE WHEN {_NEWER} AND excluded.record <> record THEN excluded.received_at ELSE received_at END,
  status = CASE WHEN {_NEWER} THEN excluded.status ELSE status END,
  record = CASE WHEN {_NEWER} THEN excluded.record ELSE record END,
  generation = CASE WHEN {_NEWER} THEN excluded.generation ELSE generation END,
  place = CASE WHEN {_NEWER} THEN excluded.place ELSE place END,
  orders_place = CASE WHEN {_NEWER} THEN excluded.orders_place ELSE orders_place END,
  pass = excluded.pass
"""


class FindingStore:
    """The writer's side; for one thread. `open` counts what somebody has to work on, `opened` and `closed` what this object
    saw of it coming and going."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.open = self.opened = self.closed = 0
        self._connection = sqlite3.connect(folder / FILE, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")  # what a power loss takes is read again
        self._connection.execute(_TABLE)
        (last,) = self._connection.execute("SELECT coalesce(max(pass), 0) FROM finding").fetchone()
        self._pass = last + 1
        self._count()

    def take(self, values: Iterable[bytes]) -> None:
        """Keep findings as they came from the topic, in order; what can't be read concerns no agent."""
        rows = [row for value in values if (row := self._row(value)) is not None]
        with self._connection:
            self._connection.execute("BEGIN")
            for row in rows:
                before = self._active(row[0])
                self._connection.execute(_PUT, row)
                now = self._active(row[0])
                self.opened += now > before
                self.closed += now < before
        self._count()

    def _active(self, finding_id: str) -> bool:
        row = self._connection.execute("SELECT status FROM finding WHERE finding_id = ?", [finding_id]).fetchone()
        return row is not None and row[0] in ACTIVE

    def whole(self) -> None:
        """The topic was read from its beginning to its end: forget what it does not hold."""
        self._connection.execute("DELETE FROM finding WHERE pass < ?", [self._pass])
        self._count()

    def close(self) -> None:
        self._connection.close()

    def _row(self, value: bytes) -> tuple[Any, ...] | None:
        try:
            record, _ = codec("vn.hemis.Finding").decode(value, HEADER_SIZE)
        except DecodeError:
            return None
        found = finding_of(record)
        version = (record["generation"], record["place"], record["orders_place"])
        text = json.dumps(record, ensure_ascii=False)
        return (found.finding_id, found.rule, found.entity, found.status, *version, self._pass, time.time(), text)

    def _count(self) -> None:
        marks = ", ".join("?" * len(ACTIVE))
        (self.open,) = self._connection.execute(
            f"SELECT count(*) FROM finding WHERE status IN ({marks})", ACTIVE
        ).fetchone()


def findings(folder: Path, *, rule: str = "", entity: str = "", statuses: Sequence[str] = ACTIVE) -> list[Finding]:
    """The stored findings, the newest first.

    Raises:
        HemisError E849: the agent has stored none yet.
    """
    file = folder / FILE
    conditions = [f"status IN ({', '.join('?' * len(statuses))})"]
    values: list[Any] = list(statuses)
    for name, wanted in (("rule", rule), ("entity", entity)):
        if wanted:
            conditions.append(f"{name} = ?")
            values.append(wanted)
    try:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    except sqlite3.OperationalError as error:
        raise HemisError("E849", file=file) from error
    try:
        rows = connection.execute(f"SELECT record FROM finding WHERE {' AND '.join(conditions)}", values).fetchall()
    except sqlite3.OperationalError as error:
        raise HemisError("E849", file=file) from error
    finally:
        connection.close()
    found = [finding_of(json.loads(text)) for (text,) in rows]
    return sorted(found, key=lambda finding: (finding.at, finding.finding_id), reverse=True)
