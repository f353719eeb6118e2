"""Messages of a source to events: pure, apart from the look-up tables that it keeps fresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import cast

from producers.mapping.compile import AS_NEW, AS_UPDATE, NOTHING, Event, Stamps, TableProgram
from producers.mapping.lookups import LookupTable
from producers.mapping.model import Mapping
from producers.position import Repair
from producers.sources.source import (
    DELETED,
    INSERTED,
    Beat,
    Began,
    Described,
    Ended,
    Message,
    Passed,
    Row,
    RowChange,
    Truncated,
)
from producers.sweep import sweep
from schemas.errors import HemisError
from schemas.logs import log

MOST_REPAIRS = 5_000
"""Values of one column to repair; more, and the table is read once instead."""


@dataclass
class Taken:
    """What a batch of messages gave. `position` is the last that may be confirmed once `events` are acknowledged; 0: none."""

    events: list[Event] = field(default_factory=list)
    position: int = 0
    committed_at: int = 0
    repairs: list[Repair] = field(default_factory=list)
    reloads: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    beats: list[Beat] = field(default_factory=list)


class Capture:
    """Turns one stream's messages into events. A new stream needs a new capture, since it begins outside of a transaction.

    Args:
        keys: primary key columns by table, for repairs.
        canary: makes the event of a heartbeat out of its position and time.
        lenient: rows that were written while a key column was missing are passed over and their table is read again. Only
            right once the column is back: the log for ever shows the table as it was.
    """

    def __init__(
        self,
        mapping: Mapping,
        programs: Map[str, TableProgram],
        lookups: Map[str, LookupTable],
        instance: str,
        sweep_id: int,
        keys: Map[str, tuple[str, ...]],
        canary: Callable[[int, int], Event],
        *,
        lenient: bool = False,
    ) -> None:
        self._mapping = mapping
        self._programs = programs
        self._instance = instance
        self._sweep_id = sweep_id
        self._keys = keys
        self._canary = canary
        self._lenient = lenient
        self._unkeyed: set[str] = set()
        self._stamps = Stamps()
        self._committed_at = 0
        self._inside = False
        self._missing: dict[str, frozenset[str]] = {}
        self._torn: dict[tuple[str, frozenset[str]], bool] = {}
        self._by_table: dict[str, list[tuple[str, LookupTable, int, int]]] = {}
        for name, lookup in mapping.lookups.items():
            columns = mapping.columns_of(lookup.table)
            at = (name, lookups[name], columns.index(lookup.key), columns.index(lookup.value))
            self._by_table.setdefault(lookup.table, []).append(at)

    def take(self, batch: Sequence[Message]) -> Taken:
        """The events of a batch, in order.

        Raises:
            HemisError E203: a column is gone without which records have no key.
        """
        taken = Taken()
        now = time.time_ns() // 1000
        if self._inside:
            self._stamps.at(self._committed_at, now)
        add = taken.events.append
        counts = taken.counts
        programs, of = self._programs, self._stamps.of
        for message in batch:
            if type(message) is tuple:
                kind, position, table, row, old, absent = cast(RowChange, message)
                if table in self._unkeyed:
                    continue
                if table in self._by_table:
                    self._look_up(kind, table, row, old, taken)
                program = programs.get(table)
                if program is None:
                    continue
                if kind == DELETED:
                    for event in program.cancel(row, of(position)):
                        add(event)
                        counts[2] += 1
                elif old is None:
                    operation = AS_NEW if kind == INSERTED else AS_UPDATE
                    for event in program.encode(absent)(row, operation, of(position)):
                        add(event)
                        counts[kind] += 1
                    if absent and self._is_torn(table, absent):
                        self._repair(program, row, taken)
                else:
                    self._with_old(program, position, row, old, absent, taken)
            elif type(message) is Began:
                self._committed_at, self._inside = message.committed_at, True
                self._stamps.at(message.committed_at, now)
            elif type(message) is Ended:
                taken.position, self._inside = message.position, False
            elif type(message) is Passed:
                if not self._inside:
                    taken.position = max(taken.position, message.position)
            elif type(message) is Beat:
                taken.beats.append(message)
                add(self._canary(message.position, message.at))
                counts[1] += 1
                if not self._inside:
                    taken.position = max(taken.position, message.position)
            elif type(message) is Truncated:
                self._truncated(message, taken)
            elif type(message) is Described:
                self._described(message, taken)
        taken.committed_at = self._committed_at
        return taken

    def _with_old(
        self, program: TableProgram, position: int, row: Row, old: Row, absent: frozenset[str], taken: Taken
    ) -> None:
        """An update that names its old row: where a record's key differs, the old record ends and a new one begins."""
        stamp = self._stamps.of(position)
        before, after = program.keys(old), program.keys(row)
        encode = program.encode(absent)
        updated = encode(row, AS_UPDATE, stamp)
        if before == after:
            taken.events.extend(updated)
            taken.counts[1] += len(updated)
            if absent and self._is_torn(program.table, absent):
                self._repair(program, row, taken)
            return
        cancels, new = program.cancel(old, stamp), encode(row, AS_NEW, stamp)
        for i in range(len(after)):
            if before[i] == after[i]:
                taken.events.append(updated[i])
                taken.counts[1] += 1
            else:
                taken.events += (cancels[i], new[i])
                taken.counts[0] += 1
                taken.counts[2] += 1
        if absent - self._missing.get(program.table, NOTHING):
            # The new key knows nothing of what the old key's row still holds.
            self._repair(program, row, taken)

    def _is_torn(self, table: str, absent: frozenset[str]) -> bool:
        """Does a field need a column that was not sent beside one that was? Then the field is sent as absent although it may
        have changed."""
        found = self._torn.get((table, absent))
        if found is None:
            unsent = absent - self._missing.get(table, NOTHING)
            found = self._torn[table, absent] = any(
                not unsent.isdisjoint(rule.columns) and not absent.issuperset(rule.columns)
                for record in self._mapping.records_of(table)
                for rule in record.fields
            )
        return found

    def _repair(self, program: TableProgram, row: Row, taken: Taken) -> None:
        """Have the row read again; without its primary key, the table."""
        key = self._keys[program.table]
        values = [row[program.columns.index(c)] if c in program.columns else None for c in key]
        if all(value is not None for value in values):
            texts = [value.decode() for value in values if value is not None]
            taken.repairs.append(Repair(program.table, list(key), [texts]))
        else:
            taken.reloads.append(program.table)

    def _look_up(self, kind: int, table: str, row: Row, old: Row | None, taken: Taken) -> None:
        for name, lookup, key, value in self._by_table[table]:
            touched = {row[key]}
            if kind == DELETED:
                lookup.remove(row[key])
            else:
                if old is not None and old[key] is not None and old[key] != row[key]:
                    lookup.remove(old[key])
                    touched.add(old[key])
                lookup.put(row[key], row[value])
            texts = [[raw.decode()] for raw in touched if raw is not None]
            for dependent, column, in_key in self._mapping.dependents(name):
                if in_key:
                    taken.reloads.append(dependent)
                else:
                    taken.repairs.append(Repair(dependent, [column], texts))

    def _truncated(self, message: Truncated, taken: Taken) -> None:
        for table in message.tables:
            for name, lookup, _, _ in self._by_table.get(table, ()):
                lookup.fill(())
                taken.reloads += [dependent for dependent, _, _ in self._mapping.dependents(name)]
            if table in self._programs:
                event = sweep(
                    self._sweep_id,
                    instance=self._instance,
                    table=table,
                    version=message.position,
                    reason="TRUNCATE",
                    changed_at=self._committed_at,
                    rows=0,
                )
                taken.events.append(event)

    def _described(self, message: Described, taken: Taken) -> None:
        new = message.missing - self._missing.get(message.table, NOTHING)
        self._missing[message.table] = message.missing
        self._torn.clear()
        needed = {c for record in self._mapping.records_of(message.table) for c in record.key_columns}
        needed |= {c for lk in self._mapping.lookups.values() if lk.table == message.table for c in (lk.key, lk.value)}
        self._unkeyed.discard(message.table)
        if lost := sorted(message.missing & needed):
            if not self._lenient:
                raise HemisError("E203", "records have no key without it", table=message.table, column=", ".join(lost))
            self._unkeyed.add(message.table)
            taken.reloads += [message.table] if message.table in self._programs else []
            for name, _, _, _ in self._by_table.get(message.table, ()):
                taken.reloads += [dependent for dependent, _, _ in self._mapping.dependents(name)]
        if not new:
            return
        log(
            "warning",
            "mapped column is gone; its fields are sent as absent",
            action="mend the mapping",
            table=message.table,
            columns=sorted(new),
        )


def merge(repairs: list[Repair], more: list[Repair]) -> list[str]:
    """Add to the list of repairs, one entry per table and columns; gives the tables for which it has become too long.

    A value that is there already is put in anew: the loader may be at work on it with what held before this change.
    """
    for repair in more:
        for known in repairs:
            if (known.table, known.columns) == (repair.table, repair.columns):
                known.values = [value for value in known.values if value not in repair.values] + list(repair.values)
                break
        else:
            repairs.append(Repair(repair.table, repair.columns, list(repair.values)))
    long = [repair.table for repair in repairs if len(repair.values) > MOST_REPAIRS]
    repairs[:] = [repair for repair in repairs if repair.table not in long]
    return long
