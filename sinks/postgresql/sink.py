"""The sink into PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from psycopg.pq.abc import PGconn

from schemas.codec import HEADER_SIZE
from schemas.errors import HemisError, Nature
from sinks.base import Applied, Capabilities, Fenced, Partition, Run
from sinks.model import Target
from sinks.postgresql import statements as sql
from sinks.postgresql.transcode import HEADER, TRAILER, UNREADABLE, Transcoder, transcoder
from sinks.postgresql.wire import DataRefused, Exchange, Locked, translated_error
from sinks.rows import decoded, required_target
from sinks.writers import Writer, Writers

ANSWER_SECONDS = 60.0
"""A server that is silent for longer is taken for dead."""
PIECE_ROWS = 2_000
"""Rows that are sent at once: some tens of milliseconds, for the server as for us."""


class PostgresSink:
    """One connection of an SQLAlchemy engine; not for several threads. After an error it connects again at the next call."""

    capabilities = Capabilities(durable=True, concurrent=True, history=True)

    def __init__(
        self,
        engine: sa.Engine,
        writers: Writers,
        *,
        piece_rows: int = PIECE_ROWS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._engine = engine
        self._writers = writers
        self._piece_rows = piece_rows
        self._limit = answer_seconds
        self._connection: sa.Connection | None = None
        self._exchange: Exchange | None = None
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
            return self._transaction(runs)
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

    def _transaction(self, runs: Sequence[Run]) -> Applied:
        """In pieces: while the server applies one, the next is transcoded."""
        pieces = _pieces(runs, self._piece_rows)
        for target in {piece.target for piece in pieces}:
            self._prepare(target)
        applied = Applied()
        for one in runs:
            name = required_target(one.partition.topic).name
            applied.read[name] = applied.read.get(name, 0) + len(one.messages)
        try:
            self._send(_fence(runs))
            under_way: Target | None = None
            for piece in pieces:
                text, copies = self._staged(piece, applied)
                self._settle(under_way, applied)
                self._send(text, copies)
                under_way = piece.target
            self._settle(under_way, applied)
        except BaseException:
            self._roll_back()
            raise
        return applied

    def _staged(self, piece: _Piece, applied: Applied) -> tuple[str, list[bytes]]:
        """The statements of a piece, and the data of the COPYs among them."""
        copies: list[tuple[tuple[str, ...], list[bytes]]] = []
        keys: list[bytes] = []
        for topic, messages in piece.runs:
            keys += [key for key, _ in messages]
            start = 0
            while start < len(messages):
                header = messages[start][1][:HEADER_SIZE]
                end = next(
                    (i for i in range(start, len(messages)) if not messages[i][1].startswith(header)), len(messages)
                )
                code = self._transcoder(topic, header)
                if not copies or copies[-1][0] != code.columns:
                    copies.append((code.columns, [HEADER]))
                code.rows(messages[start:end], copies[-1][1].append, applied.live.append)
                start = end
        prepared = self._prepared[piece.target]
        texts = [f"DELETE FROM {prepared.stage}"] if piece.again else []
        texts += _erasures(piece.target, piece.erase)
        for columns, parts in copies:
            parts.append(TRAILER)
            names = ", ".join(f'"{name}"' for name in columns)
            texts.append(f"COPY {prepared.stage} ({names}) FROM STDIN (FORMAT binary)")
        if keys:
            texts.append(prepared.apply(alone=len(set(keys)) == len(keys)))
        if piece.last:
            texts.append("COMMIT")
        return "; ".join(texts), [b"".join(parts) for _, parts in copies]

    def _settle(self, under_way: Target | None, applied: Applied) -> None:
        """Wait for what the server works on: a target's piece, or the fence."""
        results = self._answers()
        if under_way is None:
            if any(result.command_tuples != 1 for result in results[1:]):
                raise Fenced
            return
        for result in results:
            if result.nfields:
                count = applied.applied.get(under_way.name, 0) + int(_cell(result, 0, 0))
                applied.applied[under_way.name] = count

    def _transcoder(self, topic: str, header: bytes) -> Transcoder:
        writer = self._writers.of(topic, header)
        found = self._transcoders.get(writer)
        if found is None:
            found = self._transcoders[writer] = transcoder(writer.target, writer.schema)
        return found

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

    def _run(self, text: str) -> list[Any]:
        self._send(text)
        return self._answers()

    def _send(self, text: str, copies: Sequence[bytes] = ()) -> None:
        self._exchange = Exchange(self._pgconn, text, copies, limit=self._limit)

    def _answers(self) -> list[Any]:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        try:
            return exchange.results()
        except HemisError as error:
            if error.code != "E502":
                raise
            # The schema was right at the start. So the database was replaced meanwhile, and may not be whole yet.
            raise HemisError("E504", error.detail) from error

    def _roll_back(self) -> None:
        """The transaction is gone, and so is a connection that can't say so."""
        try:
            if self._exchange is not None:
                with suppress(DataRefused):
                    self._answers()
            if self._connection is not None:
                self._run("ROLLBACK")
        except (HemisError, DataRefused):
            self.close()


class _Piece:
    """Rows of one target that are applied together. `again`: the target had a piece before. `erase`: whom to erase before."""

    def __init__(self, target: Target, room: int, *, again: bool = False) -> None:
        self.target = target
        self.room = room
        self.again = again
        self.last = False
        self.erase: set[bytes] = set()
        self.runs: list[tuple[str, list[tuple[bytes, bytes]]]] = []

    def take(self, topic: str, messages: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """As many as there is room for, in order; what is left of them."""
        taken = messages[: self.room]
        self.runs.append((topic, taken))
        self.room -= len(taken)
        return messages[len(taken) :]


def _pieces(runs: Sequence[Run], rows: int) -> list[_Piece]:
    by_target: dict[Target, list[Run]] = {}
    for one in runs:
        by_target.setdefault(required_target(one.partition.topic), []).append(one)
    pieces: list[_Piece] = []
    for target, its in by_target.items():
        pieces.append(_Piece(target, rows))
        for one in its:
            left = pieces[-1].take(one.partition.topic, _after_erasures(one.messages, pieces[-1].erase))
            while left:
                pieces.append(_Piece(target, rows, again=True))
                left = pieces[-1].take(one.partition.topic, left)
    pieces[-1].last = True
    return pieces


def _fence(runs: Sequence[Run]) -> str:
    """Whoever holds the partitions' rows is the only writer of their records until the commit (P1, P4)."""
    advances = [
        f"EXECUTE advance({_text(r.partition.topic)}, {r.partition.number}, {_text(r.partition.topic_id)}, {r.expected}, {r.next})"
        for r in sorted(runs, key=lambda r: r.partition)
    ]
    at = [sql.applied_at(runs[0].at, _listed([r.partition for r in runs]))] if runs[0].at else []
    return "; ".join(["BEGIN", *at, *advances])


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
