"""Over libpq: several statements and the COPY data between them in one round trip, and time for something else until its end.

psycopg's pipeline mode can't COPY; one query text can: its statements run one after the other, and where it says COPY the
server takes data in between.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Sequence

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from schemas.errors import HemisError

_DATA_CLASSES = ("21", "22", "23")
_SCHEMA = {"42P01", "42703", "42883", "42804", "3F000"}
_RIGHTS = {"42501"}
_LOCK = "55P03"


class DataRefused(Exception):
    """The server refused a value. Nothing was applied."""


class Locked(HemisError):
    """Somebody holds a row for too long; transient."""

    def __init__(self) -> None:
        super().__init__("E501", "another sink holds the partition")


def translated(sqlstate: str | None) -> HemisError | DataRefused:
    """What an SQLSTATE means for the sink; unknown ones are worth another try."""
    state = sqlstate or ""
    if state[:2] in _DATA_CLASSES:
        return DataRefused(state)
    if state == _LOCK:
        return Locked()
    if state in _SCHEMA:
        return HemisError("E502", f"SQLSTATE {state}")
    if state in _RIGHTS or state.startswith("28"):
        return HemisError("E503", f"SQLSTATE {state}")
    return HemisError("E501", f"SQLSTATE {state}" if state else "the connection broke")


def translated_error(error: BaseException) -> HemisError | DataRefused:
    """A psycopg error; one from a failed login has no SQLSTATE, but the connection tells whether a password was used."""
    if isinstance(error, psycopg.Error):
        if error.sqlstate:
            return translated(error.sqlstate)
        failed = error.pgconn
        if failed is not None and failed.status == ConnStatus.BAD and failed.used_password:
            return HemisError("E503", "the login failed")
    return HemisError("E501", type(error).__name__)


class Exchange:
    """Statements and the data of their COPYs, sent; the server works on them until somebody asks for the answers.

    `limit`: seconds for the whole.

    Raises:
        HemisError E501: the connection broke, or the server takes no data; the transaction is gone.
    """

    def __init__(self, connection: PGconn, text: str, copies: Sequence[bytes] = (), *, limit: float) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + limit
        self._copies = deque(copies)
        self._results: list[PGresult] = []
        self._failure: HemisError | DataRefused | None = None
        try:
            connection.send_query(text.encode())
            while self._copies and self._advance():
                pass
            while connection.flush():
                self._wait(select.POLLOUT)
        except psycopg.Error as error:
            raise translated_error(error) from error

    def results(self) -> list[PGresult]:
        """Of all statements, in order.

        Raises:
            HemisError E501-E503, DataRefused: the transaction is to be rolled back.
        """
        try:
            while self._advance():
                pass
        except psycopg.Error as error:
            raise translated_error(error) from error
        if self._failure is not None:
            raise self._failure
        return self._results

    def _advance(self) -> bool:
        """Take the next answer; is there more to come?"""
        while (more := self._connection.flush()) or self._connection.is_busy():
            self._wait(select.POLLOUT if more else 0)
        result = self._connection.get_result()
        if result is None:
            return False
        match result.status:
            case ExecStatus.COPY_IN:
                self._connection.put_copy_data(self._copies.popleft())
                self._connection.put_copy_end()
            case ExecStatus.COMMAND_OK | ExecStatus.TUPLES_OK | ExecStatus.EMPTY_QUERY:
                self._results.append(result)
            case _:
                state = result.error_field(DiagnosticField.SQLSTATE)
                self._failure = self._failure or translated(state.decode() if state else None)
                return self._connection.status != ConnStatus.BAD
        return True

    def _wait(self, event: int) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise HemisError("E501", "no answer in time")
        poller = select.poll()
        poller.register(self._connection.socket, select.POLLIN | event)
        if any(found & ~select.POLLOUT for _, found in poller.poll(left * 1000)):
            self._connection.consume_input()
