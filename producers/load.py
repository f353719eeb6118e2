"""First load, reload and repair: rows read beside the running stream, by a thread and connection of their own.

All rows of a load carry one constant version below which the rows hold every change: a first load the oldest position that
the slot can send, a reload a position before which every transaction has ended. So whatever the stream says about a row is
newer, in whichever order the two arrive. The end of a table is a Sweep: what was not seen is gone.

The last key is stored only after its chunk is acknowledged (P1), so a killed load goes on where it was (P9).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Event, Thread

from producers.manifest import Manifest
from producers.mapping.compile import AS_SNAPSHOT, Stamps, TableProgram
from producers.position import AgentState, Repair, StateFile, TableLoad
from producers.publisher import Lane, Mark
from producers.sources.source import Reader, TableFacts
from producers.sweep import sweep
from schemas.errors import HemisError
from schemas.logs import log

AHEAD_BYTES = 4 << 20
"""Unacknowledged rows of a load; more would only stand in the stream's way."""
BATCH_ROWS = 500
RETRY_SECONDS = 2.0

Progress = Callable[[str, int, int], None]
"""(table, rows read since the last call, rows expected)."""


@dataclass(frozen=True)
class Programs:
    """What one instance and mapping compile to."""

    instance: str
    sweep_id: int
    tables: Mapping[str, TableProgram]


def request(state: AgentState, tables: Iterable[str], version: int, reason: str) -> None:
    """Put tables into the load, from their beginning. `version` 0: the loader takes a position."""
    for table in tables:
        state.load[table] = TableLoad(version)
    state.load_reason = reason
    state.load_epoch = state.epoch


class Loader:
    """Works off `state.load` and `state.repairs`; `wake` after adding to them. In between it sends the manifest."""

    def __init__(
        self,
        file: StateFile,
        reader: Callable[[], Reader],
        programs: Programs,
        lane: Lane,
        chunk_rows: int,
        progress: Progress,
        manifest: Manifest,
    ) -> None:
        self._file = file
        self._make_reader = reader
        self._programs = programs
        self._lane = lane
        self._chunk_rows = chunk_rows
        self._progress = progress
        self._manifest = manifest
        self._wake = Event()
        self._stop = Event()
        self._stamps = Stamps()
        self.error: HemisError | None = None
        self.crash: Exception | None = None
        """A fault of the program in this thread; the run loop raises it, since a silent thread looks like a slow load."""
        self.waiting_for_old = False
        self._thread = Thread(target=self._run, name="loader", daemon=True)
        self._thread.start()

    @property
    def acknowledged(self) -> int:
        """Events of loads that the broker has."""
        return self._lane.counts[0]

    @property
    def busy(self) -> bool:
        state = self._file.state
        return bool(state.repairs) or any(not load.done for load in state.load.values())

    def wake(self) -> None:
        self._wake.set()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop()
        except _Stopped:
            return
        except Exception as error:
            self.crash = error

    def _loop(self) -> None:
        while not self._stop.is_set():
            if not self.busy and not self._manifest.due:
                self._wake.wait(1.0)
                self._wake.clear()
                continue
            try:
                self._work()
                self.error = None
            except HemisError as error:
                if self.error is None or self.error.code != error.code:
                    log(
                        "warning",
                        "load interrupted",
                        action="none, it goes on" if error.transient else "see code",
                        code=error.code,
                    )
                self.error = error
                self._stop.wait(RETRY_SECONDS)

    def _work(self) -> None:
        reader = self._make_reader()
        try:
            while self.busy:
                if self._file.state.repairs:
                    self._repair(reader)
                    continue
                table = next(table for table, load in self._file.state.load.items() if not load.done)
                self._table(reader, table, self._file.state.load[table])
                self._finish_load()
            if self._manifest.due:
                self._send(self._manifest.take(reader, reader.position()))
                self._settle()
        finally:
            reader.close()

    def _finish_load(self) -> None:
        state = self._file.state
        if all(load.done for load in state.load.values()):
            with self._file.change():
                if all(load.done for load in state.load.values()):
                    state.load.clear()
                    state.loaded_epoch = max(state.loaded_epoch, state.load_epoch)
            self._manifest.hurry()

    def _quiet_position(self, reader: Reader) -> int:
        while True:
            self._check()
            position = reader.quiet_position(1.0)
            self.waiting_for_old = position is None
            if position is not None:
                return position

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _facts(self, reader: Reader, table: str) -> TableFacts:
        facts = reader.describe([table])
        if table not in facts:
            raise HemisError("E203", table=table)
        return facts[table]

    def _table(self, reader: Reader, table: str, load: TableLoad) -> None:
        """Read one table to its end."""
        program = self._programs.tables[table]
        facts = self._facts(reader, table)
        if load.version == 0:
            version = self._quiet_position(reader)
            with self._file.change():
                load.version = version
        if load.last_key is not None and len(load.last_key) != len(facts.key):
            load.last_key = None
        encode = program.encode(frozenset(program.columns) - set(facts.columns))
        unsaved: deque[tuple[Mark, list[str], int]] = deque()
        after, rows = load.last_key, load.rows
        more = True
        while more:
            last, mark, count = after, None, 0
            began = time.time_ns() // 1000
            self._stamps.at(began, began)
            stamp = self._stamps.of(load.version)
            events: list[tuple[bytes, bytes]] = []
            for row, key in reader.chunk(facts, program.columns, after, self._chunk_rows):
                events += encode(row, AS_SNAPSHOT, stamp)
                count += 1
                last = list(key)
                if len(events) >= BATCH_ROWS:
                    mark = self._send(events) or mark
                    events = []
            mark = self._send(events) or mark
            if self._file.state.load.get(table) is not load:
                return  # asked for anew from its beginning
            more = count == self._chunk_rows
            rows += count
            self._progress(table, count, facts.rows)
            if mark is not None and last is not None:
                unsaved.append((mark, last, rows))
            after = last
            while unsaved and unsaved[0][0].offset >= 0:
                with self._file.change():
                    _, load.last_key, load.rows = unsaved.popleft()
            if self._file.state.repairs and more:
                self._repair(reader)
        now = time.time_ns() // 1000
        self._send(
            [
                sweep(
                    self._programs.sweep_id,
                    instance=self._programs.instance,
                    table=table,
                    version=load.version,
                    reason="RELOAD",
                    changed_at=now,
                    rows=rows,
                )
            ]
        )
        self._settle()
        with self._file.change():
            load.rows, load.done = rows, True

    def _send(self, events: list[tuple[bytes, bytes]]) -> Mark | None:
        self._check()
        if not events:
            return None
        mark = self._lane.send(events, 0, 0, (len(events),))
        while self._lane.buffered > AHEAD_BYTES:
            self._check()
            self._lane.rest(0.05)
        return mark

    def _settle(self) -> None:
        while self._lane.marks:
            self._check()
            self._lane.rest(0.05)

    def _repair(self, reader: Reader) -> None:
        """Send again the rows of one repair."""
        repair: Repair = self._file.state.repairs[0]
        values = list(repair.values)
        taken = set(map(id, values))  # not by content: a value may come anew while its rows are read
        program = self._programs.tables.get(repair.table)
        if program is not None:
            facts = self._facts(reader, repair.table)
            version = self._quiet_position(reader)
            now = time.time_ns() // 1000
            self._stamps.at(now, now)
            stamp = self._stamps.of(version)
            encode = program.encode(frozenset(program.columns) - set(facts.columns))
            events: list[tuple[bytes, bytes]] = []
            for row in reader.matching(facts, program.columns, repair.columns, values):
                events += encode(row, AS_SNAPSHOT, stamp)
                if len(events) >= BATCH_ROWS:
                    self._send(events)
                    events = []
            self._send(events)
            self._settle()
        with self._file.change() as state:
            repair.values = [value for value in repair.values if id(value) not in taken]
            if not repair.values:
                state.repairs.remove(repair)


class _Stopped(Exception):
    """The agent ends or begins anew."""
