"""Messages as RECORDS and PEOPLE write them, and a registry for tests without one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from schemas import avro_schema, envelope
from schemas.avro_schema import subject, subjects
from schemas.codec import codec
from schemas.envelope import header
from schemas.registry import Registry

Pair = tuple[bytes, bytes]

IDS = {name: 100 + i for i, name in enumerate(subjects())}


def offline_registry(folder: Path, ids: dict[str, int] = IDS) -> Registry:
    """A registry client whose cache knows every subject already; its address answers nobody."""
    registry = Registry("http://127.0.0.1:9", folder, timeout=0.1)
    for name, number in ids.items():
        keep(folder, number, avro_schema.full(name))
    return registry


def keep(folder: Path, number: int, schema: dict[str, Any]) -> None:
    """Another schema in an offline registry's cache."""
    (folder / f"{number}.avsc").write_text(json.dumps(schema))


class Events:
    """`ids` are the registry's ids of the subjects."""

    def __init__(self, ids: dict[str, int] = IDS) -> None:
        self.ids = ids

    def change(
        self,
        key: str,
        version: int,
        operation: int = envelope.UPDATE,
        *,
        epoch: int = 1,
        place: int | None = None,
        snapshot: bool = False,
        changed_at: int | None = None,
        untyped: dict[str, str] | None = None,
        **fields: object,
    ) -> Pair:
        """A clean record of the entity that its key names; a CANCEL has no fields."""
        entity = key.split("/")[1]
        now = time.time_ns() // 1000
        name = f"{avro_schema.NAMESPACE}.{avro_schema.record_name(entity)}"
        prefix = envelope.write(
            self.ids[avro_schema.change_subject(entity)],
            operation=operation,
            snapshot=snapshot,
            version=version,
            changed_at=now if changed_at is None else changed_at,
            captured_at=now,
            instance="0123456789abcdef",
            source_table=f"public.{entity}",
            record_key=key,
            untyped=untyped,
            epoch=epoch,
            place=version if place is None else place,
        )
        return key.encode(), prefix + codec(name).encode(fields)

    def golden(
        self,
        key: str,
        place: int,
        claims: list[str],
        *,
        generation: int = 1,
        live: bool = True,
        alias_of: str | None = None,
        **person: object,
    ) -> Pair:
        """A golden person whose every value comes from its first claim; one that is not live may be another's alias."""
        first = claims[0] if claims else "UNI-A/person/0"
        origin = {
            "institution": first.split("/")[0],
            "record_key": first,
            "place": place,
            "rule": "newest",
            "fields": list(person),
        }
        record = {
            "person_key": key,
            "generation": generation,
            "place": place,
            "live": live,
            "changed_at": time.time_ns() // 1000,
            "person": person,
            "origins": [origin] if person else [],
            "claims": claims,
            "conflict": False,
            "alias_of": alias_of,
        }
        return key.encode(), self._plain("GoldenPerson", record)

    def finding(self, key: str, place: int, *, status: str = "OPEN", orders_place: int = 0, **more: object) -> Pair:
        record: dict[str, object] = {
            "finding_id": key,
            "institution": "UNI-A",
            "rule": "V01",
            "severity": "ERROR",
            "record_key": "UNI-A/person/1",
            "fields": ["birth_date"],
            "other_record": "",
            "status": status,
            "generation": 1,
            "place": place,
            "orders_place": orders_place,
            "at": time.time_ns() // 1000,
            "details": {"length": "3"},
        }
        return self.said(record | more)

    def said(self, finding: dict[str, object]) -> Pair:
        """A whole finding as its writer says it."""
        return str(finding["finding_id"]).encode(), self._plain("Finding", finding)

    def _plain(self, name: str, record: dict[str, object]) -> bytes:
        return header(self.ids[subject(name)]) + codec(subject(name)).encode(record)
