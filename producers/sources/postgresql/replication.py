"""A replication connection: COPY_BOTH through libpq, keepalives and status updates included."""

from __future__ import annotations

import select
import time
from struct import Struct

import psycopg
from psycopg import pq

from producers.sources.postgresql.failures import by_state, refused
from producers.sources.postgresql.pgoutput import PAD, Decoder
from producers.sources.postgresql.session import conninfo
from producers.sources.source import Message, Passed
from schemas.errors import HemisError
from schemas.settings import Secret

STATUS_SECONDS = 5.0
LINGER_SECONDS = 0.001
BATCH_BYTES = 4 << 20
"""Log read at once, about: a batch of long rows would fill the memory before the producer's buffer can push back (P5)."""
_STATUS = Struct(">cQQQQB").pack
_U64 = Struct(">Q").unpack_from
_PG_EPOCH = 946_684_800.0


class Replication:
    """One logical replication session. Raises E307 when the connection breaks."""

    def __init__(self, dsn: Secret) -> None:
        info = conninfo(dsn, replication="database")
        self._pg = pq.PGconn.connect(info.encode())
        if self._pg.status != pq.ConnStatus.OK:
            used = self._pg.used_password
            self._pg.finish()
            raise refused(used)
        self._position = 0
        self._said = 0.0
        self._woken = 0.0
        self._decoder: Decoder | None = None

    def ask(self, command: str) -> list[str | None]:
        """The first row of a replication command.

        Raises:
            HemisError: by SQLSTATE.
        """
        result = self._pg.exec_(command.encode())
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise self._failure(result)
        if not result.ntuples:
            return []
        values = (result.get_value(0, i) for i in range(result.nfields))
        return [value.decode() if value is not None else None for value in values]

    def _failure(self, result: pq.abc.PGresult | None) -> HemisError:
        state = result.error_field(pq.DiagnosticField.SQLSTATE) if result else None
        name = state.decode() if state else None
        return by_state(name) or HemisError("E307", sqlstate=name)

    def start(self, slot: str, publication: str, decoder: Decoder) -> None:
        """Begin to stream from where the slot was confirmed.

        Raises:
            HemisError: E305 the slot is taken; E306 it is gone or lost.
        """
        options = f"proto_version '1', publication_names '\"{publication}\"', messages 'true'"
        result = self._pg.exec_(f'START_REPLICATION SLOT "{slot}" LOGICAL 0/0 ({options})'.encode())
        if result.status != pq.ExecStatus.COPY_BOTH:
            state = result.error_field(pq.DiagnosticField.SQLSTATE)
            # "can no longer get changes": the server removed log that the slot needed.
            raise HemisError("E306") if state == b"55000" else self._failure(result)
        self._pg.nonblocking = 1
        self._decoder = decoder

    def read(self, limit: int, wait: float) -> list[Message]:
        """See `Source.read`."""
        try:
            return self._read(limit, wait)
        except psycopg.Error as error:  # of libpq, without a code
            raise HemisError("E307") from error

    def _read(self, limit: int, wait: float) -> list[Message]:
        out: list[Message] = []
        add = out.append
        pg = self._pg
        get = pg.get_copy_data
        assert self._decoder is not None
        decode = self._decoder.decode
        join = b"".join
        waited = False
        size = 0
        while len(out) < limit and size < BATCH_BYTES:
            n, data = get(1)
            if n > 0:
                size += n
                if data[0] == 119:  # w
                    message = decode(join((data, PAD)))
                    if message is not None:
                        add(message)
                else:  # k: all that is older has been sent; the last byte asks for an answer
                    if data[17]:
                        self.say(self._position)
                    add(Passed(_U64(data, 1)[0]))
            elif n == 0:
                if not select.select((pg.socket,), (), (), 0)[0]:
                    if out or waited or not select.select((pg.socket,), (), (), wait)[0]:
                        break
                    waited = True
                    now = time.monotonic()
                    if now - self._woken < 4 * LINGER_SECONDS:
                        # A steady stream of small transactions: let some gather, one wake-up each costs more than they do.
                        time.sleep(LINGER_SECONDS)
                    self._woken = now
                pg.consume_input()
            else:
                raise self._failure(pg.get_result())
        if time.monotonic() - self._said > STATUS_SECONDS:
            self.say(self._position)
        return out

    def confirm(self, position: int) -> None:
        if position > self._position:
            self._position = position
            self.say(position)

    def breathe(self) -> None:
        if time.monotonic() - self._said > STATUS_SECONDS:
            self.say(self._position)

    def say(self, position: int) -> None:
        """Send a status update. Zero confirms nothing."""
        self._said = time.monotonic()
        clock = int((time.time() - _PG_EPOCH) * 1e6)
        try:
            self._pg.put_copy_data(_STATUS(b"r", position, position, position, clock, 0))
            self._pg.flush()
        except psycopg.Error as error:
            raise HemisError("E307") from error

    def close(self) -> None:
        self._pg.finish()
