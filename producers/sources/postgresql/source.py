"""The PostgreSQL source: publication, slot, stream. The slot is the lock: only one session can stream it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import psycopg
from psycopg import sql

from producers.sources.postgresql.failures import translated
from producers.sources.postgresql.pgoutput import Decoder
from producers.sources.postgresql.replication import Replication
from producers.sources.postgresql.session import connect
from producers.sources.postgresql.tables import PostgresReader
from producers.sources.source import Identity, Message
from schemas.errors import HemisError
from schemas.settings import Secret

TAKEN_SECONDS = 8.0
"""A killed agent's session holds the slot until the server notices; a second agent holds it for longer."""


def position_of(text: str) -> int:
    """`16/B374D848` -> number."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


class PostgresSource:
    """Implements `Source`. `slot` names slot and publication."""

    def __init__(self, dsn: Secret, slot: str) -> None:
        self._dsn = dsn
        self._slot = slot
        self._stream: Replication | None = None

    def open(
        self, wanted: Mapping[str, Sequence[str]], last: tuple[str, int, str] | None, renew: Callable[[], None]
    ) -> Identity:
        self.close()
        with connect(self._dsn) as connection:
            try:
                self._require_logical(connection)
                self._publish(connection, list(wanted))
                known = self._slot_state(connection)
            except psycopg.Error as error:
                raise translated(error) from error
            stream = Replication(self._dsn)
            try:
                answer = stream.ask("IDENTIFY_SYSTEM")
                system_id, timeline = str(answer[0]), int(answer[1] or 0)
                fresh = known is None or known[0] or last is None or last[:2] != (system_id, timeline)
                created = last[2] if last else ""
                if fresh:
                    renew()
                    created = self._make_slot(connection, stream, exists=known is not None)
                self._start(stream, Decoder(wanted))
                oldest = self._oldest(connection)
            except BaseException:
                stream.close()
                raise
        self._stream = stream
        return Identity(system_id, timeline, created, fresh, oldest)

    def _require_logical(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        if connection.execute("show wal_level").fetchone() != ("logical",):
            raise HemisError("E304")

    def _publish(self, connection: psycopg.Connection[tuple[object, ...]], tables: list[str]) -> None:
        """The publication comes before the slot, or the slot could never be read; it holds exactly our tables."""
        name = sql.Identifier(self._slot)
        listed = sql.SQL(", ").join(sql.Identifier(*table.split(".", 1)) for table in tables)
        rows = connection.execute(
            "select schemaname || '.' || tablename from pg_publication_tables where pubname = %s", [self._slot]
        ).fetchall()
        if {row[0] for row in rows} == set(tables):
            return
        exists = connection.execute("select 1 from pg_publication where pubname = %s", [self._slot]).fetchone()
        made = "create publication {} for table {} with (publish_via_partition_root = true)"
        verb = "alter publication {} set table {}" if exists else made
        connection.execute(sql.SQL(verb).format(name, listed))

    def _slot_state(self, connection: psycopg.Connection[tuple[object, ...]]) -> tuple[bool, bool] | None:
        """(lost, active) of the slot, or None."""
        row = connection.execute(
            "select coalesce(wal_status = 'lost', false) or database <> current_database(), active"
            " from pg_replication_slots where slot_name = %s",
            [self._slot],
        ).fetchone()
        return (bool(row[0]), bool(row[1])) if row else None

    def _make_slot(
        self, connection: psycopg.Connection[tuple[object, ...]], stream: Replication, *, exists: bool
    ) -> str:
        """A fresh slot; the log position of its making is part of the agent's identity."""
        if exists:
            self._insist(lambda: self._drop(connection))
        row = stream.ask(f'CREATE_REPLICATION_SLOT "{self._slot}" LOGICAL pgoutput NOEXPORT_SNAPSHOT')
        return str(row[1])

    def _drop(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        try:
            connection.execute("select pg_drop_replication_slot(%s)", [self._slot])
        except psycopg.Error as error:
            raise translated(error) from error

    def _oldest(self, connection: psycopg.Connection[tuple[object, ...]]) -> int:
        row = connection.execute(
            "select restart_lsn::text from pg_replication_slots where slot_name = %s", [self._slot]
        ).fetchone()
        if row is None or row[0] is None:
            raise HemisError("E306")
        return position_of(str(row[0]))

    def _start(self, stream: Replication, decoder: Decoder) -> None:
        self._insist(lambda: stream.start(self._slot, self._slot, decoder))

    def _insist(self, act: Callable[[], None]) -> None:
        """Try again while the slot is taken: the session of an agent that was killed ends within seconds."""
        end = time.monotonic() + TAKEN_SECONDS
        while True:
            try:
                act()
                return
            except HemisError as error:
                if error.code != "E305" or time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def reader(self) -> PostgresReader:
        """A connection for tables."""
        return PostgresReader(self._dsn)

    @property
    def stream(self) -> Replication:
        if self._stream is None:
            raise HemisError("E307")
        return self._stream

    def read(self, limit: int, wait: float) -> list[Message]:
        return self.stream.read(limit, wait)

    def confirm(self, position: int) -> None:
        self.stream.confirm(position)

    def breathe(self) -> None:
        self.stream.breathe()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
