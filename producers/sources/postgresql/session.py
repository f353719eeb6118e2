"""Ordinary connections to the source, with the settings under which PostgreSQL prints the same text everywhere."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo

from producers.sources.postgresql.failures import refused
from schemas.errors import HemisError
from schemas.settings import Secret

PRINTING = {
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmlbinary": "base64",
    "lc_monetary": "C",
}
"""The stream and the tables must print a value alike, or each reload would look like a change of every row."""


def conninfo(dsn: Secret, **more: str | int) -> str:
    """The connection string with our settings; what the DSN says itself wins, except for how values are printed."""
    options = " ".join(f"-c {name}={value}" for name, value in PRINTING.items())
    fixed: dict[str, str | int] = {"client_encoding": "UTF8", "application_name": "hemis-agent", "connect_timeout": 5}
    fixed |= {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
    return make_conninfo(dsn.reveal(), **(fixed | {"options": options} | more))


def connect(dsn: Secret) -> psycopg.Connection[tuple[object, ...]]:
    """A connection in autocommit mode.

    Raises:
        HemisError: E301 transient; E302.
    """
    try:
        return psycopg.connect(conninfo(dsn), autocommit=True)
    except psycopg.OperationalError as error:
        raise refused(bool(error.pgconn and error.pgconn.used_password)) from None
    except psycopg.ProgrammingError:
        raise HemisError("E201", "source_dsn is no libpq connection string") from None
