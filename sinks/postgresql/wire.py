"""A batch over libpq: several statements and the COPY data between them in as few round trips as the protocol allows.

psycopg's pipeline mode can't COPY; one query text can: its statements run one after the other, and where it says COPY the
server takes data in between.
"""

from __future__ import annotations

import select
import time
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


def run(connection: PGconn, text: str, copies: Sequence[bytes] = (), *, limit: float) -> list[PGresult]:
    """The results of all statements, in order. `copies`: the data of each COPY in the text. `limit`: seconds for the whole.

    Raises:
        HemisError E501-E503, DataRefused: the transaction is to be rolled back.
    """
    deadline = time.monotonic() + limit
    try:
        connection.send_query(text.encode())
        data = iter(copies)
        results: list[PGresult] = []
        failure: HemisError | DataRefused | None = None
        while (result := _next(connection, deadline)) is not None:
            match result.status:
                case ExecStatus.COPY_IN:
                    connection.put_copy_data(next(data))
                    connection.put_copy_end()
                case ExecStatus.COMMAND_OK | ExecStatus.TUPLES_OK:
                    results.append(result)
                case _:
                    state = result.error_field(DiagnosticField.SQLSTATE)
                    failure = failure or translated(state.decode() if state else None)
                    if connection.status == ConnStatus.BAD:
                        break
    except psycopg.Error as error:
        raise translated_error(error) from error
    if failure is not None:
        raise failure
    return results


def _next(connection: PGconn, deadline: float) -> PGresult | None:
    poller = select.poll()
    fd = connection.socket
    while True:
        more = connection.flush()
        if not more and not connection.is_busy():
            return connection.get_result()
        left = deadline - time.monotonic()
        if left <= 0:
            raise HemisError("E501", "no answer in time")
        poller.register(fd, select.POLLIN | (select.POLLOUT if more else 0))
        if any(event & ~select.POLLOUT for _, event in poller.poll(left * 1000)):
            connection.consume_input()
