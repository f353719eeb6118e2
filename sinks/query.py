"""One SELECT on the national database, now or as of any past moment, that can't change anything.

As of: each versioned table that the query names is shadowed by a temporary view of its state at the moment. Who may read
only a role's views (`sinks.roles`) gets the state through them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.rows import tuple_row

from schemas.errors import HemisError
from sinks.database import translated_database_errors
from sinks.postgresql.wire import DataRefused, translated_error
from sinks.roles import SCHEMAS
from sinks.views import LIVE, VERSIONED

_BEGINNING = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """`rows` beyond the limit are left out, and `more` says so."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool


def query(engine: sa.Engine, text: str, moment: datetime | None, *, limit: int, seconds: float) -> Answer:
    """The answer to one SELECT.

    Raises:
        HemisError E846: not one SELECT, wrong, or too slow. E501-E503.
    """
    if not _BEGINNING.match(text):
        raise HemisError("E846", "it does not begin with SELECT, WITH, VALUES or TABLE")
    with translated_database_errors(), engine.connect() as outer:
        driver = outer.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with _refused(), driver.transaction(force_rollback=True):
            schema = _schema(driver)
            if schema != "public":
                driver.execute(f"SET LOCAL search_path = {schema}, public")
            if moment is not None:
                _shadow(driver, text, schema, moment)
            driver.execute("SET TRANSACTION READ ONLY")
            driver.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
            cursor = driver.cursor(row_factory=tuple_row)
            # A cursor takes a query only, and the extended protocol one statement only.
            cursor.execute(f"DECLARE asked NO SCROLL CURSOR FOR {text}".encode(), prepare=True)
            cursor.execute(f"FETCH {limit + 1} FROM asked")
            rows = cursor.fetchall()
            columns = tuple(column.name for column in cursor.description or ())
            return Answer(columns, rows[:limit], len(rows) > limit)


def _schema(driver: psycopg.Connection[Any]) -> str:
    """Where the login may read persons: the tables themselves, or a role's views."""
    query = (
        "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'golden_person' "
        "AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
    )
    known = {str(row[0]) for row in driver.execute(query)}
    for schema in ("public", *SCHEMAS):
        if schema in known:
            return schema
    raise HemisError("E503", "the login has none of the roles hemis_ministry, hemis_owner_…, hemis_reader")


def _shadow(driver: psycopg.Connection[Any], text: str, schema: str, moment: datetime) -> None:
    """Views before the tables they are named after, since a session's temporary objects are found first."""
    words = set(re.findall(r"[a-z_]+", text.lower()))
    for target in VERSIONED:
        wanted = {target.name, f"{target.name}_live"} & words
        known = driver.execute("SELECT to_regprocedure(%s)", [f"{schema}.{target.name}_as_of(timestamptz)"]).fetchone()
        if not wanted or known is None or known[0] is None:
            continue
        state = f"{schema}.{target.name}_as_of('{moment.isoformat()}')"
        driver.execute(f"CREATE TEMP VIEW {target.name} AS SELECT * FROM {state}".encode())
        if target in LIVE and f"{target.name}_live" in wanted:
            condition = "live" if target.name == "golden_person" else "operation <> 'CANCEL'"
            driver.execute(f"CREATE TEMP VIEW {target.name}_live AS SELECT * FROM {state} WHERE {condition}".encode())


@contextmanager
def _refused() -> Iterator[None]:
    """What is wrong with the query is the asker's matter; what is wrong with the server keeps its own codes."""
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise HemisError("E846", "it takes too long; narrow it, or raise --seconds") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise HemisError("E503", "the login may not read this") from error
    except psycopg.Error as error:
        if (error.sqlstate or "").startswith("42"):
            # Syntax and names: the message speaks of the asker's own text.
            raise HemisError("E846", error.diag.message_primary or "") from error
        told = translated_error(error)
        if isinstance(told, DataRefused) or (error.sqlstate or "").startswith(("25", "0A", "34", "54")):
            # The message may quote a value of the database (P8).
            raise HemisError("E846", f"SQLSTATE {error.sqlstate}") from error
        raise told from None
