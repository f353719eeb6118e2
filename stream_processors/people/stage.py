"""PEOPLE as a stage: units are partitions of hemis.claims; the unit of the decision is one person.

State per unit: every claim under `<partition>/<person>\\x1f<record>`, what was last emitted under `<partition>!golden/<person>`, and the
account. Claims are stored one per person and record, not as one blob: a number on many records stays cheap to change.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from threading import local
from typing import Any

from aiokafka import ConsumerRecord
from confluent_kafka import Producer
from faust.types import TP

from schemas.avro_schema import field_names
from schemas.codec import HEADER_SIZE, codec
from schemas.errors import DecodeError
from schemas.keys import finding_id
from schemas.logs import log
from schemas.rules import RULES
from schemas.settings import ProcessorSettings
from schemas.topics import CLAIMS, FINDINGS, GOLDEN, PEOPLE_STATE, PROGRESS, partition_of
from stream_processors.contract import Contract
from stream_processors.outbox import Message, Outputs
from stream_processors.people.golden import RULE, Golden, golden_persons
from stream_processors.stage import Scratch, Stage
from stream_processors.store import Changelog, Store, offset_note
from stream_processors.topic_facts import TopicFacts

_CLAIM = codec("vn.hemis.Claim")
CONFLICT = "R02"
CONFLICT_FIELDS = ["citizen_number", "full_name", "birth_date"]


@dataclass
class Account:
    place: int = 0
    topic_id: str = ""
    generation: int = 0
    persons: int = 0


class Partition:
    """What a worker holds in memory of one partition of claims."""

    def __init__(self, number: str, store: Store) -> None:
        self.number = number
        self.claims = f"{number}/".encode()
        self.names = f"{number}!".encode()
        raw = store.get(self.names + b"account")
        self.account = Account(**json.loads(raw)) if raw else Account()


class Unit(Scratch):
    """One partition's part of a unit of work."""

    def __init__(self, partition: Partition, store: Store, contract: Contract, partitions: int) -> None:
        self.partition = partition
        self.account = Account(**asdict(partition.account))
        self.outputs: Outputs = {}
        self.changes: dict[bytes, bytes | None] = {}
        self.touched: dict[str, tuple[int, int]] = {}
        self._store = store
        self._contract = contract
        self._partitions = partitions

    def take(self, raw: bytes, offset: int) -> None:
        """Keep a claim if it is newer than what is known of the person and record; the person is touched."""
        claim, _ = _CLAIM.decode(raw, HEADER_SIZE)
        key = self.partition.claims + f"{claim['person_key']}\x1f{claim['record_key']}".encode()
        before = self.changes[key] if key in self.changes else self._store.get(key)
        if before is not None and _version(_CLAIM.decode(before, HEADER_SIZE)[0]) >= _version(claim):
            return
        self.changes[key] = raw
        self.touched[claim["person_key"]] = (offset, claim["changed_at"])

    def settle(self) -> None:
        """Work out every touched person once, and emit what changed."""
        for person, (place, changed_at) in self.touched.items():
            self._settle(person, place, changed_at)

    def _claims(self, person: str) -> list[dict[str, Any]]:
        prefix = self.partition.claims + f"{person}\x1f".encode()
        found: dict[bytes, bytes | None] = dict(self._store.scan(prefix))
        found.update({k: v for k, v in self.changes.items() if k.startswith(prefix)})
        decoded = [_CLAIM.decode(raw, HEADER_SIZE)[0] for raw in found.values() if raw is not None]
        return [claim for claim in decoded if claim["person"] is not None]

    def _settle(self, person: str, place: int, changed_at: int) -> None:
        name = self.partition.names + b"golden/" + person.encode()
        kept = self._store.get(name)
        before = json.loads(kept) if kept else {"golden": {}, "findings": []}
        claims = self._claims(person)
        goldens = golden_persons(person, claims) if claims else []
        conflict = len(goldens) > 1
        after: dict[str, Any] = {"golden": {}, "findings": sorted(c["record_key"] for c in claims) if conflict else []}
        for golden in goldens:
            value = self._value(golden, conflict, place, changed_at, live=True)
            content = after["golden"][golden.person_key] = _content(value)
            if before["golden"].get(golden.person_key) != content:
                self._emit_golden(golden.person_key, value)
        for gone in sorted(set(before["golden"]) - set(after["golden"])):
            empty = Golden(gone, dict.fromkeys(field_names("person")), {}, ())
            self._emit_golden(gone, self._value(empty, False, place, changed_at, live=False))
        for record in sorted(set(before["findings"]) ^ set(after["findings"])):
            self._finding(person, record, "OPEN" if record in after["findings"] else "RESOLVED", place, changed_at)
        if after != before:
            self.account.persons += bool(after["golden"]) - bool(before["golden"])
            self.changes[name] = json.dumps(after, separators=(",", ":")).encode() if after["golden"] else None

    def _value(self, golden: Golden, conflict: bool, place: int, changed_at: int, *, live: bool) -> dict[str, Any]:
        return {
            "person_key": golden.person_key, "generation": self.account.generation, "place": place, "live": live, "changed_at": changed_at, "person": golden.person,
            "origins": {
                name: {"institution": claim["record_key"].partition("/")[0], "record_key": claim["record_key"], "place": claim["place"], "rule": RULE}
                for name, claim in golden.origins.items()
            },
            "claims": [claim["record_key"] for claim in golden.claims], "conflict": conflict,
        }

    def _emit_golden(self, person_key: str, value: Mapping[str, Any]) -> None:
        key = person_key.encode()
        self._emit(GOLDEN.name, partition_of(key, self._partitions), key, self._contract.encode("GoldenPerson", value))

    def _finding(self, person: str, record: str, status: str, place: int, at: int) -> None:
        institution = record.partition("/")[0]
        name = finding_id(CONFLICT, institution, record, tuple(CONFLICT_FIELDS), person=person)
        self._emit(FINDINGS.name_for(institution), 0, name.encode(), self._contract.encode("Finding", {
            "finding_id": name, "institution": institution, "rule": CONFLICT, "severity": RULES[CONFLICT].severity, "record_key": record, "fields": CONFLICT_FIELDS,
            "other_record": "", "status": status, "generation": self.account.generation, "place": place, "orders_place": 0, "at": at, "details": {},
        }))

    def _emit(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        self.outputs.setdefault((topic, partition), []).append((key, value))

    def state(self) -> list[Message]:
        return [*self.changes.items(), (self.partition.names + b"account", json.dumps(asdict(self.account)).encode())]

    def store_changes(self) -> Mapping[bytes, bytes | None]:
        return dict(self.state())


def _version(claim: Mapping[str, Any]) -> tuple[int, int, int]:
    return claim["generation"], claim["place"], claim["orders_place"]


def _content(value: Mapping[str, Any]) -> str:
    """Hash of what a reader of the golden person sees, without where and when it was decided."""
    seen = [value["person"], value["claims"], value["conflict"], {k: [o["record_key"], o["rule"]] for k, o in value["origins"].items()}]
    return sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:24]


class People(Stage[Partition, Unit]):
    name = "people"
    pattern = re.compile(re.escape(CLAIMS.name))

    def __init__(self, settings: ProcessorSettings, store: Store, contract: Contract) -> None:
        super().__init__(store, refresh_seconds=settings.refresh_seconds, lease_seconds=settings.session_timeout_seconds / 2)
        self._settings = settings
        self._contract = contract
        self._thread = local()
        self._state_id = ""
        self._progress = Producer(settings.kafka(**{"linger.ms": 5, "acks": 1}))
        self.holes = 0
        self.batches: list[int] = []

    def unit_of(self, tp: TP) -> str:
        return str(tp.partition)

    def changelog(self, unit: str) -> tuple[str, int]:
        return PEOPLE_STATE.name, int(unit)

    def offset_note(self, unit: str, following: int) -> bytes:
        return offset_note(self._state_id, following)

    def hole(self, tp: TP) -> None:
        self.holes += 1

    def restore(self, unit: str, partitions: set[TP]) -> tuple[Partition, dict[TP, int]]:
        thread = self._thread
        if not hasattr(thread, "facts"):
            thread.facts, thread.changelog = TopicFacts(self._settings.kafka()), Changelog(self._settings.kafka())
        ids = thread.facts.ids(CLAIMS.name, PEOPLE_STATE.name)
        self._state_id = ids[PEOPLE_STATE.name]
        code = unit.encode()
        thread.changelog.restore(self.store, code, (code + b"/", code + b"!"), PEOPLE_STATE.name, int(unit), self._state_id, lambda _key, _value: {})
        partition = Partition(unit, self.store)
        account = partition.account
        if account.topic_id not in ("", ids[CLAIMS.name]):
            account.generation, account.place = account.generation + 1, 0
        account.topic_id = ids[CLAIMS.name]
        low, high = thread.facts.ends(CLAIMS.name, int(unit))
        if not low <= account.place <= high:
            log("error", "claims were deleted before they were read", action="reload every institution", partition=unit)
            account.place = low
        self._say(partition)
        return partition, {tp: account.place for tp in partitions}

    def admitted(self, unit: str) -> int:
        return self._settings.fetch_records // 4

    def decide(self, unit: Partition, runs: Mapping[TP, Sequence[ConsumerRecord]]) -> Unit:
        scratch = Unit(unit, self.store, self._contract, self._settings.partitions)
        for run in runs.values():
            for record in run:
                scratch.account.place = record.offset + 1
                try:
                    scratch.take(record.value or b"", record.offset)
                except DecodeError as error:  # only RECORDS writes here: a defect, not an institution's fault
                    log("error", "a claim can't be decoded", action="report this defect", partition=record.partition, offset=record.offset, code=error.code)
        scratch.settle()
        return scratch

    def keep(self, unit: Partition, scratch: Unit, sent: Mapping[tuple[str, int], int]) -> None:
        self.batches.append(scratch.account.place - unit.account.place)
        unit.account = scratch.account
        self._say(unit)

    def _say(self, unit: Partition) -> None:
        value = self._contract.encode("Progress", {
            "stage": self.name, "topic": CLAIMS.name, "partition": int(unit.number), "place": unit.account.place, "at": time.time_ns() // 1000,
        })
        self._progress.produce(PROGRESS.name, value, f"people/{CLAIMS.name}/{unit.number}".encode(), partition=0)
        self._progress.poll(0)

    def drop(self, unit: Partition) -> None:
        """A scratch of PEOPLE changes nothing in memory."""

    def facts(self) -> dict[str, Account]:
        return {number: partition.account for number, partition in self.units.items()}

    def close(self) -> None:
        self._progress.flush(5)
        super().close()
