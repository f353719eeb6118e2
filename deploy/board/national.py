"""The national database as a viewer's role sees it, for reading only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from deploy.board.access import Role, Viewer
from schemas.errors import HemisError
from schemas.settings import NationalSettings
from sinks.database import CONNECT_SECONDS, national_engine, translated_database_errors

CONNECTIONS = 8
STATEMENT_MS = 5_000
GLANCE = Viewer("board", Role.READER)
"""What the country page needs is shown to readers too."""


class National:
    """Connections of the board's login. Each transaction takes on one role, and finds that role's views alone."""

    def __init__(self, settings: NationalSettings) -> None:
        self._engine = national_engine(
            settings, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=CONNECT_SECONDS, pool_pre_ping=True
        )

    @contextmanager
    def read(self, viewer: Viewer) -> Iterator[sa.Connection]:
        """A read-only transaction as the viewer's role.

        Raises:
            HemisError E908: the login may not take on the role. E501-E503.
        """
        with self._as(viewer) as connection:
            connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            yield connection

    def audited(self, viewer: Viewer, action: str, subject: str) -> None:
        """Write who saw what. It stands before it is shown, whatever happens to the showing.

        Raises:
            HemisError E501-E503, E908.
        """
        said = {"actor": f"{viewer.role}:{viewer.actor}", "action": action, "subject": subject}
        with self._as(viewer) as connection:
            connection.execute(sa.text(f"SELECT {viewer.schema}.audited(:actor, :action, :subject)"), said)

    @contextmanager
    def _as(self, viewer: Viewer) -> Iterator[sa.Connection]:
        with translated_database_errors(), self._engine.connect() as connection, connection.begin():
            try:
                connection.execute(
                    _WEAR, {"role": viewer.database_role, "schema": viewer.schema, "limit": str(STATEMENT_MS)}
                )
            except sa.exc.DBAPIError as error:
                if isinstance(error.orig, _REFUSED):
                    raise HemisError("E908", role=viewer.database_role) from None
                raise
            yield connection

    def close(self) -> None:
        self._engine.dispose()


_WEAR = sa.text(
    "SELECT set_config('role', :role, true), set_config('search_path', :schema, true), set_config('statement_timeout', :limit, true)"
)
_REFUSED = (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege)
"""The role is not there; it is not ours to take."""
