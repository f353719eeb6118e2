"""The ordinary path, in SQLAlchemy Core alone: any database that has an upsert, here SQLite and PostgreSQL.

A tenth of the fast path's speed; the same semantics, held to by one conformance suite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from schemas.errors import HemisError
from sinks.base import Applied, Capabilities, Fenced, Partition, Run
from sinks.database import translated_database_errors
from sinks.model import APPLIED_OFFSET, GOLDEN, LEDGER, PERSON_CLAIM, Target
from sinks.rows import Row, decoded, required_target, version_of
from sinks.writers import Writers

_INSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_EPOCH = datetime.fromtimestamp(0, UTC)
"""Of a partition that has brought nothing yet."""
_CHUNK = 500
"""Keys per look-up: SQLite limits the parameters of a statement."""


class OrdinarySink:
    """Writes through an SQLAlchemy engine whose dialect is in `_INSERTS`."""

    def __init__(self, engine: sa.Engine, writers: Writers) -> None:
        if engine.dialect.name not in _INSERTS:
            raise HemisError("E201", f"no upsert for {engine.dialect.name}")
        self._engine = engine
        self._insert = _INSERTS[engine.dialect.name]
        self._writers = writers
        self.capabilities = Capabilities(durable=True, concurrent=engine.dialect.name == "postgresql", history=True)

    def places(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        o = APPLIED_OFFSET.c
        with translated_database_errors(), self._engine.begin() as connection:
            known = {(r.topic, r.partition, r.topic_id) for r in connection.execute(sa.select(APPLIED_OFFSET))}
            for p in sorted(p for p in partitions if (p.topic, p.number, p.topic_id) not in known):
                insert = self._insert(APPLIED_OFFSET).values(
                    topic=p.topic, partition=p.number, topic_id=p.topic_id, next_offset=0, applied_at=_EPOCH
                )
                connection.execute(
                    insert.on_conflict_do_update(
                        index_elements=[o.topic, o.partition],
                        set_={"topic_id": p.topic_id, "next_offset": 0, "applied_at": _now()},
                        where=o.topic_id != p.topic_id,
                    )
                )
            found = {(r.topic, r.partition): r.next_offset for r in connection.execute(sa.select(APPLIED_OFFSET))}
        return {p: found[p.topic, p.number] for p in partitions}

    def apply(self, runs: Sequence[Run]) -> Applied:
        batch = decoded(self._writers, runs)
        out = Applied()
        with translated_database_errors(), self._engine.begin() as connection:
            now = self._time(connection, runs)
            for run in sorted(runs, key=lambda r: r.partition):
                self._advance(connection, run, now)
            for run, rows in zip(runs, batch, strict=True):
                target = required_target(run.partition.topic)
                out.read[target.name] = out.read.get(target.name, 0) + len(rows)
                done = self._rows(connection, target, rows, now)
                out.applied[target.name] = out.applied.get(target.name, 0) + done
                out.live += [
                    (row[target.key].encode(), round(row["changed_at"].timestamp() * 1_000_000))
                    for row in rows
                    if isinstance(row, dict) and row.get("snapshot") is False
                ]
        return out

    def close(self) -> None:
        """The engine belongs to the caller."""

    def _time(self, connection: sa.Connection, runs: Sequence[Run]) -> datetime:
        """When the runs count as applied: not before what their partitions brought last."""
        at = runs[0].at if runs else None
        if at is None:
            return _now()
        o = APPLIED_OFFSET.c
        wanted = sa.tuple_(o.topic, o.partition).in_([run.partition[:2] for run in runs])
        return max([at, *(_zoned(one) for one in connection.execute(sa.select(o.applied_at).where(wanted)).scalars())])

    def _advance(self, connection: sa.Connection, run: Run, now: datetime) -> None:
        o, p = APPLIED_OFFSET.c, run.partition
        moved = connection.execute(
            sa.update(APPLIED_OFFSET)
            .where(
                o.topic == p.topic,
                o.partition == p.number,
                o.topic_id == p.topic_id,
                o.next_offset == run.expected,
            )
            .values(next_offset=run.next, applied_at=now)
        )
        if moved.rowcount != 1:
            raise Fenced

    def _rows(self, connection: sa.Connection, target: Target, rows: Sequence[Row | bytes], now: datetime) -> int:
        for row in rows:
            if isinstance(row, bytes):
                self._erase(connection, target, row.decode())
        gone = {row: i for i, row in enumerate(rows) if isinstance(row, bytes)}
        left = [r for i, r in enumerate(rows) if isinstance(r, dict) and i > gone.get(r[target.key].encode(), -1)]
        by_key: dict[str, list[Row]] = {}
        for row in left:
            by_key.setdefault(row[target.key], []).append({**row, "applied_at": now})
        current = self._current(connection, target, by_key)
        replaced: list[Row] = []
        passing: list[Row] = []
        newest: list[Row] = []
        for key, arrived in by_key.items():
            old = current.get(key)
            newer = [old] if old else []
            for row in arrived:
                if not newer or version_of(target, row) > version_of(target, newer[-1]):
                    newer.append(row)
            if newer[-1] is old:
                continue
            replaced += [{**row, "replaced_at": now} for row in newer[:-1]]
            newest.append(newer[-1])
            if target.history is not None:
                passing += newer[1 if old else 0 : -1]
        if replaced and target.history is not None:
            connection.execute(sa.insert(target.history), replaced)
        if newest:
            self._upsert(connection, target, newest)
            self._follow(connection, target, [*passing, *newest], current)
        return len(passing) + len(newest)

    def _current(self, connection: sa.Connection, target: Target, keys: Iterable[str]) -> dict[str, Row]:
        listed = list(keys)
        found: dict[str, Row] = {}
        for start in range(0, len(listed), _CHUNK):
            query = sa.select(target.table).where(target.table.c[target.key].in_(listed[start : start + _CHUNK]))
            for row in connection.execute(query).mappings():
                found[row[target.key]] = dict(row)
        return found

    def _upsert(self, connection: sa.Connection, target: Target, rows: list[Row]) -> None:
        insert = self._insert(target.table)
        given = insert.excluded
        new = sa.tuple_(*(given[name] for name in target.version))
        old = sa.tuple_(*(target.table.c[name] for name in target.version))
        sets = {c.name: given[c.name] for c in target.table.columns if c.name != target.key}
        connection.execute(
            insert.on_conflict_do_update(index_elements=[target.table.c[target.key]], set_=sets, where=new > old), rows
        )

    def _follow(self, connection: sa.Connection, target: Target, rows: list[Row], current: dict[str, Row]) -> None:
        """What derives from applied rows: a person's claims, an institution's count."""
        if target is GOLDEN:
            claims = PERSON_CLAIM.c
            for row in rows:
                old = current.get(row["person_key"], {"claims": []})
                for record in set(old["claims"]) - set(row["claims"]):
                    connection.execute(
                        sa.delete(PERSON_CLAIM).where(
                            claims.record_key == record, claims.person_key == row["person_key"]
                        )
                    )
                for record in row["claims"]:
                    connection.execute(
                        self._insert(PERSON_CLAIM)
                        .values(record_key=record, person_key=row["person_key"])
                        .on_conflict_do_nothing()
                    )
            return
        counts: dict[str, int] = {}
        for row in rows:
            counts[row["institution"]] = counts.get(row["institution"], 0) + 1
        for institution, count in sorted(counts.items()):
            insert = self._insert(LEDGER).values(
                institution=institution, target=target.name, applied=count, applied_at=_now()
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[LEDGER.c.institution, LEDGER.c.target],
                    set_={"applied": LEDGER.c.applied + count, "applied_at": _now()},
                )
            )

    def _erase(self, connection: sa.Connection, target: Target, key: str) -> None:
        for table in (target.table, target.history):
            if table is not None:
                connection.execute(sa.delete(table).where(table.c[target.key] == key))
        if target is GOLDEN:
            connection.execute(sa.delete(PERSON_CLAIM).where(PERSON_CLAIM.c.person_key == key))


def _now() -> datetime:
    return datetime.now(UTC)


def _zoned(time: datetime) -> datetime:
    """SQLite gives times back without their zone, which was UTC."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
