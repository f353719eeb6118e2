"""Tests every precondition of an agent; each finding says what an administrator has to run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from producers.mapping.model import Mapping
from producers.sources.postgresql.tables import PostgresReader
from producers.sources.source import TableFacts
from schemas.errors import HemisError
from schemas.settings import AgentSettings


@dataclass(frozen=True)
class Finding:
    """One precondition. `sql` is what to run as administrator of the source, where that mends it."""

    check: str
    fine: bool
    detail: str = ""
    sql: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def _quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))


class Doctor:
    """Looks at source, broker, registry and disk."""

    def __init__(self, settings: AgentSettings, mapping: Mapping) -> None:
        self._settings = settings
        self._mapping = mapping

    def examine(self) -> list[Finding]:
        return [*self._source(), *self._bus(), self._disk()]

    def _source(self) -> Iterator[Finding]:
        try:
            reader = PostgresReader(self._settings.source_dsn)
        except HemisError as error:
            yield Finding("source: log in", False, f"{error.code} {error.declared.en}")
            return
        try:
            yield Finding("source: log in", True)
            yield from self._server(reader)
            yield from self._tables(reader)
        finally:
            reader.close()

    def _server(self, reader: PostgresReader) -> Iterator[Finding]:
        def value(statement: str) -> str:
            return str(reader.query(statement)[0][0])

        user = value("select current_user")
        version = int(value("select current_setting('server_version_num')"))
        yield Finding("source: PostgreSQL 14 or later", version >= 140000, f"{version // 10000}")
        level = value("show wal_level")
        yield Finding(
            "source: wal_level", level == "logical", level, "alter system set wal_level = logical; -- then restart"
        )
        yield Finding(
            "source: a free replication slot",
            value(
                "select (select count(*) from pg_replication_slots) < current_setting('max_replication_slots')::int"
                f" or exists (select 1 from pg_replication_slots where slot_name = '{self._settings.slot}')"
            )
            == "True",
            sql="alter system set max_replication_slots = 10; -- then restart",
        )
        yield Finding(
            "source: a free WAL sender",
            value("select (select count(*) from pg_stat_replication) < current_setting('max_wal_senders')::int")
            == "True",
            sql="alter system set max_wal_senders = 10; -- then restart",
        )
        yield Finding(
            "source: right to replicate",
            value("select rolreplication or rolsuper from pg_roles where rolname = current_user") == "True",
            user,
            f"alter role {_quoted(user)} replication;",
        )
        yield Finding(
            "source: right to make the publication",
            value(
                "select has_database_privilege(current_database(), 'create')"
                f" or exists (select 1 from pg_publication where pubname = '{self._settings.slot}')"
            )
            == "True",
            sql=f"grant create on database {_quoted(value('select current_database()'))} to {_quoted(user)};"
            " -- and make the role owner of the tables, or create the publication yourself",
        )
        limit = value("show max_slot_wal_keep_size")
        yield Finding(
            "source: log kept for a slot is limited, so that an absent agent can't fill the disk",
            limit != "-1",
            limit,
            "alter system set max_slot_wal_keep_size = '20GB'; select pg_reload_conf();",
        )
        encoding = value("show server_encoding")
        yield Finding("source: an encoding that is checked", encoding != "SQL_ASCII", encoding)
        ahead = reader.status(self._settings.slot).clock_ahead
        yield Finding("source: clocks agree", abs(ahead) <= self._settings.clock_limit_seconds, f"{ahead:+.1f} s")

    def _tables(self, reader: PostgresReader) -> Iterator[Finding]:
        facts = reader.describe(self._mapping.tables)
        user = str(reader.query("select current_user")[0][0])
        for table in self._mapping.tables:
            if table not in facts:
                yield Finding(f"table {table}: exists", False, "E203")
                continue
            yield from self._table(reader, facts[table], user)

    def _table(self, reader: PostgresReader, facts: TableFacts, user: str) -> Iterator[Finding]:
        name = _quoted(facts.name)
        gone = [column for column in self._mapping.columns_of(facts.name) if column not in facts.columns]
        yield Finding(f"table {facts.name}: mapped columns exist", not gone, ", ".join(gone))
        yield Finding(
            f"table {facts.name}: primary key",
            bool(facts.key),
            ", ".join(facts.key),
            "" if facts.key else f"alter table {name} add primary key (…);",
        )
        keys = {column for record in self._mapping.records_of(facts.name) for column in record.key_columns}
        yield Finding(
            f"table {facts.name}: deletes name the record",
            bool(facts.identity) and keys <= set(facts.identity),
            ", ".join(sorted(keys - set(facts.identity))),
            f"alter table {name} replica identity full;",
        )
        schema = _quoted(facts.name.split(".", 1)[0])
        allowed = reader.query(
            "select has_schema_privilege(%s, 'usage') and has_table_privilege(%s, 'select')",
            [facts.name.split(".", 1)[0], name],
        )[0][0]
        yield Finding(
            f"table {facts.name}: right to read",
            bool(allowed),
            sql=f"grant usage on schema {schema} to {_quoted(user)}; grant select on {name} to {_quoted(user)};",
        )

    def _bus(self) -> Iterator[Finding]:
        yield _tried("registry: answers and knows the schemas", self._registry)
        yield _tried("broker: log in, topic exists", self._broker)

    def _registry(self) -> None:
        from schemas.avro_schema import change_subject, subject
        from schemas.registry import Registry

        registry = Registry(self._settings.registry_url, Path(self._settings.data) / "schemas")
        for record in self._mapping.records:
            registry.id_of(change_subject(record.entity))
        registry.id_of(subject("Hello"))

    def _broker(self) -> None:
        from producers.inbox import Inbox

        inbox = Inbox(self._settings.kafka, self._settings.institution, Path(self._settings.data))
        try:
            inbox.changes_end()
        finally:
            inbox.close()

    def _disk(self) -> Finding:
        folder = Path(self._settings.data)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f"doctor.{time.time_ns()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            return Finding("disk: the data folder can be written", False, type(error).__name__)
        return Finding("disk: the data folder can be written", True, str(folder))


def _tried(check: str, act: Callable[[], None]) -> Finding:
    try:
        act()
    except HemisError as error:
        return Finding(check, False, f"{error.code} {error.declared.en}")
    return Finding(check, True)
