"""Tables of a PostgreSQL source: their facts, and their rows by COPY in short transactions."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence

import psycopg
from psycopg import sql

from producers.sources.postgresql.failures import translated
from producers.sources.postgresql.pgoutput import PREFIX
from producers.sources.postgresql.session import connect
from producers.sources.source import Row, SourceStatus, TableFacts
from schemas.errors import HemisError
from schemas.settings import Secret

_FACTS = """
select n.nspname || '.' || c.relname, c.oid, greatest(c.reltuples, 0)::bigint, c.relreplident::text,
       coalesce((select array_agg(a.attname::text order by k.place)
                 from pg_index i cross join unnest(i.indkey) with ordinality k(attnum, place)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                 where i.indrelid = c.oid and i.indisprimary), '{}'),
       coalesce((select array_agg(a.attname::text)
                 from pg_index i cross join unnest(i.indkey) k(attnum)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                 where i.indrelid = c.oid and i.indisreplident), '{}'),
       (select array_agg(array[a.attname::text, format_type(a.atttypid, a.atttypmod)] order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname || '.' || c.relname = any(%s)
"""

COUNTED_ROWS = 50_000
"""Rows of one step of a count."""

_DISTINCT = 10_000
"""Texts of a column that are looked at; codes are fewer."""
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPES = {b"b": b"\b", b"t": b"\t", b"n": b"\n", b"r": b"\r", b"f": b"\f", b"v": b"\v"}


def _unescaped(field: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), field)


def split_line(line: bytes) -> list[bytes | None]:
    """The fields of a line of COPY's text format."""
    if line.endswith(b"\n"):
        line = line[:-1]
    fields = line.split(b"\t")
    if b"\\" not in line:
        return fields  # type: ignore[return-value]
    return [None if f == b"\\N" else _unescaped(f) if b"\\" in f else f for f in fields]


class PostgresReader:
    """Implements `Reader`. Every statement is a transaction of its own, so that no snapshot is held open at the source."""

    def __init__(self, dsn: Secret) -> None:
        self._connection = connect(dsn)
        self._waiting: tuple[int, int] | None = None

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Rows of a statement, errors translated."""
        try:
            return self._connection.execute(statement, parameters or None).fetchall()
        except psycopg.Error as error:
            raise translated(error) from error

    def describe(self, tables: Iterable[str]) -> dict[str, TableFacts]:
        found = {}
        for name, _, rows, replident, key, index, columns in self.query(_FACTS, [list(tables)]):
            pairs = dict(columns)  # type: ignore[call-overload]
            identity: tuple[str, ...] = {
                "d": tuple(key),  # type: ignore[arg-type]
                "f": tuple(pairs),
                "i": tuple(index),  # type: ignore[arg-type]
            }.get(str(replident), ())
            found[str(name)] = TableFacts(str(name), pairs, tuple(key), identity, int(rows))  # type: ignore[arg-type,call-overload]
        return found

    def status(self, slot: str) -> SourceStatus:
        """How the slot and the clocks are."""
        before = time.time()
        rows = self.query(
            "select coalesce((select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint from pg_replication_slots"
            " where slot_name = %s), 0), coalesce((select wal_status = 'lost' from pg_replication_slots where slot_name = %s),"
            " true), extract(epoch from clock_timestamp())::float8",
            [slot, slot],
        )
        retained, lost, clock = rows[0]
        middle = (before + time.time()) / 2
        return SourceStatus(int(retained), bool(lost), float(clock) - middle)  # type: ignore[call-overload,arg-type]

    def beat(self, *, canary: bool) -> None:
        """Write a message into the log: a slot advances by it although no table of ours changes. A canary says the time."""
        now = "(extract(epoch from clock_timestamp()) * 1000000)::bigint::text" if canary else "''"
        self.query(f"select pg_logical_emit_message(false, '{PREFIX}', {now})")

    def position(self) -> int:
        return int(self.query("select (pg_current_wal_insert_lsn() - '0/0')::bigint")[0][0])  # type: ignore[call-overload,no-any-return]

    def quiet_position(self, wait: float) -> int | None:
        if self._waiting is None:
            position = self.position()
            # Whoever has written below the position got its transaction number before we take this one. A snapshot's xmax
            # would not do: it ends at the newest *completed* transaction, and the newest running ones lie above it.
            limit = self.query("select pg_current_xact_id()::text::bigint")[0][0]
            self._waiting = position, int(limit)  # type: ignore[call-overload]
        end = time.monotonic() + wait
        while True:
            oldest = self.query("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")[0][0]
            if int(oldest) > self._waiting[1]:  # type: ignore[call-overload]
                position, self._waiting = self._waiting[0], None
                return position
            if time.monotonic() > end:
                return None
            time.sleep(0.05)

    def chunk(
        self, facts: TableFacts, wanted: Sequence[str], after: Sequence[str] | None, limit: int
    ) -> Iterator[tuple[Row, tuple[str, ...]]]:
        query = sql.SQL("select {}, {} from {} {} order by {} limit {}").format(
            _outputs(facts, wanted),
            _names(facts.key),
            _table(facts.name),
            _behind(facts, after),
            _names(facts.key),
            sql.Literal(limit),
        )
        n = len(wanted)
        for row in self._copy(query):
            yield row[:n], tuple((part or b"").decode() for part in row[n:])

    def matching(
        self, facts: TableFacts, wanted: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[str]]
    ) -> Iterator[Row]:
        # By type for keys, so that the index serves; by text elsewhere, since a look-up's key may be of another type.
        keyed = set(columns) <= set(facts.key)
        kinds = [facts.columns[c] if keyed else "text" for c in columns]
        names = [sql.SQL("{}" if keyed else "{}::text").format(sql.Identifier(c)) for c in columns]
        tuples = [_tuple([_typed(v, kind) for v, kind in zip(value, kinds, strict=True)]) for value in values]
        query = sql.SQL("select {} from {} where {} in ({})").format(
            _outputs(facts, wanted), _table(facts.name), _tuple(names), sql.SQL(", ").join(tuples)
        )
        return self._copy(query)

    def count(self, facts: TableFacts) -> int:
        names, total, after = _names(facts.key), 0, None
        backwards = sql.SQL(", ").join(sql.SQL("{} desc").format(sql.Identifier(c)) for c in facts.key)
        while True:
            query = sql.SQL(
                "select n::text, {keys} from (select {keys}, count(*) over () as n from"
                " (select {keys} from {table} {where} order by {keys} limit {limit}) c) d order by {backwards} limit 1"
            ).format(
                keys=names,
                table=_table(facts.name),
                where=_behind(facts, after),
                limit=sql.Literal(COUNTED_ROWS),
                backwards=backwards,
            )
            rows = list(self._copy(query))
            if not rows:
                return total
            last = [(part or b"").decode() for part in rows[0]]
            total += int(last[0])
            if int(last[0]) < COUNTED_ROWS:
                return total
            after = last[1:]

    def whole(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        return self._copy(sql.SQL("select {} from {}").format(_names(columns), _table(table)))

    def frequencies(self, table: str, column: str) -> dict[str, int]:
        """The texts that stand in a column, most frequent first, with their rows; nulls are left out."""
        query = sql.SQL(
            "select {0}::text, count(*) from {1} where {0} is not null group by 1 order by 2 desc limit {2}"
        ).format(sql.Identifier(column), _table(table), sql.Literal(_DISTINCT))
        return {(value or b"").decode("utf-8", "replace"): int(rows or b"0") for value, rows in self._copy(query)}

    def pairs(self, table: str, key: str, value: str) -> dict[str, str | None]:
        """A look-up table as texts."""
        return {
            k.decode("utf-8", "replace"): None if v is None else v.decode("utf-8", "replace")
            for k, v in self.whole(table, (key, value))
            if k is not None
        }

    def _copy(self, query: sql.Composed) -> Iterator[list[bytes | None]]:
        try:
            with self._connection.cursor() as cursor, cursor.copy(sql.SQL("copy ({}) to stdout").format(query)) as copy:
                for line in copy:
                    yield split_line(bytes(line))
        except psycopg.Error as error:
            raise translated(error) from error

    def close(self) -> None:
        self._connection.close()


def _behind(facts: TableFacts, after: Sequence[str] | None) -> sql.Composable:
    """The condition on rows behind a key; none without it."""
    if after is None:
        return sql.SQL("")
    values = [_typed(v, facts.columns[c]) for c, v in zip(facts.key, after, strict=True)]
    return sql.SQL("where ({}) > {}").format(_names(facts.key), _tuple(values))


def _typed(value: str, kind: str) -> sql.Composed:
    return sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(kind))


def _tuple(parts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL("({})").format(sql.SQL(", ").join(parts))


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _outputs(facts: TableFacts, wanted: Sequence[str]) -> sql.Composed:
    """Wanted columns; one that the table has lost is null, and the caller knows it as absent."""
    return sql.SQL(", ").join(sql.Identifier(c) if c in facts.columns else sql.SQL("null") for c in wanted)


def _table(name: str) -> sql.Identifier:
    schema, table = name.split(".", 1)
    return sql.Identifier(schema, table)


def require(
    facts: dict[str, TableFacts], wanted: dict[str, tuple[str, ...]], identity: dict[str, tuple[str, ...]]
) -> None:
    """The tables fit the mapping, before anything is published: publishing a table without a key breaks the
    university's own UPDATE.

    Args:
        identity: columns from which record keys are made; a delete must carry them.

    Raises:
        HemisError: E203 table or column missing; E204 no key.
    """
    for table, columns in wanted.items():
        if table not in facts:
            raise HemisError("E203", table=table)
        if gone := [c for c in columns if c not in facts[table].columns]:
            raise HemisError("E203", table=table, column=", ".join(gone))
        if not facts[table].key:
            raise HemisError("E204", table=table)
        if not facts[table].identity:
            raise HemisError("E204", "its REPLICA IDENTITY is NOTHING", table=table)
        if loose := [c for c in identity.get(table, ()) if c not in facts[table].identity]:
            raise HemisError(
                "E202",
                "a record key needs columns of the primary key, or REPLICA IDENTITY FULL: a delete names no others",
                table=table,
                column=", ".join(loose),
            )
