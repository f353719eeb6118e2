"""The sink into PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from psycopg.pq.abc import PGconn

from schemas.codec import HEADER_SIZE
from schemas.errors import HemisError, Nature
from sinks.base import Applied, Capabilities, Fenced, Partition, Run
from sinks.model import Target
from sinks.postgresql import statements as sql
from sinks.postgresql.transcode import HEADER, TRAILER, UNREADABLE, Transcoder, transcoder
from sinks.postgresql.wire import DataRefused, Locked, run, translated_error
from sinks.rows import decoded, required_target
from sinks.writers import Writer, Writers

ANSWER_SECONDS = 60.0
"""A server that is silent for longer is taken for dead."""


class PostgresSink:
    """One connection of an SQLAlchemy engine; not for several threads. After an error it connects again at the next call."""

    capabilities = Capabilities(durable=True, concurrent=True, history=True)

    def __init__(self, engine: sa.Engine, writers: Writers, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._engine = engine
        self._writers = writers
        self._limit = answer_seconds
        self._connection: sa.Connection | None = None
        self._prepared: dict[Target, sql.Statements] = {}
        self._transcoders: dict[Writer, Transcoder] = {}

    def places(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        if not partitions:
            return {}
        found = self._stored(partitions)
        if missing := sorted(p for p in partitions if found.get(p[:2], ("", 0))[0] != p.topic_id):
            values = ", ".join(f"({_text(p.topic)}, {p.number}, {_text(p.topic_id)}, 0, 'epoch')" for p in missing)
            self._query(
                "INSERT INTO applied_offset AS a (topic, partition, topic_id, next_offset, applied_at) "
                f"VALUES {values} ON CONFLICT (topic, partition) DO UPDATE SET topic_id = excluded.topic_id, next_offset = 0, "
                "applied_at = now() WHERE a.topic_id <> excluded.topic_id"
            )
            found |= self._stored(missing)
        return {p: found[p[:2]][1] for p in partitions}

    def _stored(self, partitions: Sequence[Partition]) -> dict[tuple[str, int], tuple[str, int]]:
        """Topic id and place by topic and number."""
        (result,) = self._query(
            "SELECT topic, partition, topic_id, next_offset FROM applied_offset "
            f"WHERE (topic, partition) IN ({_listed(partitions)})"
        )
        rows = [[_cell(result, i, column) for column in range(4)] for i in range(result.ntuples)]
        return {(topic, int(number)): (topic_id, int(place)) for topic, number, topic_id, place in rows}

    def apply(self, runs: Sequence[Run]) -> Applied:
        try:
            plans, applied = self._staged(runs)
            return self._transaction(runs, plans, applied)
        except Locked:
            self._query(sql.END_FROZEN)
            raise
        except (DataRefused, HemisError, *UNREADABLE) as error:
            if isinstance(error, HemisError) and error.declared.nature is not Nature.DATA:
                raise
            decoded(self._writers, runs)
            # Every message decodes, so it is not their fault.
            raise HemisError("E502", f"a batch is refused: {error}") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._prepared.clear()

    # -- the batch ----------------------------------------------------------------------------------------------------

    def _staged(self, runs: Sequence[Run]) -> tuple[dict[Target, _Plan], Applied]:
        applied = Applied()
        plans: dict[Target, _Plan] = {}
        for one in runs:
            target = required_target(one.partition.topic)
            plan = plans.setdefault(target, _Plan())
            applied.read[target.name] = applied.read.get(target.name, 0) + len(one.messages)
            messages = _after_erasures(one.messages, plan.erase)
            plan.keys += [key for key, _ in messages]
            start = 0
            while start < len(messages):
                header = messages[start][1][:HEADER_SIZE]
                end = next(
                    (i for i in range(start, len(messages)) if not messages[i][1].startswith(header)), len(messages)
                )
                code = self._transcoder(one.partition.topic, header)
                if not plan.copies or plan.copies[-1][0] != code.columns:
                    plan.copies.append((code.columns, [HEADER]))
                code.rows(messages[start:end], plan.copies[-1][1].append, applied.live.append)
                start = end
        return plans, applied

    def _transcoder(self, topic: str, header: bytes) -> Transcoder:
        writer = self._writers.of(topic, header)
        found = self._transcoders.get(writer)
        if found is None:
            found = self._transcoders[writer] = transcoder(writer.target, writer.schema)
        return found

    def _transaction(self, runs: Sequence[Run], plans: dict[Target, _Plan], applied: Applied) -> Applied:
        for target in plans:
            self._prepare(target)
        # The fence comes first: whoever holds the partition's row is the only writer of its records until the commit.
        advances = [
            f"EXECUTE advance({_text(r.partition.topic)}, {r.partition.number}, {_text(r.partition.topic_id)}, {r.expected}, {r.next})"
            for r in sorted(runs, key=lambda r: r.partition)
        ]
        try:
            at = [sql.applied_at(runs[0].at, _listed([r.partition for r in runs]))] if runs[0].at else []
            fence = self._run("; ".join(["BEGIN", *at, *advances]))
            if any(result.command_tuples != 1 for result in fence[1:]):
                raise Fenced
            texts, copies, counts = [], [], []
            for target, plan in plans.items():
                texts += _erasures(target, plan.erase)
                if not plan.keys:
                    continue
                stage = self._prepared[target]
                for columns, parts in plan.copies:
                    parts.append(TRAILER)
                    copies.append(b"".join(parts))
                    names = ", ".join(f'"{name}"' for name in columns)
                    texts.append(f"COPY {stage.stage} ({names}) FROM STDIN (FORMAT binary)")
                alone = len(set(plan.keys)) == len(plan.keys)
                texts.append(stage.apply(alone=alone))
                counts += [target.name] * stage.answers[alone]
            results = self._run("; ".join([*texts, "COMMIT"]), copies)
        except BaseException:
            self._roll_back()
            raise
        tables = [result for result in results if result.nfields]
        for name, result in zip(counts, tables, strict=True):
            applied.applied[name] = applied.applied.get(name, 0) + int(_cell(result, 0, 0))
        return applied

    # -- the connection -----------------------------------------------------------------------------------------------

    def _prepare(self, target: Target) -> None:
        if self._connection is None:
            self._connect()
        if target not in self._prepared:
            made = sql.statements(target)
            self._query(made.prepare)
            self._prepared[target] = made

    def _connect(self) -> None:
        try:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except sa.exc.DBAPIError as error:
            raise _told(error.orig) from error
        self._connection = connection
        self._query(f"{sql.SESSION}; {sql.ADVANCE}")

    @property
    def _pgconn(self) -> PGconn:
        if self._connection is None:
            self._connect()
        assert self._connection is not None
        raw: Any = self._connection.connection.driver_connection
        return raw.pgconn  # type: ignore[no-any-return]

    def _query(self, text: str) -> list[Any]:
        try:
            return self._run(text)
        except DataRefused as error:
            raise HemisError("E502", str(error)) from error
        except BaseException:
            self._roll_back()
            raise

    def _run(self, text: str, copies: Sequence[bytes] = ()) -> list[Any]:
        try:
            return run(self._pgconn, text, copies, limit=self._limit)
        except HemisError as error:
            if error.code != "E502":
                raise
            # The schema was right at the start. So the database was replaced meanwhile, and may not be whole yet.
            raise HemisError("E504", error.detail) from error

    def _roll_back(self) -> None:
        """The transaction is gone, and so is a connection that can't say so."""
        try:
            if self._connection is not None:
                self._run("ROLLBACK")
        except (HemisError, DataRefused):
            self.close()


class _Plan:
    """One target's share of a batch: pieces of rows in order of arrival, each with its columns; all keys; whom to erase
    before."""

    def __init__(self) -> None:
        self.copies: list[tuple[tuple[str, ...], list[bytes]]] = []
        self.keys: list[bytes] = []
        self.erase: set[bytes] = set()


def _after_erasures(messages: Sequence[tuple[bytes, bytes | None]], erase: set[bytes]) -> list[tuple[bytes, bytes]]:
    """What is left of messages when erased records lose what came before their erasure."""
    last = {key: i for i, (key, value) in enumerate(messages) if value is None}
    erase.update(last)
    return [(key, value) for i, (key, value) in enumerate(messages) if value is not None and i > last.get(key, -1)]


def _erasures(target: Target, keys: set[bytes]) -> list[str]:
    if not keys:
        return []
    listed = ", ".join(_text(key.decode(errors="replace").replace("\0", "")) for key in sorted(keys))
    tables = [target.name] + ([target.history.name] if target.history is not None else [])
    if target.key == "person_key":
        tables.append("person_claim")
    return [f"DELETE FROM {name} WHERE {target.key} IN ({listed})" for name in tables]


def _listed(partitions: Sequence[Partition]) -> str:
    return ", ".join(f"({_text(p.topic)}, {p.number})" for p in partitions)


def _text(value: str) -> str:
    return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _cell(result: Any, row: int, column: int) -> str:
    value: bytes = result.get_value(row, column)
    return value.decode()


def _told(error: BaseException | None) -> BaseException:
    told = translated_error(error if error is not None else RuntimeError())
    return HemisError("E501", str(told)) if isinstance(told, DataRefused) else told
