"""The peer as a system under test: a row copy of the three tables by primary key."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from deploy.local.stack import Stack
from tests.benchmarks import databases, workload
from tests.benchmarks.offsets import Ends, administrator
from tests.benchmarks.peer import connectors
from tests.benchmarks.peer.connect import Worker
from tests.benchmarks.waiting import until

SOURCE, NATIONAL = "peer_source", "peer_national"


class Peer:
    """One worker that runs source and sink, as in the project's earlier measurements of the peer."""

    name = "peer"

    def __init__(self, stack: Stack, folder: Path, mode: connectors.Mode, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._mode: connectors.Mode = mode
        self._worker = Worker(stack, folder, say)
        self._round = 0
        self._stamp = f"{int(time.time()):x}"
        self.source_dsn = stack.dsn("universities", SOURCE)
        self.national_dsn = stack.dsn("national", NATIONAL)

    def groups(self) -> Mapping[str, Sequence[int]]:
        pid = self._worker.child.pid
        return {**databases.service_groups(self._stack), "connect": [pid] if pid else []}

    def prepare(self, rows: int) -> None:
        self._worker.start()
        self._remove_connectors()
        self._round += 1
        self._prefix = f"peer_{self._stamp}_{self._round}"
        databases.fresh(self._stack, "universities", SOURCE)
        databases.fresh(self._stack, "national", NATIONAL)
        workload.create(self.source_dsn)
        workload.create(self.national_dsn)
        workload.fill(self.source_dsn, rows, 0)
        self._ends = Ends(administrator(self._stack), connectors.topics(self._prefix, workload.NAMES))

    def start_capture(self) -> None:
        self._start("source")

    def stop_capture(self) -> None:
        self._worker.stop("source")

    def start_delivery(self) -> None:
        self._start("sink")

    def stop_delivery(self) -> None:
        self._worker.stop("sink")

    def wait_delivery(self) -> None:
        """Wait until the sink's tasks run."""
        self._worker.wait_running("sink", connectors.SINK_TASKS)

    def wait_capture(self) -> None:
        """Wait until the source's task runs."""
        self._worker.wait_running("source", 1)

    def park(self) -> None:
        """Stop both connectors; the worker's JVM stays, and stays warm."""
        self._worker.start()
        for name in self._worker.names():
            self._worker.stop(name)

    def settle(self) -> None:
        """Nothing follows from a row that has arrived."""

    def tune(self, mode: connectors.Mode) -> None:
        """Give the running source other settings; it goes on where it was."""
        self._mode = mode
        self._worker.put("source", self._config("source"))
        self._worker.wait_running("source", 1)

    def kill(self) -> float:
        return self._worker.child.kill()

    def kill_capture(self) -> float:
        return self._worker.child.kill()

    def restart(self) -> None:
        self._worker.child.start()

    def in_kafka(self) -> int:
        return self._ends.count()

    def national_key(self, table: workload.Table) -> tuple[str, str, str]:
        return table.name, "id", "{id}"

    def difference(self) -> str:
        with psycopg.connect(self.source_dsn) as source, psycopg.connect(self.national_dsn) as national:
            wanted, found = workload.copied(source), workload.copied(national)
        return "" if wanted == found else f"source {wanted}, national {found}"

    def watch(self) -> None:
        self._worker.child.require()
        if self._worker.serves():
            self._worker.require()

    def close(self) -> None:
        if self._worker.child.pid is not None:
            self._remove_connectors()
        self._worker.child.stop()
        databases.drop_slots(self._stack, SOURCE)

    def _start(self, kind: str) -> None:
        if kind in self._worker.names():
            self._worker.resume(kind)
        else:
            self._worker.put(kind, self._config(kind))

    def _config(self, kind: str) -> dict[str, str]:
        dsn = self.source_dsn if kind == "source" else self.national_dsn
        found = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
        database = connectors.Database(
            found["host"], int(found["port"]), found["dbname"], found["user"], found["password"]
        )
        registry = self._stack.registry_url
        if kind == "source":
            return connectors.source(self._mode, self._prefix, database, workload.NAMES, registry)
        return connectors.sink(self._mode, (self._prefix,), database, workload.NAMES, registry)

    def _remove_connectors(self) -> None:
        for name in self._worker.names():
            self._worker.delete(name)
        until(lambda: self._worker.names() == [], "the peer's connectors are gone", timeout=60)
        until(self._slots_free, "the peer's slots are free", timeout=60)
        databases.drop_slots(self._stack, SOURCE)

    def _slots_free(self) -> bool:
        with psycopg.connect(self._stack.dsn("universities", "postgres"), autocommit=True) as connection:
            query = "select count(*) from pg_replication_slots where database = %s and active"
            return connection.execute(query, [SOURCE]).fetchone() == (0,)
