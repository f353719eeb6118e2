"""One institution's part of a unit of work: a scratch copy of its account and rows, and the outputs decided so far.

Nothing of it counts until the stage has had the outputs acknowledged; then `changes` go to the store in one batch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from schemas.codec import long_bytes, text_bytes
from schemas.envelope import Envelope
from schemas.errors import HemisError
from schemas.keys import PersonKeys, finding_id
from schemas.rules import Found, severity_of
from schemas.topics import CLAIMS, CONTROL, DEAD_LETTERS, FINDINGS, clean_topic, partition_of, slot_of
from stream_processors.contract import Contract
from stream_processors.outbox import Message, Outputs
from stream_processors.records import row as rows
from stream_processors.records.account import Account
from stream_processors.records.brake import Brake
from stream_processors.records.row import Row
from stream_processors.scratch import Scratch
from stream_processors.store import Messages, Store

_NO_CONTACT_NO_FACTS = b"\x00\x00\x00"


class Institution:
    """What a worker holds in memory of one institution, between units of work."""

    def __init__(self, code: str, store: Store) -> None:
        self.code = code
        self.records = code.encode() + b"/"
        self.names = code.encode() + b"!"
        self._store = store
        self.account = Account.load(store.get(self.names + b"account"))
        self.waiting: dict[str, set[str]] = {}
        self.seen: set[bytes] = set()
        self.reload_indexes()

    def reload_indexes(self) -> None:
        """Read the small indexes again from the store, as after a unit of work that came to nothing."""
        self.waiting.clear()
        for key, parents in self._store.scan(self.names + b"wait/"):
            child = key[len(self.names) + 5 :].decode()
            for parent in json.loads(parents):
                self.waiting.setdefault(parent, set()).add(child)
        self.seen = {key[len(self.names) + 5 :] for key, _ in self._store.scan(self.names + b"seen/")}


class WaitIndex:
    """The index entries that restored states imply: which records wait for which parents. For `store.restore`."""

    def __init__(self, code: str, store: Store) -> None:
        self._records, self._wait = code.encode() + b"/", code.encode() + b"!wait/"
        self._waiting = {key[len(self._wait) :] for key, _ in store.scan(self._wait)}

    def __call__(self, messages: Messages) -> dict[bytes, bytes | None]:
        entries: dict[bytes, bytes | None] = {}
        for key, state in messages.items():
            if not key.startswith(self._records):
                continue
            if state and rows.has_findings(state) and (parents := rows.waiting_for(rows.load(state).open)):
                self._waiting.add(key)
                entries[self._wait + key] = json.dumps(parents).encode()
            elif key in self._waiting:
                self._waiting.discard(key)
                entries[self._wait + key] = None
        return entries


class Unit(Scratch):
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
        self.changes: dict[bytes, bytes | None] = {}
        self.newest: Envelope | None = None
        self._index: dict[bytes, bytes | None] = {}
        self._store_get = store.get
        self._scan = store.scan
        self._partitions = partitions
        self._slot = slot_of(self.code, partitions)
        self._loaded: dict[bytes, Row | None] = {}

    # rows

    def row(self, key: bytes) -> Row | None:
        """The record's newest state, this unit's changes included."""
        if key in self._loaded:
            return self._loaded[key]
        state = self._store_get(key)
        row = self._loaded[key] = rows.load(state) if state is not None else None
        return row

    def put(
        self,
        key: bytes,
        raw: bytes,
        event: Envelope,
        marks: dict[str, rows.Version],
        person: str,
        found: tuple[Found, ...],
    ) -> None:
        """Replace the record's state; `event` is the envelope of `raw`."""
        self.changes[key] = rows.dump(raw, marks, person, found)
        self._loaded[key] = Row(raw, event, marks, person, found)
        if key in self.institution.seen:
            self.institution.seen.discard(key)
            self.changes[self.institution.names + b"seen/" + key] = None

    def is_live(self, key: str) -> bool:
        row = self.row(key.encode())
        return row is not None and row.live

    def scan_rows(self) -> Iterator[tuple[bytes, Row]]:
        """Every record of the institution, this unit's changes included."""
        for key, state in self._scan(self.institution.records):
            if key not in self._loaded:
                yield key, rows.load(state)
        yield from [(key, row) for key, row in self._loaded.items() if row is not None]

    def scan_names(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        """Entries of the institution's names that begin with the prefix, this unit's changes included."""
        full = self.institution.names + prefix
        merged: dict[bytes, bytes | None] = dict(self._scan(full))
        merged.update({k: v for k, v in self.changes.items() if k.startswith(full)})
        return [(k[len(full) :], v) for k, v in sorted(merged.items()) if v is not None]

    def set_name(self, name: bytes, value: bytes | None) -> None:
        self.changes[self.institution.names + name] = value

    def hold(self, key: bytes, raw: bytes) -> bool:
        """Keep a CANCEL until it is released or rejected; True if one of this record was held already."""
        name = self.institution.names + b"held/" + key
        before = self.changes[name] if name in self.changes else self._store_get(name)
        self.changes[name] = raw
        return before is not None

    def wait_for(self, child: bytes, parents: list[str]) -> None:
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
        self.emit(clean_topic(entity), self._slot, key, raw)

    def claim(
        self, person: str, key: bytes, event: Envelope, place: int, body: bytes | None, moved_to: str = ""
    ) -> None:
        """An institution's person record as a claim; no body retracts it, `moved_to` says for whom it is claimed now. The
        entity's bytes are forwarded as they are."""
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
                _NO_CONTACT_NO_FACTS,
                b"\x02" + text_bytes(moved_to) if moved_to else b"\x00",
                b"\x00" if body is None else b"\x02" + body,
            )
        )
        self.emit(CLAIMS.name, partition_of(person.encode(), self._partitions), person.encode(), value)

    def findings(self, key: bytes, before: tuple[Found, ...], after: tuple[Found, ...], place: int, at: int) -> None:
        """Say what opened and what closed; what stays open is not said again."""
        was, now = {f[:3] for f in before}, {f[:3] for f in after}
        for f in after:
            if f[:3] not in was:
                self._finding(key, f, "OPEN", place, at)
        for f in before:
            if f[:3] not in now:
                self._finding(key, f, "RESOLVED", place, at)
        self.account.findings_open += len(now) - len(was)

    def _finding(self, key: bytes, found: Found, status: str, place: int, at: int) -> None:
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
                    "severity": severity_of(found),
                    "record_key": record,
                    "fields": list(found.fields),
                    "other_record": found.other,
                    "status": status,
                    "generation": self.account.generation,
                    "place": place,
                    "orders_place": self.account.orders_place,
                    "at": at,
                    "details": dict(found.details),
                    "waived_until": None,
                    "waiver": None,
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
        """The changelog messages of this unit, the account (place and ledger) last."""
        return [*self.changes.items(), self._account()]

    def store_changes(self) -> dict[bytes, bytes | None]:
        """What goes to the store: the changelog messages and the index entries that follow from them."""
        return {**self.changes, **self._index, **dict((self._account(),))}

    def _account(self) -> Message:
        return self.institution.names + b"account", self.account.dump()
