"""PEOPLE without a broker: a real store, the real contract, and claims as RECORDS writes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from schemas.avro_schema import field_names
from schemas.codec import HEADER_SIZE, codec
from schemas.keys import PersonKeys
from stream_processors.contract import Contract
from stream_processors.people.unit import Partition, Unit
from stream_processors.store import Store
from tests.unit.stream_processors.bench_of_records import registry

KEYS = PersonKeys(b"secret")
NUMBERS = ("001201012345", "001301054321", "079201067890", "048301011223", "031201099887")
NUMBER = NUMBERS[0]
KEY, *_ = ALL_KEYS = [KEYS.of_number(number) for number in NUMBERS]
ON_BUS = ("UNI-A", "UNI-B", "UNI-C", "UNI-D")


def person(**values: Any) -> dict[str, Any]:
    return dict.fromkeys(field_names("person")) | {"citizen_number": NUMBER} | values


def fact(
    kind: str,
    record_key: str,
    *,
    valid_from: str | None = None,
    valid_to: str | None = None,
    status: str | None = None,
    **attributes: str,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "record_key": record_key,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "status": status,
        "attributes": attributes,
    }


def claim(
    record: str, place: int, values: dict[str, Any] | None, key: str = KEY, at: int | None = None, **more: Any
) -> dict[str, Any]:
    """A claim of `values`, or a retraction; `more`: phone, email, facts, moved_to."""
    return {
        "person_key": key, "record_key": record, "generation": 0, "place": place, "orders_place": 0, "epoch": 1, "version": place,
        "changed_at": at or place, "captured_at": place, "phone": None, "email": None, "facts": [], "moved_to": None, "person": values,
    } | more  # fmt: skip


class People:
    """One partition of claims; what was said last of each golden key and finding."""

    def __init__(self, folder: Path, on_bus: Collection[str] = ON_BUS) -> None:
        self.contract = Contract(registry(folder / "schemas"))
        self.store = Store(folder / "state")
        self.partition = Partition("0", self.store)
        self.golden: dict[str, dict[str, Any]] = {}
        self.findings: dict[str, dict[str, Any]] = {}
        self.emitted = 0
        self.offset = 0
        self.on_bus = on_bus
        self.doubtful = False

    def take(self, *claims: dict[str, Any]) -> None:
        """One unit of work."""
        unit = self._decide(claims)
        self.offset += len(claims)
        self.store.write(unit.store_changes())
        self.partition.account = unit.account
        self.doubtful = False

    def lose(self, *claims: dict[str, Any]) -> None:
        """A unit of work that is sent and not kept."""
        self._decide(claims)
        self.doubtful = True

    def _decide(self, claims: Sequence[dict[str, Any]]) -> Unit:
        unit = Unit(self.partition, self.store, self.contract, KEYS, 4, self.on_bus.__contains__)
        for offset, one in enumerate(claims, self.offset):
            unit.take(self.contract.encode("Claim", one), offset)
            if self.doubtful:
                unit.settle()
        unit.settle()
        for (topic, _), messages in unit.outputs.items():
            for key, raw in messages:
                assert raw is not None
                self.emitted += 1
                self._keep(topic, key.decode(), raw)
        return unit

    def _keep(self, topic: str, key: str, raw: bytes) -> None:
        if topic == "hemis.golden.person":
            value = codec("vn.hemis.GoldenPerson").decode(raw, HEADER_SIZE)[0]
            assert value["person_key"] == key
            self.golden[key] = value
        else:
            value = codec("vn.hemis.Finding").decode(raw, HEADER_SIZE)[0]
            assert (value["finding_id"], f"hemis.findings.{value['institution']}") == (key, topic)
            self.findings[key] = value

    def live(self) -> dict[str, dict[str, Any]]:
        return {key: value for key, value in self.golden.items() if value["live"]}

    def open(self, *rules: str) -> list[tuple[str, str, str, str, str]]:
        """Open findings: rule, institution, record, other record, status."""
        names = ("rule", "institution", "record_key", "other_record", "status")
        found = [tuple(str(f[n]) for n in names) for f in self.findings.values() if f["status"] != "RESOLVED"]
        return sorted(f for f in found if not rules or f[0] in rules)  # type: ignore[return-value]

    def settled(self) -> dict[str, Any]:
        """What a reader sees, without where and when it was decided."""
        decided = {"place", "orders_place", "at", "changed_at", "generation"}

        def content(value: dict[str, Any]) -> dict[str, Any]:
            plain = {name: v for name, v in value.items() if name not in decided}
            if "origins" in plain:  # of several events with one value any is its origin
                plain["origins"] = [{n: v for n, v in o.items() if n != "place"} for o in plain["origins"]]
            return plain

        return {
            "golden": {key: content(value) for key, value in sorted(self.live().items())},
            "findings": {k: content(v) for k, v in sorted(self.findings.items()) if v["status"] != "RESOLVED"},
            "persons": self.partition.account.persons,
        }

    def digest(self) -> str:
        return sha256(repr(self.settled()).encode()).hexdigest()
