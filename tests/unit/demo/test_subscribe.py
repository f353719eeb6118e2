"""Events as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploy.subscribe import Reader, line
from schemas import envelope
from schemas.avro_schema import change_subject, full
from schemas.codec import codec
from schemas.registry import Registry


class Known(Registry):
    """A registry that knows one schema, as number 7."""

    def __init__(self, cache: Path) -> None:
        super().__init__("http://127.0.0.1:1", cache)

    def schema_of(self, schema_id: int) -> dict[str, Any] | None:
        return full(change_subject("learner")) if schema_id == 7 else None


class Message:
    def __init__(self, value: bytes | None) -> None:
        self._value = value

    def value(self) -> bytes | None:
        return self._value

    def topic(self) -> str:
        return "hemis.clean.learner"

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return 41

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000

    def key(self) -> bytes:
        return b"DHA/learner/1"

    def headers(self) -> list[tuple[str, bytes]]:
        return [("ce_type", b"vn.hemis")]


def event(schema_id: int) -> bytes:
    entity = codec("vn.hemis.Learner").encode(
        {"code": "K1", "person": None, "email": None, "phone": None, "policy_group": None}
    )
    prefix = envelope.write(
        schema_id,
        operation=envelope.UPDATE,
        snapshot=False,
        version=9,
        changed_at=1,
        captured_at=2,
        instance="a",
        source_table="public.t",
        record_key="DHA/learner/1",
    )
    return prefix + entity


def test_an_event_is_decoded_with_key_place_and_headers(tmp_path: Path) -> None:
    found = line(Message(event(7)), Reader(Known(tmp_path)))
    assert (found["partition"], found["offset"], found["key"]) == (2, 41, "DHA/learner/1")
    assert found["headers"] == {"ce_type": "vn.hemis"}
    assert found["type"] == "vn.hemis.LearnerChange"
    assert found["value"]["envelope"]["operation"] == "UPDATE"
    assert found["value"]["entity"]["code"] == "K1"
    json.dumps(found)


def test_what_cannot_be_decoded_is_shown_raw(tmp_path: Path) -> None:
    reader = Reader(Known(tmp_path))
    assert line(Message(event(8)), reader)["error"] == "E102"
    assert line(Message(event(7)[:-1]), reader)["error"] == "E101"
    assert line(Message(None), reader)["value"] is None
