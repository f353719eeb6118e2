"""The national database: schema, clock, what makes it safe, what makes it full."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deploy.doctor.broker import clock, listed
from deploy.doctor.checks import Result, failed, passed, skipped, warned
from deploy.kafka import committed
from schemas.errors import HemisError
from schemas.health import MISSED
from schemas.settings import OperatorSettings, SinkSettings
from sinks import migrate
from sinks.canaries import look
from sinks.database import engine, translated_database_errors
from sinks.model import AUDIT
from sinks.quality.job import places

AFTER_LOGIN = (
    "database.schema",
    "database.copy",
    "database.clock",
    "database.durable",
    "database.connections",
    "database.transactions",
    "database.slots",
    "database.replicas",
    "database.freeze",
    "database.backup",
    "institutions.canary",
)
GROUP = str(SinkSettings.__dataclass_fields__["group"].default)
SAFE = "('fsync', 'full_page_writes', 'synchronous_commit')"
OPEN_SECONDS = 600.0
USED_SHARE = 0.8
SLOT_BYTES = 4 << 30
REPLAY_SECONDS = 60.0
FREEZE_WARNS, FREEZE_FAILS = 1_000_000_000, 1_600_000_000
BACKUP_AGE = timedelta(hours=36)


def examine(settings: OperatorSettings) -> Iterator[Result]:
    if not settings.national_dsn:
        for name in ("database.login", *AFTER_LOGIN):
            yield skipped(name, "the settings have no national_dsn")
        return
    national = engine(settings.national_dsn.reveal())
    try:
        with translated_database_errors(), national.connect() as connection:
            yield from _server(connection)
            yield _backup(connection)
        yield _schema(national)
        yield _copy(settings, national)
        yield _canaries(national)
    except HemisError as error:
        yield failed("database.login", f"{error.code} {error.declared.en}", mend=error.declared.hint_en)
        for name in AFTER_LOGIN:
            yield skipped(name, "no login")
    finally:
        national.dispose()


def _schema(national: sa.Engine) -> Result:
    try:
        with translated_database_errors():
            migrate.require_schema(national)
    except HemisError as error:
        return failed("database.schema", error.detail)
    return passed("database.schema", migrate.revisions()[-1])


def _copy(settings: OperatorSettings, national: sa.Engine) -> Result:
    """Places against the offsets that the sink's group has reached."""
    with translated_database_errors(), national.connect() as connection:
        now = places(connection)
    try:
        reached = committed(settings, GROUP, now)
    except HemisError as error:
        return skipped("database.copy", f"{error.code} {error.declared.en}")
    missing = sum(max(0, offset - now[at]) for at, offset in reached.items())
    if missing:
        return warned("database.copy", f"{missing:,} messages to be applied again")
    return passed("database.copy")


Rows = Callable[[str], list[tuple[Any, ...]]]


def _server(connection: sa.Connection) -> Iterator[Result]:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(sa.text(query))]

    [(version, size)] = rows("SELECT current_setting('server_version'), pg_database_size(current_database())")
    yield passed("database.login", f"PostgreSQL {version}, {size >> 20:,} MiB")
    yield clock("database.clock", *ahead(connection))
    off = rows(f"SELECT name, source FROM pg_settings WHERE name IN {SAFE} AND setting = 'off' ORDER BY 1")
    if off:
        sql = " ".join(_switched_on(connection, name, source) for name, source in off)
        yield failed("database.durable", f"off: {', '.join(name for name, _ in off)}", mend=sql)
    else:
        yield passed("database.durable")
    [(used, most)] = rows(
        "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    yield (warned if used > USED_SHARE * most else passed)("database.connections", f"{used} of {most}")
    if old := rows(
        "SELECT pid, floor(extract(epoch FROM now() - xact_start))::int FROM pg_stat_activity WHERE backend_type = 'client backend' "
        f"AND pid <> pg_backend_pid() AND xact_start < now() - interval '{OPEN_SECONDS} s' ORDER BY xact_start"
    ):
        yield warned("database.transactions", listed([f"{pid} for {seconds} s" for pid, seconds in old]), pid=old[0][0])
    else:
        yield passed("database.transactions")
    yield from _followers(rows)
    [(age,)] = rows("SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()")
    state = failed if age > FREEZE_FAILS else warned if age > FREEZE_WARNS else passed
    yield state("database.freeze", f"{age:,} of 2,146,483,648")


def _switched_on(connection: sa.Connection, name: str, source: str) -> str:
    """SQL that switches a setting on, where it was switched off."""
    quoted = connection.dialect.identifier_preparer.quote
    match source:
        case "database":
            return f"ALTER DATABASE {quoted(connection.engine.url.database or '')} RESET {name};"
        case "user" | "database user":
            return f"ALTER ROLE {quoted(connection.engine.url.username or '')} RESET {name};"
    return f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"


def ahead(connection: sa.Connection) -> tuple[float, float]:
    """Seconds that the server's clock is ahead of ours, and the doubt of that: half of the way to and fro."""
    began = time.time()
    at: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    ended = time.time()
    return at.timestamp() - (began + ended) / 2, (ended - began) / 2


def _followers(rows: Rows) -> Iterator[Result]:
    kept = [
        (slot, size)
        for slot, size in rows(
            "SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint FROM pg_replication_slots WHERE NOT active "
            "AND restart_lsn IS NOT NULL AND NOT pg_is_in_recovery() ORDER BY 2 DESC"
        )
        if size > SLOT_BYTES
    ]
    if kept:
        yield failed("database.slots", listed([f"{slot}: {size >> 20:,} MiB" for slot, size in kept]), slot=kept[0][0])
    else:
        yield passed("database.slots")
    late = rows(
        "SELECT coalesce(client_addr::text, 'local'), coalesce(extract(epoch FROM replay_lag), 0)::float FROM pg_stat_replication"
    )
    if not late:
        yield passed("database.replicas", "none")
    elif max(seconds for _, seconds in late) > REPLAY_SECONDS:
        yield warned("database.replicas", listed([f"{who}: {seconds:.0f} s" for who, seconds in late]))
    else:
        yield passed("database.replicas", f"{len(late)}")


def _backup(connection: sa.Connection) -> Result:
    newest = connection.execute(sa.select(sa.func.max(AUDIT.c.at)).where(AUDIT.c.action == "backup")).scalar_one()
    if newest is None:
        return warned("database.backup", "none is known to this database")
    detail = f"{newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return (
        warned("database.backup", detail)
        if datetime.now(UTC) - newest > BACKUP_AGE
        else passed("database.backup", detail)
    )


def _canaries(national: sa.Engine) -> Result:
    with translated_database_errors():
        seen = look(national)
    now = time.time()
    ages = {code: now - one.changed_at.timestamp() for code, one in seen.items()}
    late = {code: age for code, age in ages.items() if age > MISSED * seen[code].interval}
    if not seen:
        return skipped("institutions.canary", "none has ever come")
    if not late:
        return passed("institutions.canary", f"{len(seen)} institutions")
    told = listed([f"{code}: {seconds:,.0f} s" for code, seconds in late.items()])
    # One that is silent is its own trouble, all of them are ours.
    return failed("institutions.canary", told) if len(late) == len(seen) else warned("institutions.canary", told)
