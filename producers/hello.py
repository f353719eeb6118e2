"""Hello: the agent's first words in its topic, and RECORDS' answer to them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from producers.position import AgentState
from producers.sources.source import Identity
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header

REPEAT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    instance: str
    hello_offset: int
    epoch: int
    mapping_revision: str
    accepted: bool
    reload: bool


def instance_of(identity: Identity) -> str:
    """The instance id: a restored database, a promoted standby or a new slot is another instance."""
    text = f"{identity.system_id}/{identity.timeline}/{identity.created}"
    return sha256(text.encode()).hexdigest()[:16]


def hello(schema_id: int, identity: Identity, instance: str, revision: str, gap: bool) -> tuple[bytes, bytes]:
    """The event."""
    body = codec(subject("Hello")).encode(
        {
            "instance": instance,
            "system_id": identity.system_id,
            "timeline": identity.timeline,
            "slot_created": identity.created,
            "mapping_revision": revision,
            "gap": gap,
            "captured_at": time.time_ns() // 1000,
        }
    )
    return b"hello", header(schema_id) + body


def answer(value: bytes) -> Answer:
    """RECORDS' answer out of its bytes.

    Raises:
        DecodeError: they are no answer.
    """
    fields: dict[str, Any] = codec(subject("HelloAnswer")).decode(value, 5)[0]
    return Answer(**fields)


def known(state: AgentState, instance: str, revision: str) -> bool:
    """Did RECORDS accept just this source and mapping before? Then the agent need not wait for the answer."""
    return not state.gap and state.accepted_instance == instance and state.accepted_revision == revision
