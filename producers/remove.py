"""Takes the agent's slot and publication out of the source. Needs no broker: an abandoned slot fills a disk."""

from __future__ import annotations

import psycopg
from psycopg import sql

from producers.sources.postgresql.failures import translated
from producers.sources.postgresql.session import connect
from schemas.settings import Secret


def remove(dsn: Secret, slot: str) -> list[str]:
    """Drop what exists, and name it.

    Raises:
        HemisError: E305 an agent still runs; E301, E302, E303.
    """
    dropped = []
    with connect(dsn) as connection:
        try:
            if connection.execute("select 1 from pg_replication_slots where slot_name = %s", [slot]).fetchone():
                connection.execute("select pg_drop_replication_slot(%s)", [slot])
                dropped.append(f"slot {slot}")
            if connection.execute("select 1 from pg_publication where pubname = %s", [slot]).fetchone():
                connection.execute(sql.SQL("drop publication {}").format(sql.Identifier(slot)))
                dropped.append(f"publication {slot}")
        except psycopg.Error as error:
            raise translated(error) from error
    return dropped
