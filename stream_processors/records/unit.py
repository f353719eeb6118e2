"""One institution's part of a unit of work: a scratch copy of its account and rows, and the outputs decided so far.

Nothing of it counts until the stage has had the outputs acknowledged; then `changes` go to the store in one batch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from schemas.avro_schema import RECORD_TYPES
from schemas.codec import long_bytes, text_bytes
from schemas.envelope import Envelope
from schemas.errors import HemisError
from schemas.keys import PersonKeys, finding_id
from schemas.rules import severity_of
from schemas.topics import CLAIMS, CONTROL, DEAD_LETTERS, FINDINGS, STORED, clean_topic, partition_of, slot_of
from stream_processors.contract import Contract
from stream_processors.outbox import Message, Output, Outputs
from stream_processors.records import links
from stream_processors.records import row as rows
from stream_processors.records.brake import Brake
from stream_processors.records.institution import Institution
from stream_processors.records.row import Open, Row
from stream_processors.store import Store

NOTHING_HANGS = b"\x00\x00\x00"
"""No telephone, no e-mail, no facts."""


_ENTITIES = {entity.encode(): entity for entity in RECORD_TYPES}


class Due(NamedTuple):
    """Why something is worked out again: the change that made it due, and its time (µs UTC). `on`: a day that has come."""

    place: int
    at: int
    on: str = ""


_NEVER_DUE = Due(-1, 0)


class Unit:
    """The scratch of one institution in one unit of work."""

    def __init__(
        self,
        institution: Institution,
        store: Store,
        contract: Contract,
        keys: PersonKeys,
        brake: Brake,
        partitions: int,
    ) -> None:
        self.institution = institution
        self.code = institution.code
        self.account = institution.account.copy()
        self.contract = contract
        self.keys = keys
        self.brake = brake
        self.outputs: Outputs = {}
        self.newest: Envelope | None = None
        self.loaded = False
        """Was a record read by a snapshot?"""
        self.careful = False
        """Is each event settled by itself? See doubt, in `stage`."""
        self.deferring = False
        """More of the institution's records wait: what can be worked out later, once for many of them, is put off."""
        self.behind = institution.behind
        self.changed: dict[bytes, Row | None] = {}
        """Records that events have changed since the last settling, and how they were before."""
        self.touched: dict[bytes, Due] = {}
        self.claims: dict[bytes, Due] = {}
        self.lone: set[bytes] = set()
        """Person records to be claimed from which nothing hung before this unit."""
        self.comparing = False
        self.stored_at = -1
        """The broker's time (ms) of the canary that is worked on."""
        self.stopped = False
        """Long work comes next: the rest of the run is read again."""
        self.stepping = False
        """Is this a step of long work? Then nothing that concerns other records is said yet."""
        self.shared: dict[str, Due] = {}
        """Persons whose records at the institution must be compared."""
        self._names: dict[bytes, bytes | None] = {}
        self._written: dict[bytes, None] = {}
        self._applied: set[bytes] = set()
        self._index: dict[bytes, bytes | None] = {}
        self._linked: dict[str, list[bytes]] = {}
        self._store_get = store.get
        self._scan = store.scan
        self._keys = store.suffixes()
        self._partitions = partitions
        self._slot = slot_of(self.code, partitions)
        self._states: dict[bytes, bytes | None] = {}
        self._loaded: dict[bytes, Row | None] = {}
        self._values: dict[bytes, dict[str, Any]] = {}
        self._former: dict[bytes, tuple[Row, dict[str, Any]]] = {}
        self._messages: list[Message] = []
        self._clean: dict[str, list[Output]] = {}

    # rows

    def row(self, key: bytes) -> Row | None:
        """The record's newest state, this unit's changes included."""
        if key in self._loaded:
            return self._loaded[key]
        state = self._states[key] if key in self._states else self._store_get(key)
        row = self._loaded[key] = rows.load(state) if state is not None else None
        return row

    def is_live(self, key: str) -> bool:
        raw = key.encode()
        if raw in self._loaded:
            row = self._loaded[raw]
            return row is not None and row.live
        if raw in self._states:
            state = self._states[raw]
        else:
            state = self._states[raw] = self._store_get(raw)
        return state is not None and rows.is_live(state)

    def values(self, key: bytes) -> dict[str, Any] | None:
        """The values of a live record, None if there is none."""
        known = self._values.get(key)
        if known is not None:
            return known
        row = self.row(key)
        if row is None or not row.live:
            return None
        _, values = self.contract.values(row.raw, row.body)
        self._values[key] = values
        return values

    def former_values(self, key: bytes, row: Row) -> dict[str, Any]:
        """The values of a live row of the record that is not, or will not be, its newest."""
        known = self._former.get(key)
        if known is None or known[0] is not row:
            known = self._former[key] = row, self.contract.values(row.raw, row.body)[1]
        return known[1]

    def change(self, key: bytes, entity: str, row: Row, values: dict[str, Any], before: Row | None) -> None:
        """An event has given the record this state instead of `before`; what follows from it is worked out when the unit is settled."""
        deciding = links.DECIDING.get(entity)
        old = None
        if deciding and before is not None and before.live:
            old = self._values.get(key) or self.former_values(key, before)
            if key not in self.changed:
                self._former[key] = before, old
        if key not in self.changed:
            self.changed[key] = before
        if row.live:
            if deciding and (old is None or deciding(old) != deciding(values)):
                for parent in links.parents_of(entity, values):
                    self.link(parent, key)
            self._values[key] = values
        else:
            self._values.pop(key, None)
        self._applied.add(key)
        self.put(key, row)

    def put(self, key: bytes, row: Row) -> None:
        """Replace the record's state."""
        self._loaded[key] = row
        self._written[key] = None
        if key in self.institution.seen:
            self.institution.seen.discard(key)
            self.set_name(b"seen/" + key, None)

    # what hangs from what

    def link(self, parent: str, child: bytes) -> None:
        self._index[links.prefix(self.institution.names, parent) + child] = b""
        self._linked.setdefault(parent, []).append(child)

    def linked(self, parent: bytes) -> bool:
        """Has this unit linked anything to the record?"""
        return parent.decode() in self._linked

    def children(self, parent: str, most: int) -> list[bytes]:
        """Keys of the live records that hang from this one, sorted; no more than so many links are looked at."""
        return self.children_from(parent, b"", most)[0]

    def children_from(self, parent: str, after: bytes, most: int) -> tuple[list[bytes], bytes | None]:
        """Those among the next links behind `after`; and the last link looked at, None if there are no more."""
        prefix = links.prefix(self.institution.names, parent)
        found = set(self._keys(prefix, prefix + after + b"\x00" if after else prefix, most))
        if own := self._linked.get(parent):
            found.update(child for child in own if child > after)
        looked_at = sorted(found)[:most]
        live = [child for child in looked_at if self._hangs(child, parent, prefix)]
        return live, looked_at[-1] if len(looked_at) == most else None

    def _hangs(self, child: bytes, parent: str, prefix: bytes) -> bool:
        values = self.values(child)
        if values is not None and (parent in links.parents_of(entity_of(child), values) or self._is_of(child, parent)):
            return True
        self._index[prefix + child] = None
        return False

    def _is_of(self, child: bytes, parent: str) -> bool:
        row = self._loaded.get(child)
        return row is not None and bool(row.person) and parent == links.group("person", row.person)

    def doubted(self, parent: str) -> list[bytes]:
        """Of the records that were looked at in doubt, those that hang from this one."""
        prefix = links.prefix(self.institution.names, parent)
        return [key for key in self.institution.doubted if self._hangs(key, parent, prefix)] if self.careful else []

    def links_of(self, parent: str, most: int) -> list[bytes]:
        """What is linked to the record, without a look whether it still names it."""
        prefix = links.prefix(self.institution.names, parent)
        return [*self._keys(prefix, prefix, most), *self._linked.get(parent, ())]

    # what follows from the changes

    def touch(self, key: bytes, due: Due) -> None:
        """The rules over related records must look at this record again."""
        if due > self.touched.get(key, _NEVER_DUE):
            self.touched[key] = due

    def reclaim(self, key: bytes, due: Due) -> None:
        """The person record must be claimed again."""
        if due > self.claims.get(key, _NEVER_DUE):
            self.claims[key] = due

    def stored(self, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Entries as they stood before this unit, behind `after`."""
        return self._scan(prefix, after + b"\x00" if after != prefix else prefix)

    @property
    def untouched(self) -> bool:
        """Has nothing been changed yet?"""
        return not self._written and not self._names

    def notes(self, kind: bytes, most: int) -> list[tuple[bytes, bytes]]:
        """The first so many of what is put off under this kind of name, this unit's changes included."""
        if not most:
            return []
        full, first = self.institution.names + kind, self.institution.first_note
        lowest = end = full + b"\xff"
        merged: dict[bytes, bytes | None] = {k: v for k, v in self._names.items() if k.startswith(full)}
        if (begin := first.get(kind, full)) != end:
            left = most
            for key, value in self._scan(full, begin):  # no generator expression: compiled, it would be read to its end
                lowest = min(lowest, key)
                if key not in self._names:
                    merged[key] = value
                    left -= 1
                    if not left:
                        break
        found = [(k, v) for k, v in sorted(merged.items()) if v is not None]
        first[kind] = min(lowest, found[0][0]) if found else lowest
        return [(k[len(full) :], v) for k, v in found[:most]]

    def name(self, name: bytes) -> bytes | None:
        """One entry of the institution's names."""
        full = self.institution.names + name
        return self._names[full] if full in self._names else self._store_get(full)

    def set_name(self, name: bytes, value: bytes | None) -> None:
        self._names[self.institution.names + name] = value

    def hold(self, key: bytes, raw: bytes) -> bool:
        """Keep a CANCEL until it is released or rejected; True if one of this record was held already."""
        before = self.name(b"held/" + key)
        self.set_name(b"held/" + key, raw)
        return before is not None

    def waits(self, row: Row | None) -> bool:
        """Is more to come soon, as in a first load or a backlog? Then what changes again and again is worked out later."""
        return self.deferring or self.stepping or (row is not None and row.snapshot)

    def put_off(self, kind: bytes, what: bytes, value: bytes = b"1") -> None:
        """Note durably something to be worked out when the institution is quiet."""
        self.set_name(kind + what, value)
        self.behind = True
        first, name = self.institution.first_note, self.institution.names + kind + what
        if name < first.get(kind, b""):
            first[kind] = name

    def wait_for(self, child: bytes, parents: Iterable[str]) -> None:
        """Note which missing parents a record waits for; an empty list ends it."""
        self._index[self.institution.names + b"wait/" + child] = json.dumps(parents).encode() if parents else None
        for parent in parents:
            self.institution.waiting.setdefault(parent, set()).add(child.decode())

    # outputs

    def emit(self, topic: str, partition: int, key: bytes, value: bytes | None) -> None:
        out = self.outputs.get((topic, partition))
        if out is None:
            out = self.outputs[topic, partition] = []
        out.append((key, value))

    def clean(self, entity: str, key: bytes, raw: bytes) -> None:
        out = self._clean.get(entity)
        if out is None:
            out = self._clean[entity] = self.outputs[clean_topic(entity), self._slot] = []
        out.append((key, raw) if entity != "canary" else (key, raw, (STORED, str(self.stored_at).encode())))

    def claim(
        self,
        person: str,
        key: bytes,
        event: Envelope,
        place: int,
        hanging: bytes = NOTHING_HANGS,
        body: bytes = b"",
        moved_to: str = "",
    ) -> None:
        """An institution's person record as a claim; no body retracts it, `moved_to` says for whom it is claimed now. The
        entity's bytes are forwarded as they are. `hanging`: telephone, e-mail and facts, encoded.
        """
        a = self.account
        value = b"".join(
            (
                self.contract.header("Claim"),
                text_bytes(person),
                text_bytes(key.decode()),
                long_bytes(a.generation),
                long_bytes(place),
                long_bytes(a.orders_place),
                long_bytes(event.epoch),
                event.clock,
                hanging,
                b"\x02" + text_bytes(moved_to) if moved_to else b"\x00",
                b"\x02" + body if body else b"\x00",
            )
        )
        self.emit(CLAIMS.name, partition_of(person.encode(), self._partitions), person.encode(), value)

    def finding(self, key: bytes, found: Open, status: str, due: Due, waiver: tuple[str, str] | None = None) -> None:
        """Say that a finding opened, closed or was waived (until when, and by whom and why)."""
        record = key.decode()
        name = finding_id(found.rule, self.code, record, found.fields, found.other)
        self.emit(
            FINDINGS.name_for(self.code),
            0,
            name.encode(),
            self.contract.encode(
                "Finding",
                {
                    "finding_id": name,
                    "institution": self.code,
                    "rule": found.rule,
                    "severity": severity_of(found.found),
                    "record_key": record,
                    "fields": list(found.fields),
                    "other_record": found.other,
                    "status": status,
                    "generation": self.account.generation,
                    "place": due.place,
                    "orders_place": self.account.orders_place,
                    "at": due.at,
                    "details": dict(found.details),
                    "waived_until": waiver[0] if waiver else None,
                    "waiver": waiver[1] if waiver else None,
                },
            ),
        )

    def answer(self, name: str, value: bytes) -> None:
        """An answer on the institution's control topic."""
        self.emit(CONTROL.name_for(self.code), 0, name.encode(), value)

    def dead_letter(
        self, error: HemisError, topic: str, offset: int, key: bytes | None, value: bytes | None, attempts: int = 0
    ) -> None:
        """Keep the bytes; a readable key of a known record counts as seen by a sweep."""
        self.account.dead_letter += 1
        codes = self.account.dead_letter_codes
        codes[error.code] = codes.get(error.code, 0) + 1
        if error.code in ("E105", "E107"):
            self.account.alarm({"E105": "forged_institution", "E107": "unknown_instance"}[error.code])
        if key and key.startswith(self.institution.records) and self.row(key) is not None:
            self.institution.seen.add(key)
            self.set_name(b"seen/" + key, b"1")
        self.emit(
            DEAD_LETTERS.name,
            partition_of(self.code.encode(), DEAD_LETTERS.partitions or 1),
            self.code.encode(),
            self.contract.encode(
                "DeadLetter",
                {
                    "institution": self.code,
                    "topic": topic,
                    "partition": 0,
                    "offset": offset,
                    "code": error.code,
                    "reason": error.detail or error.declared.en,
                    "found_at": time.time_ns() // 1000,
                    "attempts": attempts,
                    "key": key,
                    "value": value,
                },
            ),
        )

    def state(self) -> list[Message]:
        """The changelog messages of this unit, the account (place and ledger) last.

        If the write is torn, the events whose rows were written count as seen when they are read again, and nothing follows from
        them any more. So what must follow comes before them: what was put off, and the rows of other records that they changed.
        What ends something (a held CANCEL that was released) comes behind what it led to.
        """
        states = {key: self._state_of(key) for key in self._written}
        self._messages = [
            *[(name, value) for name, value in self._names.items() if value is not None],
            *[(key, state) for key, state in states.items() if key not in self._applied],
            *[(key, state) for key, state in states.items() if key in self._applied],
            *[(name, None) for name, its in self._names.items() if its is None],
            self._account(),
        ]
        return self._messages

    def _state_of(self, key: bytes) -> bytes | None:
        row = self._loaded[key]
        return None if row is None else rows.dump(row)

    def store_changes(self) -> dict[bytes, bytes | None]:
        """What goes to the store: the changelog messages and the index entries that follow from them."""
        return {**dict(self._messages or self.state()), **self._index, links.end(self.institution.names): b""}

    def _account(self) -> Message:
        return self.institution.names + b"account", self.account.dump()


def entity_of(key: bytes) -> str:
    """The entity that a record key names."""
    return _ENTITIES[key.split(b"/", 2)[1]]
