"""What every source must do. A new source joins by adding a way to make one to `FACTORIES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest

from deploy.local.stack import Stack
from producers.sources.postgresql import source as postgresql
from producers.sources.source import (
    DELETED,
    INSERTED,
    UPDATED,
    Began,
    Described,
    Ended,
    Identity,
    Message,
    Passed,
    Reader,
    RowChange,
    Source,
    Truncated,
)
from schemas.errors import HemisError
from schemas.settings import Secret
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real
_NUMBERS = count(1)
WANTED = {"public.t": ("id", "part", "v", "w")}


@dataclass
class Subject:
    """A source under test, with a way to change its data."""

    make: Callable[[], Source]
    reader: Callable[[], Reader]
    change: Callable[[str], None]
    session: Callable[[], psycopg.Connection[Any]]


def _postgresql(stack: Stack) -> Iterator[Subject]:
    name = f"conformance{next(_NUMBERS)}"
    with psycopg.connect(stack.dsn("universities", "postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    dsn = stack.dsn("universities", name)

    def change(statement: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement.encode())

    change(
        "create table t (id int, part text, v text, w text, unused text, primary key (id, part)); create table other (id int)"
    )
    made: list[postgresql.PostgresSource] = []

    def make() -> Source:
        made.append(postgresql.PostgresSource(Secret(dsn), name))
        return made[-1]

    yield Subject(make, make().reader, change, lambda: psycopg.connect(dsn))  # type: ignore[attr-defined]
    for source in made:
        source.close()

    def dropped() -> bool:
        try:
            change(f"select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{name}'")
        except psycopg.Error:
            return False
        return True

    wait_until(dropped, "the slot is free")


FACTORIES: dict[str, Callable[[Stack], Iterator[Subject]]] = {"postgresql": _postgresql}


@pytest.fixture(params=sorted(FACTORIES))
def subject(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Subject]:
    yield from FACTORIES[request.param](stack)


def opened(source: Source, last: Identity | None = None) -> Identity:
    return source.open(WANTED, (last.system_id, last.timeline, last.created) if last else None, lambda: None)


def until(source: Source, fits: Callable[[list[Message]], bool]) -> list[Message]:
    """Everything up to the point where it fits, without what only tells how far the log is."""
    found: list[Message] = []

    def look() -> bool:
        found.extend(m for m in source.read(100, 0.05) if not isinstance(m, Passed | Described))
        return fits(found)

    wait_until(look, "messages")
    return found


def ends(messages: Sequence[Message]) -> list[int]:
    return [m.position for m in messages if isinstance(m, Ended)]


def rows(messages: Sequence[Message]) -> list[RowChange]:
    return [m for m in messages if type(m) is tuple]  # type: ignore[misc]


def test_changes_in_order_with_rising_positions(subject: Subject) -> None:
    source = subject.make()
    assert opened(source).fresh
    subject.change("insert into t values (1, 'a', 'x', null, 'u'), (2, 'a', '', 'é', null)")
    subject.change("update t set v = 'y' where id = 1")
    subject.change("insert into other values (1)")
    subject.change("delete from t where id = 1")
    found = until(source, lambda m: len(ends(m)) >= 3 and len(rows(m)) == 4)
    assert [(m[0], tuple(m[3])) for m in rows(found)] == [
        (INSERTED, (b"1", b"a", b"x", None)),
        (INSERTED, (b"2", b"a", b"", "é".encode())),
        (UPDATED, (b"1", b"a", b"y", None)),
        (DELETED, (b"1", b"a", None, None)),
    ]
    positions = [m[1] for m in rows(found)]
    assert positions == sorted(positions)
    assert positions[-1] < ends(found)[-1]
    assert isinstance(found[0], Began)
    assert found[0].committed_at > 1_600_000_000_000_000


def test_what_is_confirmed_does_not_come_again_and_all_else_does(subject: Subject) -> None:
    source = subject.make()
    identity = opened(source)
    subject.change("insert into t values (1, 'a')")
    subject.change("insert into t values (2, 'a')")
    found = until(source, lambda m: len(rows(m)) == 2 and len(ends(m)) == 2)
    source.confirm(ends(found)[0])
    source.close()
    again = subject.make()
    reopened = opened(again, identity)
    assert (reopened.fresh, reopened.created) == (False, identity.created)
    assert [m[3][0] for m in rows(until(again, lambda m: len(ends(m)) >= 1))] == [b"2"]


def test_rolled_back_changes_never_come(subject: Subject) -> None:
    source = subject.make()
    opened(source)
    subject.change(
        "begin; insert into t select i, 'a' from generate_series(1, 2000) i; rollback; insert into t values (9, 'z')"
    )
    assert [m[3][0] for m in rows(until(source, lambda m: len(ends(m)) >= 1))] == [b"9"]


def test_only_one_holds_the_source(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "TAKEN_SECONDS", 0.3)
    source = subject.make()
    identity = opened(source)
    with pytest.raises(HemisError) as caught:
        opened(subject.make(), identity)
    assert caught.value.code == "E305"


def test_key_change_names_the_old_key(subject: Subject) -> None:
    source = subject.make()
    opened(source)
    subject.change("insert into t values (1, 'a', 'x')")
    subject.change("update t set part = 'b'")
    change = rows(until(source, lambda m: len(rows(m)) == 2))[1]
    assert change[0] == UPDATED
    assert tuple(change[3]) == (b"1", b"b", b"x", None)
    assert change[4] is not None
    assert tuple(change[4])[:2] == (b"1", b"a")


def test_unchanged_large_value_is_absent(subject: Subject) -> None:
    source = subject.make()
    opened(source)
    subject.change(
        "alter table t alter column v set storage external; insert into t values (1, 'a', repeat('x', 9000))"
    )
    subject.change("update t set w = 'w'")
    change = rows(until(source, lambda m: len(rows(m)) == 2))[1]
    assert change[5] == {"v"}
    assert tuple(change[3]) == (b"1", b"a", None, b"w")


def test_emptied_table_is_one_message(subject: Subject) -> None:
    source = subject.make()
    opened(source)
    subject.change("insert into t values (1, 'a')")
    subject.change("truncate t, other")
    found = until(source, lambda m: any(isinstance(x, Truncated) for x in m))
    assert [m.tables for m in found if isinstance(m, Truncated)] == [("public.t",)]


def test_chunks_go_through_a_table_in_key_order(subject: Subject) -> None:
    subject.change("insert into t select i % 7, 'p' || i, i, null from generate_series(1, 100) i")
    reader = subject.reader()
    try:
        facts = reader.describe(["public.t", "public.none"])
        assert set(facts) == {"public.t"}
        assert facts["public.t"].key == ("id", "part")
        found: list[bytes] = []
        after: tuple[str, ...] | None = None
        while True:
            chunk = list(reader.chunk(facts["public.t"], WANTED["public.t"], after, 9))
            found += [row[2] or b"" for row, _ in chunk]
            if len(chunk) < 9:
                break
            after = chunk[-1][1]
        assert sorted(found) == sorted(str(i).encode() for i in range(1, 101))
        one = list(reader.matching(facts["public.t"], ("v",), ("id", "part"), [("1", "p1"), ("2", "p2")]))
        assert [row[0] for row in one] == [b"1", b"2"]
        assert len(list(reader.matching(facts["public.t"], ("v",), ("v",), [("5",), ("6",), ("x",)]))) == 2
    finally:
        reader.close()


def test_quiet_position_waits_for_older_transactions(subject: Subject) -> None:
    reader = subject.reader()
    open_session = subject.session()
    open_session.execute("insert into t values (1, 'open')")
    assert reader.quiet_position(0.2) is None
    open_session.commit()
    open_session.close()
    position = reader.quiet_position(5)
    later = reader.quiet_position(5)
    reader.close()
    assert position is not None
    assert later is not None
    assert later >= position > 0


TYPES = {
    "smallint": "-3",
    "bigint": "9007199254740993",
    "numeric(20,6)": "12345.678900",
    "numeric": "1e-20",
    "real": "0.1",
    "double precision": "0.1",
    "boolean": "true",
    "char(5)": "ab",
    "text": "a\tb\nc\\d\re\vf\fg\bh'\"",
    "bytea": "\\x00ff5c",
    "date": "2001-05-17",
    "time": "12:34:56.789",
    "timetz": "12:34:56+07",
    "timestamp": "2001-05-17 12:34:56.789",
    "timestamptz": "2001-05-17 12:34:56.789+07",
    "interval": "1 year 2 days 03:04:05",
    "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "json": '{"a": "\\t\\\\", "b" : [1,2]}',
    "jsonb": '{"b": [1, 2], "a": "\\n"}',
    "text[]": '{"a,b","c\\"d",NULL,"e\\\\f"}',
    "int[]": "{{1,2},{3,4}}",
    "int4range": "[1,5)",
    "tstzrange": "[2001-05-17 00:00+07,2001-05-18 00:00+07)",
    "inet": "10.0.0.1/8",
    "macaddr": "08:00:2b:01:02:03",
    "bit(5)": "10101",
    "point": "(1.5,2)",
    "money": "12.34",
    "tsvector": "a b",
    "hue": "red",
    "code": "x1",
    "pair": '(1,"a b")',
}


def test_tables_and_changes_print_every_type_alike(subject: Subject) -> None:
    subject.change(
        "create type hue as enum ('red'); create domain code as varchar(9); create type pair as (a int, b text)"
    )
    columns = [f"c{i}" for i in range(len(TYPES))]
    listed = ", ".join(f"{c} {kind}" for c, kind in zip(columns, TYPES, strict=True))
    subject.change(f"create table every (id int primary key, {listed})")
    quoted = ", ".join("E'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'" for v in TYPES.values())
    source = subject.make()
    wanted = {"public.every": ("id", *columns)}
    source.open(wanted, None, lambda: None)
    subject.change(f"insert into every values (1, {quoted}); insert into every (id) values (2)")
    streamed = [tuple(m[3]) for m in rows(until(source, lambda m: len(rows(m)) == 2))]
    reader = subject.reader()
    facts = reader.describe(wanted)["public.every"]
    read = [tuple(row) for row, _ in reader.chunk(facts, wanted["public.every"], None, 10)]
    reader.close()
    assert read == streamed


def test_tables_are_counted_in_steps(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.sources.postgresql.tables.COUNTED_ROWS", 3)
    reader = subject.reader()
    assert reader.count(reader.describe(["public.t"])["public.t"]) == 0
    subject.change("insert into t select i / 2, case when i % 2 = 0 then 'a' else 'b' end from generate_series(0, 6) i")
    assert reader.count(reader.describe(["public.t"])["public.t"]) == 7
    before = reader.position()
    subject.change("insert into t values (9, 'a')")
    assert reader.position() > before
    reader.close()
