"""What an agent says, without an agent."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from schemas import avro_schema, envelope
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header

INSTANCE = "0123456789abcdef"


class Voice:
    """Events as agents write them; each change is newer than all before. `ids`: the registry's, by subject."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = ids
        self._version = itertools.count(100)

    def hello(self) -> bytes:
        value = {
            "instance": INSTANCE, "system_id": "1", "timeline": 1, "slot_created": "0/1", "mapping_revision": "m1", "gap": False,
            "captured_at": time.time_ns() // 1000,
        }  # fmt: skip
        return header(self._ids[subject("Hello")]) + codec(subject("Hello")).encode(value)

    def change(self, key: str, values: dict[str, Any] | None, changed_at: int | None = None) -> bytes:
        """None: the record is cancelled."""
        entity, now = key.split("/", 2)[1], time.time_ns() // 1000
        head = envelope.write(
            self._ids[avro_schema.change_subject(entity)],
            operation=envelope.CANCEL if values is None else envelope.UPDATE,
            snapshot=False,
            version=next(self._version),
            changed_at=changed_at or now,
            captured_at=now,
            instance=INSTANCE,
            source_table=f"public.{entity}",
            record_key=key,
            untyped={},
        )
        return head + codec(f"vn.hemis.{avro_schema.record_name(entity)}").encode(values or {})
