"""What the works need from a system under test, so that each work is written once for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import psycopg

from tests.benchmarks.workload import SENTINELS, TABLES, Table, sentinel_ids

Connection = psycopg.Connection[tuple[object, ...]]


class Store(Protocol):
    """Where the rows of one source arrive."""

    @property
    def national_dsn(self) -> str: ...

    def national_key(self, table: Table) -> tuple[str, str, str]:
        """National table, its key column, and a format that makes the key's text of a source id `{id}`."""
        ...

    def watch(self) -> None:
        """Raises RuntimeError if a process has ended or a task has failed."""
        ...


class System(Store, Protocol):
    """A source database, a capture process, a way to the national database. All times are the caller's."""

    @property
    def name(self) -> str: ...

    @property
    def source_dsn(self) -> str: ...

    def groups(self) -> Mapping[str, Sequence[int]]:
        """The process groups that serve it, the shared services included."""
        ...

    def prepare(self, rows: int) -> None:
        """A fresh source with this many rows per table; nothing captured, its national rows absent."""
        ...

    def start_capture(self) -> None:
        """Start source -> Kafka; the first time, it begins with a first load."""
        ...

    def stop_capture(self) -> None:
        """Stop it in good order: what it acknowledged is in Kafka."""
        ...

    def start_delivery(self) -> None:
        """Start Kafka -> national."""
        ...

    def stop_delivery(self) -> None:
        """Stop it in good order."""
        ...

    def wait_delivery(self) -> None:
        """Wait until it is ready for the next row."""
        ...

    def wait_capture(self) -> None:
        """Wait until capture is ready for the next row."""
        ...

    def park(self) -> None:
        """Stop everything that takes CPU."""
        ...

    def settle(self) -> None:
        """Wait until what follows from arrived rows is done as well."""
        ...

    def kill(self) -> float:
        """SIGKILL every process of the system; returns the monotonic time of it."""
        ...

    def kill_capture(self) -> float:
        """SIGKILL the capture process; returns the monotonic time of it."""
        ...

    def restart(self) -> None:
        """Start again what `kill` or `kill_capture` ended; returns at once."""
        ...

    def in_kafka(self) -> int:
        """Records that capture has written so far."""
        ...

    def difference(self) -> str:
        """How source and national contents differ, in counts; empty if they are equal."""
        ...


class Arrival:
    """Looks at the rows that change last in the national database, by key: cheap enough to ask every few milliseconds."""

    def __init__(self, store: Store, rows: int) -> None:
        self._connection = psycopg.connect(store.national_dsn, autocommit=True)
        self._queries: list[tuple[str, list[str]]] = []
        for table in TABLES:
            name, key, form = store.national_key(table)
            keys = [form.format(id=number) for number in sentinel_ids(rows)]
            kind = "bigint" if key == "id" else "text"
            query = f"select count(*) from {name} where {key} = any(%s::{kind}[]) and {table.mark} like %s"
            self._queries.append((query, keys))

    def complete(self, pattern: str = "%") -> bool:
        """Whether every sentinel row is there, its mark like the pattern."""
        return all(self._count(query, keys, pattern) == SENTINELS for query, keys in self._queries)

    def close(self) -> None:
        self._connection.close()

    def _count(self, query: str, keys: list[str], pattern: str) -> int:
        found = self._connection.execute(query, [keys, pattern]).fetchone()
        return int(str(found[0])) if found else 0
