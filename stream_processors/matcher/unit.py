"""A unit of work in MATCHER: take claims and decisions, then settle every touched record's candidates once.

Of a pair of records one thing is remembered: which rule it was found by. It is open while their score is high enough, they are claims
about two persons, and nobody has said that they are two. Scores move as parameters move; a pair is looked at when either of its
records changes, and an open one also when parameters have moved.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from schemas.keys import finding_id
from schemas.rules import RULES
from schemas.topics import FINDINGS
from stream_processors.contract import Contract
from stream_processors.matcher.memory import ACCOUNT, APART, ROWS, SEPARATOR, Known, Memory, known, pair, row_of
from stream_processors.outbox import Message, Outputs
from stream_processors.people.claim import read_claim
from stream_processors.store import Store

CANDIDATE = 6.0
"""Bits: about 64 to 1 that two records are of one person. Below, nobody is asked."""
NEAR = 6.0
"""Bits: candidates of one record that are closer than this are told as such; the best is no better than a guess."""
MOST = 20
"""Open candidates of one record: more would be read by nobody."""
AGAIN = 200
"""So many records with open candidates are looked at once more beside a unit's own."""
NO_NUMBER, TWO_NUMBERS = "R03", "R04"


class Unit:
    def __init__(self, memory: Memory, store: Store, contract: Contract, on_bus: Callable[[str], bool]) -> None:
        self.memory = memory
        self.account = memory.account.copy()
        self.outputs: Outputs = {}
        self.changes: dict[bytes, bytes | None] = {}
        self.changed_at: list[int] = []
        self._undo: list[tuple[str, Known | None]] = []
        self._touched: dict[str, int] = {}
        self._again: list[str] = []
        self._store = store
        self._contract = contract
        self._on_bus = on_bus

    def claim(self, raw: bytes) -> None:
        """Keep a claim if it is newer. Where a record moves to another person, claim and retraction have one version and may come
        in either order: the claim wins.

        Raises:
            DecodeError, Unreadable.
        """
        claim = read_claim(self._contract.current("Claim", raw))
        record, live = claim.record_key, claim.body is not None
        before = self._known(record)
        version = list(claim.version)
        if before is not None and (before.version > version or (before.version == version and not live)):
            return
        now = Known(version, claim.person_key, row_of(claim) if live else None)
        if now == before:
            return
        self.changes[ROWS + record.encode()] = now.raw()
        self.changed_at.append(claim.changed_at)
        # Nearly half of all claims come again for facts and addresses, which are not compared.
        if before is None or (before.person_key, before.row) != (now.person_key, now.row):
            self._undo.append((record, before))
            self.memory.put(record, now)
            self._touched[record] = claim.changed_at

    def order(self, raw: bytes) -> None:
        """Remember that a record is not this person's. What makes two records one person comes back as a claim.

        Raises:
            DecodeError, Unreadable.
        """
        said = self._contract.decode("Order", self._contract.current("Order", raw))
        if said["kind"] in ("OTHER_PERSON", "SAME_PERSON") and said["key"]:
            record = said["key"].decode()
            apart = APART + SEPARATOR.join((record, said["argument"])).encode()
            self.changes[apart] = b"1" if said["kind"] == "OTHER_PERSON" else None
            self._touched.setdefault(record, said["ordered_at"])

    def settle(self) -> None:
        self._look_again()
        for record, at in self._touched.items():
            self._settle(record, at)
        self._touched.clear()

    def undo(self) -> None:
        """Nothing of this was written: what it changed in memory is taken back."""
        for record, before in reversed(self._undo):
            self.memory.put(record, before)
        self.memory.again += self._again

    def state(self) -> list[Message]:
        account = {
            "places": self.account.places,
            "topic_ids": self.account.topic_ids,
            "generation": self.account.generation,
        }
        return [*self.changes.items(), (ACCOUNT, json.dumps(account).encode())]

    def store_changes(self) -> dict[bytes, bytes | None]:
        return dict(self.state())

    def _known(self, record: str) -> Known | None:
        key = ROWS + record.encode()
        return known(self.changes[key] if key in self.changes else self._store.get(key))

    def _look_again(self) -> None:
        if self._touched:
            self.memory.after_a_lesson(self._store)
            again, at = self.memory.again, max(self._touched.values())
            for record in again[-AGAIN:]:
                self._touched.setdefault(record, at)
            self._again += again[-AGAIN:]
            del again[-AGAIN:]

    def _settle(self, record: str, at: int) -> None:
        before, after = dict(self._open(record)), self._candidates(record)
        for other in sorted(before.keys() | after.keys()):
            old, new = before.get(other), after.get(other)
            if old == (new and new[0]):
                continue
            for one, two in ((record, other), (other, record)):
                if old is not None:
                    self._finding(old, one, two, "RESOLVED", at, {})
                if new is not None:
                    self._finding(new[0], one, two, "OPEN", at, new[1] | {"person_key": self.memory.person_keys[two]})
                self.changes[pair(one, two)] = new[0].encode() if new else None

    def _open(self, record: str) -> Iterator[tuple[str, str]]:
        """The record's open candidates, and the rule of each."""
        prefix = pair(record, "")
        seen = {key: value for key, value in self.changes.items() if key.startswith(prefix)}
        for key, value in {**dict(self._store.scan(prefix)), **seen}.items():
            if value is not None:
                yield key[len(prefix) :].decode(), value.decode()

    def _candidates(self, record: str) -> dict[str, tuple[str, dict[str, str]]]:
        """Rule and details by the other record."""
        matcher, keys = self.memory.matcher, self.memory.person_keys
        if record not in matcher:
            return {}
        found = [
            candidate
            for candidate in matcher.candidates(record)
            if candidate.score >= CANDIDATE
            and keys[candidate.record] != keys[record]
            and not self._apart(record, keys[candidate.record])
            and not self._apart(candidate.record, keys[record])
        ][:MOST]
        near = len({keys[candidate.record] for candidate in found if found[0].score - candidate.score < NEAR})
        return {
            candidate.record: (
                TWO_NUMBERS if matcher.differ(record, candidate.record, "citizen_number") else NO_NUMBER,
                {"near": str(near)} if near > 1 else {},
            )
            for candidate in found
        }

    def _apart(self, record: str, person_key: str) -> bool:
        key = APART + SEPARATOR.join((record, person_key)).encode()
        return (self.changes[key] if key in self.changes else self._store.get(key)) is not None

    def _finding(self, rule: str, record: str, other: str, status: str, at: int, details: dict[str, str]) -> None:
        institution = record.partition("/")[0]
        if not self._on_bus(institution):
            return
        fields = RULES[rule].fields["person"]
        name = finding_id(rule, institution, record, fields, other)
        value: dict[str, Any] = {
            "finding_id": name,
            "institution": institution,
            "rule": rule,
            "severity": RULES[rule].severity,
            "record_key": record,
            "fields": list(fields),
            "other_record": other,
            "status": status,
            "generation": self.account.generation,
            "place": self.account.place,
            "orders_place": 0,
            "at": at,
            "details": details,
            "waived_until": None,
            "waiver": None,
        }
        topic = (FINDINGS.name_for(institution), 0)
        self.outputs.setdefault(topic, []).append((name.encode(), self._contract.encode("Finding", value)))
