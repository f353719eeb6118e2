"""RECORDS without a broker: a real store, the real contract (ids from a registry cache on disk), and events as an agent writes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from schemas import avro_schema, envelope
from schemas.codec import HEADER_SIZE, codec
from schemas.errors import HemisError
from schemas.keys import PersonKeys
from schemas.registry import Registry
from stream_processors.contract import Contract, Unreadable
from stream_processors.records import behind, changes, control, orders, steps
from stream_processors.records.brake import Brake
from stream_processors.records.institution import Institution
from stream_processors.records.row import Row
from stream_processors.records.settle import settle
from stream_processors.records.unit import Unit
from stream_processors.store import Store

CODE = "UNI-A"
INSTANCE = "0123456789abcdef"
PARTITIONS = 4
NOW = 1_780_000_000_000_000
CHANGES, ORDERS = TP(f"hemis.changes.{CODE}", 0), TP(f"hemis.orders.{CODE}", 0)


def registry(folder: Path) -> Registry:
    """A registry client whose cache holds every id already, as after one start."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(avro_schema.subjects(), 1):
        text = avro_schema.canonical_text(name)
        (folder / f"{name}.{sha256(text.encode()).hexdigest()[:16]}.id").write_text(str(number))
        (folder / f"{number}.avsc").write_text(text)
    return Registry("http://127.0.0.1:1", folder)


@dataclass
class Finding:
    rule: str
    status: str
    record_key: str
    other_record: str


def meet(contract: Contract, schema_id: int, name: str, schema: dict[str, Any]) -> None:
    """Let the registry have this schema as a version of a type, and be asked for it."""
    known: Any = contract._registry
    known._schemas[schema_id] = schema
    known.ids_of = lambda asked: frozenset({schema_id} if asked == name else ())
    contract.meet_versions()


class Bench:
    """One institution; each call is one unit of work that succeeds."""

    def __init__(self, folder: Path, brake: Brake | None = None) -> None:
        self.registry = registry(folder / "schemas")
        self.contract = Contract(self.registry)
        self.store = Store(folder / "state")
        self.institution = Institution(CODE, self.store)
        self.brake = brake or Brake(0.1, 1_000_000, 600_000_000)
        self.keys = PersonKeys(b"secret")
        self.offset = 0
        self.deferring = False
        self.doubtful = False
        self.last: Unit = self.unit()

    @property
    def account(self) -> Any:
        return self.institution.account

    def unit(self) -> Unit:
        unit = Unit(self.institution, self.store, self.contract, self.keys, self.brake, PARTITIONS)
        unit.deferring = self.deferring
        return unit

    def keep(self, unit: Unit) -> Unit:
        settle(unit)
        self.store.write(unit.store_changes())
        self.institution.account, self.institution.behind = unit.account, unit.behind
        self.last = unit
        return unit

    def hello(self, **said: Any) -> dict[str, Any]:
        """Say hello; the answer."""
        unit = self.unit()
        value = {
            "instance": INSTANCE, "system_id": "7001", "timeline": 1, "slot_created": "0/1", "mapping_revision": "m1", "gap": False, "captured_at": NOW,
        } | said  # fmt: skip
        control.hello(unit, value, self._next(unit))
        self.keep(unit)
        ((_, raw, *_),) = unit.outputs[f"hemis.control.{CODE}", 0]
        assert raw is not None
        return codec("vn.hemis.HelloAnswer").decode(raw, HEADER_SIZE)[0]

    def event(self, entity: str, number: str | int, version: int, **more: Any) -> tuple[bytes, bytes]:
        """Key and bytes of a change. `more`: envelope fields (operation, snapshot, absent, untyped, instance, table) and entity fields."""
        key = more.pop("key", f"{CODE}/{entity}/{number}")
        kind: dict[str, Any] = {
            "operation": envelope.NEW, "snapshot": False, "absent": (), "untyped": {}, "instance": INSTANCE, "changed_at": NOW + version, "table": f"public.{entity}",
        }  # fmt: skip
        kind |= {name: more.pop(name) for name in list(more) if name in kind}
        head = envelope.write(
            self.registry.id_of(avro_schema.change_subject(entity)), operation=kind["operation"], snapshot=kind["snapshot"], version=version,
            changed_at=kind["changed_at"], captured_at=time.time_ns() // 1000, instance=kind["instance"], source_table=kind["table"], record_key=key,
            absent=kind["absent"], untyped=kind["untyped"],
        )  # fmt: skip
        return key.encode(), head + codec(f"vn.hemis.{avro_schema.record_name(entity)}").encode(more)

    def send(self, *events: tuple[bytes | None, bytes]) -> Unit:
        """One unit of work of these events."""
        return self.keep(self.decide(events))

    def decide(self, events: Sequence[tuple[bytes | None, bytes]]) -> Unit:
        """What a unit of work of these events decides; nothing is written."""
        unit = self.unit()
        if self.doubtful:
            unit.careful, unit.deferring = True, False
            if self.institution.behind:
                behind.work_off(unit, NOW)
                settle(unit)
        for key, raw in events:
            self.take(unit, key, raw)
            if unit.careful:
                settle(unit)
        settle(unit)
        self.doubtful = False
        return unit

    def lose(self, *events: tuple[bytes | None, bytes], work_off: bool = False) -> None:
        """A unit of work of these events that is sent and not kept; `last` is what it said."""
        self.last = unit = self.unit()
        if work_off and self.institution.behind:
            behind.work_off(unit, NOW)
            settle(unit)
        for key, raw in events:
            self.take(unit, key, raw)
        settle(unit)
        self.offset -= len(events)
        self.institution, self.doubtful = Institution(CODE, self.store), True

    def work_off(self) -> int:
        """Everything that was put off; the number of portions."""
        portions: list[Bench] = []
        self.each_portion(portions.append)
        return len(portions)

    def each_portion(self, then: Callable[[Bench], None]) -> None:
        """Work off what was put off, portion by portion."""
        while self.institution.behind:
            unit = self.unit()
            behind.work_off(unit, NOW)
            self.keep(unit)
            then(self)

    def take(self, unit: Unit, key: bytes | None, raw: bytes, offset: int | None = None) -> None:
        place = self._next(unit) if offset is None else offset
        unit.account.read += 1
        try:
            kind = self.contract.known(raw)
            if kind is None:
                raise Unreadable("E102")
            changes.change(unit, kind, key, raw, place)
        except HemisError as error:
            unit.dead_letter(error, f"hemis.changes.{CODE}", place, key, raw)

    def change(self, entity: str, number: str | int, version: int, **more: Any) -> Unit:
        return self.send(self.event(entity, number, version, **more))

    def sweep(self, table: str, version: int, reason: str = "RELOAD") -> Unit:
        unit = self.unit()
        said = {
            "instance": INSTANCE,
            "source_table": table,
            "version": version,
            "reason": reason,
            "changed_at": NOW,
            "rows": 0,
        }
        control.sweep(unit, said, self._next(unit))
        return self.keep(unit)

    def go_on(self) -> int:
        """Finish long work, step by step; the number of further steps."""
        count = 0
        while self.account.job:
            unit = self.unit()
            steps.go_on(unit)
            self.keep(unit)
            count += 1
        return count

    def order(self, kind: str, **more: Any) -> Unit:
        unit = self.unit()
        unit.account.orders_place += 1
        orders.order(
            unit,
            {"kind": kind, "actor": "ministry", "ordered_at": NOW, "argument": "", "payload": None, "key": None} | more,
            f"hemis.orders.{CODE}",
        )
        return self.keep(unit)

    def row(self, entity: str, number: str | int) -> Row | None:
        return self.unit().row(f"{CODE}/{entity}/{number}".encode())

    def values(self, entity: str, number: str | int) -> dict[str, Any]:
        row = self.row(entity, number)
        assert row is not None
        return codec(f"vn.hemis.{avro_schema.record_name(entity)}").decode(row.raw, row.envelope.body)[0]

    def clean(self, entity: str) -> list[dict[str, Any]]:
        """Clean records of the last unit."""
        out = []
        for (topic, _), messages in self.last.outputs.items():
            if topic == f"hemis.clean.{entity}":
                out += [
                    codec(avro_schema.change_subject(entity)).decode(raw, HEADER_SIZE)[0]
                    for _, raw, *_ in messages
                    if raw
                ]
        return out

    def claims(self) -> list[dict[str, Any]]:
        out = []
        for (topic, _), messages in self.last.outputs.items():
            if topic == "hemis.claims":
                out += [codec("vn.hemis.Claim").decode(raw, HEADER_SIZE)[0] for _, raw, *_ in messages if raw]
        return out

    def findings(self) -> list[Finding]:
        return [Finding(f["rule"], f["status"], f["record_key"], f["other_record"]) for f in self.decoded_findings()]

    def decoded_findings(self) -> list[dict[str, Any]]:
        messages = self.last.outputs.get((f"hemis.findings.{CODE}", 0), [])
        return [codec("vn.hemis.Finding").decode(raw, HEADER_SIZE)[0] for _, raw, *_ in messages if raw]

    def dead_letters(self) -> list[dict[str, Any]]:
        out = []
        for (topic, _), messages in self.last.outputs.items():
            if topic == "hemis.dead-letters":
                out += [codec("vn.hemis.DeadLetter").decode(raw, HEADER_SIZE)[0] for _, raw, *_ in messages if raw]
        return out

    def balanced(self) -> bool:
        a = self.account
        return bool(a.read == a.applied + a.superseded + a.duplicate + a.held + a.dead_letter)

    def _next(self, unit: Unit) -> int:
        self.offset += 1
        unit.account.place = self.offset
        return self.offset - 1


def run(tp: TP, first: int, *messages: tuple[bytes | None, bytes]) -> dict[TP, list[Any]]:
    records = [SimpleNamespace(offset=first + n, key=k, value=v, timestamp=NOW) for n, (k, v) in enumerate(messages)]
    return {tp: records}
