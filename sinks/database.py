"""The national database: its engine, and its errors in the catalogue's terms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from schemas.errors import HemisError
from schemas.settings import NationalSettings
from sinks.postgresql.wire import DataRefused, translated_error

CONNECT_SECONDS = 5


def engine(url: str, **pool: Any) -> sa.Engine:
    """An engine for an SQLAlchemy URL. `pool`: settings of its pool of connections.

    Raises:
        HemisError E201: not a URL.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        # The library's text would quote the URL, password included.
        raise HemisError("E201", "national_dsn is not an SQLAlchemy URL") from error.with_traceback(None)
    if parsed.get_backend_name() == "sqlite":
        return sa.create_engine(parsed)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return sa.create_engine(
        parsed,
        connect_args={"connect_timeout": CONNECT_SECONDS, "keepalives_idle": 10, "keepalives_interval": 5},
        # Parameters are personal data, and errors end up in logs (P8).
        hide_parameters=True,
        **pool,
    )


def national_engine(settings: NationalSettings, **pool: Any) -> sa.Engine:
    return engine(settings.national_dsn.reveal(), **pool)


@contextmanager
def translated_database_errors() -> Iterator[None]:
    """SQLAlchemy's errors leave as HemisError E501-E503."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        origin = error.orig if isinstance(error, sa.exc.DBAPIError) else None
        told = translated_error(origin or error)
        if isinstance(told, DataRefused):
            told = HemisError("E502", f"SQLSTATE {told}")
        raise told from None
