"""What the wire format costs in Python, compiled, and in fastavro: `python -m tests.benchmarks.wire`.

µs per record on one core, the best of nine rounds. fastavro's numbers hold its BytesIO; it checks less (NUL, left-over bytes).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from io import BytesIO

import fastavro

from schemas import avro_schema, envelope
from schemas.codec import compiled, generated
from schemas.native import wire
from tests.benchmarks.decide import ENTITIES, values_of
from tests.unit.schemas.test_codec import by_fastavro, without_logical

ROUNDS, CALLS = 9, 5000


def cost(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(CALLS):
            call()
        best = min(best, time.thread_time() - began)
    return best / CALLS * 1e6


def show(what: str, *calls: Callable[[], object]) -> None:
    print(f"{what:<22}" + "".join(f"{cost(call):10.2f}" for call in calls))


def records(entity: str) -> None:
    schema = avro_schema.full(f"{avro_schema.NAMESPACE}.{avro_schema.record_name(entity)}")
    peer = fastavro.parse_schema(without_logical(json.loads(json.dumps(schema))))
    python, native = generated(schema), compiled(schema)
    value = values_of(entity, 1234, "")
    raw = python.encode(value)
    show(
        f"{entity} decode",
        lambda: python.decode(raw),
        lambda: native.decode(raw),
        lambda: fastavro.schemaless_reader(BytesIO(raw), peer, None),
    )
    show(
        f"{entity} encode",
        lambda: python.encode(value),
        lambda: native.encode(value),
        lambda: by_fastavro(peer, value),
    )


def envelopes() -> None:
    assert wire is not None
    head = envelope.write(
        7, operation=envelope.UPDATE, snapshot=False, version=123_456_789, changed_at=1_780_000_000_000_000, captured_at=1_780_000_000_000_123,
        instance="0123456789abcdef", source_table="public.study_record", record_key="UNI-A/study_record/12345",
    )  # fmt: skip
    event, read, stamp = envelope.read(head), wire.EnvelopeReader(envelope.Envelope).read, wire.stamp
    show("envelope read", lambda: envelope.read_in_python(head), lambda: read(head))
    show("envelope stamp", lambda: envelope.stamp_in_python(head, event, 1, 1 << 20), lambda: stamp(head, event, 1, 1 << 20))  # fmt: skip


if __name__ == "__main__":
    print(f"{'µs':<22}{'Python':>10}{'compiled':>10}{'fastavro':>10}")
    for name in ENTITIES:
        records(name)
    envelopes()
