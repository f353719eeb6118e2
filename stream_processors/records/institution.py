"""What a worker holds of one institution between units of work, and the index entries that a restore makes again."""

from __future__ import annotations

import json
from typing import NamedTuple

from schemas.errors import HemisError
from stream_processors.contract import Contract
from stream_processors.records import links
from stream_processors.records import row as rows
from stream_processors.records.account import Account
from stream_processors.records.row import Row
from stream_processors.store import Messages, Store

AGAIN, JUDGE, FAN, SAME = b"again/", b"judge/", b"fan/", b"same/"
"""What is put off is noted under these names; see `behind`."""


class Question(NamedTuple):
    """The registry is asked (since a monotonic time) about a schema id in a topic of the institution, for all that lies there before
    `until`."""

    asked_at: float
    topic: str
    until: int


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
        self.behind = False
        """Is anything put off?"""
        self.first_note: dict[bytes, bytes] = {}
        """By kind: in the store nothing that is put off stands before this name, whatever becomes of the unit of work under way. What
        was worked off leaves traces there, and whoever looks from the beginning walks past all of them."""
        self.doubted: set[bytes] = set()
        """Records that were looked at since doubt began (see `stage`)."""
        self.question: Question | None = None
        self.answered: dict[str, int] = {}
        """By topic: a schema id that was never met, before this offset, is of no version of the contract."""
        self.reload_indexes()

    def reload_indexes(self) -> None:
        """Read the small indexes again from the store, as after a unit of work that came to nothing."""
        self.waiting.clear()
        for key, parents in self._store.scan(self.names + b"wait/"):
            child = key[len(self.names) + 5 :].decode()
            for parent in json.loads(parents):
                self.waiting.setdefault(parent, set()).add(child)
        self.seen = {key[len(self.names) + 5 :] for key, _ in self._store.scan(self.names + b"seen/")}
        self.behind = any(True for what in (AGAIN, JUDGE, FAN, SAME) for _ in self._store.scan(self.names + what))


class Indexes:
    """The index entries that restored states imply: which records wait for which parents, and what hangs from what.
    For `store.restore`."""

    def __init__(self, code: str, store: Store, contract: Contract) -> None:
        self._records, self._names = code.encode() + b"/", code.encode() + b"!"
        self._wait = self._names + b"wait/"
        self._contract = contract
        self._waiting = {key[len(self._wait) :] for key, _ in store.scan(self._wait)}

    def __call__(self, messages: Messages) -> dict[bytes, bytes | None]:
        entries: dict[bytes, bytes | None] = {links.end(self._names): b""}
        for key, state in messages.items():
            if not key.startswith(self._records):
                continue
            row = rows.load(state) if state else None
            if row and (parents := rows.waiting_for(row.open)):
                self._waiting.add(key)
                entries[self._wait + key] = json.dumps(parents).encode()
            elif key in self._waiting:
                self._waiting.discard(key)
                entries[self._wait + key] = None
            if row and row.live:
                entries |= dict.fromkeys(self._links(key, row), b"")
        return entries

    def _links(self, key: bytes, row: Row) -> list[bytes]:
        try:
            entity, values = self._contract.values(row.raw, row.body)
        except HemisError as error:
            if error.transient:
                raise
            return []
        parents = links.parents_of(entity, values)
        if row.person:
            parents.append(links.group("person", row.person))
        return [links.prefix(self._names, parent) + key for parent in parents]
