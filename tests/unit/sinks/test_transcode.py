"""The fast path's bytes are PostgreSQL's binary COPY of what the strict path decodes."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro_schema, envelope
from schemas.codec import HEADER_SIZE, codec
from sinks.model import ENTITIES, FINDING, GOLDEN, Target
from sinks.postgresql.transcode import UNREADABLE, Transcoder, transcoder
from sinks.rows import row
from sinks.writers import Writers
from tests.conformance.sinks.events import Events, Pair, offline_registry

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=150)
EVENTS = Events()


def code(target: Target) -> Transcoder:
    return transcoder(target, avro_schema.full(target.subject))


def copied(target: Target, pairs: list[Pair]) -> list[dict[str, Any]]:
    """The rows of the transcoder's output, read as PostgreSQL reads them."""
    made = code(target)
    parts: list[bytes] = []
    made.rows(pairs, parts.append, lambda _: None)
    raw, p, out = b"".join(parts), 0, []
    kinds = {leaf.name: leaf.kind for leaf in target.leaves}
    while p < len(raw):
        (count,) = struct.unpack_from(">h", raw, p)
        assert count == len(made.columns)
        p += 2
        values = {}
        for name in made.columns:
            (size,) = struct.unpack_from(">i", raw, p)
            p += 4
            values[name] = None if size < 0 else _value(kinds[name], raw[p : p + size])
            p += max(size, 0)
        out.append(values)
    return out


def _value(kind: str, raw: bytes) -> Any:
    match kind:
        case "int" | "long":
            return int.from_bytes(raw, "big", signed=True)
        case "boolean":
            return raw == b"\1"
        case "timestamp-micros":
            return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=int.from_bytes(raw, "big", signed=True))
        case "texts":
            assert raw[0] == 1
            return json.loads(raw[1:])
        case "origins":
            return json.loads(raw)
        case "strings":
            dimensions, nulls, kind_of = struct.unpack_from(">iii", raw)
            assert (nulls, kind_of) == (0, 25)
            items, p = [], 20
            for _ in range(struct.unpack_from(">i", raw, 12)[0] if dimensions else 0):
                (size,) = struct.unpack_from(">i", raw, p)
                items.append(raw[p + 4 : p + 4 + size].decode())
                p += 4 + size
            assert p == len(raw) or not dimensions
            return items
    return raw.decode()


def assert_same(target: Target, topic: str, pair: Pair, folder: Path) -> None:
    strict = row(Writers(offline_registry(folder)), topic, *pair)
    strict.pop("institution") if target.from_key else None
    assert copied(target, [pair, pair]) == [strict, strict]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.mark.parametrize("entity", avro_schema.RECORD_TYPES)
def test_every_entity_as_the_strict_path_reads_it(entity: str, folder: Path) -> None:
    kinds = {"int": st.integers(-(2**31), 2**31 - 1), "bool": st.booleans()}
    values = st.fixed_dictionaries({f.name: st.none() | kinds.get(f.kind, TEXT) for f in avro_schema.fields(entity)})
    long = st.integers(-(2**63), 2**63 - 1)

    @settings(max_examples=60, deadline=None)
    @given(
        values,
        long,
        st.integers(0, 2**31 - 1),
        long,
        st.sampled_from([0, 1, 2]),
        st.integers(0, 2**52),
        st.dictionaries(TEXT, TEXT, max_size=3),
        st.lists(TEXT, max_size=2),
    )
    def same(
        values: dict[str, Any],
        version: int,
        epoch: int,
        place: int,
        operation: int,
        at: int,
        untyped: dict[str, str],
        absent: list[str],
    ) -> None:
        key = f"UNI-A/{entity}/{version}"
        prefix = envelope.write(
            EVENTS.ids[avro_schema.change_subject(entity)], operation=operation, snapshot=bool(at % 2), version=version,
            changed_at=at, captured_at=at + 1, instance="x" * (at % 99), source_table="public.t", record_key=key,
            absent=absent, untyped=untyped, epoch=epoch, place=place,
        )  # fmt: skip
        body = codec(f"vn.hemis.{avro_schema.record_name(entity)}").encode(values)
        assert_same(ENTITIES[entity], f"hemis.clean.{entity}", (key.encode(), prefix + body), folder)

    same()


@settings(deadline=None)
@given(st.lists(TEXT, max_size=3), st.dictionaries(st.sampled_from(["full_name", "sex", "birth_date"]), TEXT))
def test_golden_persons(folder: Path, claims: list[str], person: dict[str, Any]) -> None:
    pair = EVENTS.golden("n:" + "1" * 80, 9, claims, **person)
    assert_same(GOLDEN, "hemis.golden.person", pair, folder)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=3), st.dictionaries(TEXT, TEXT, max_size=3), st.sampled_from(["OPEN", "RESOLVED"]))
def test_findings(folder: Path, fields: list[str], details: dict[str, str], status: str) -> None:
    assert_same(
        FINDING,
        "hemis.findings.UNI-A",
        EVENTS.finding("f" * 32, 1, status=status, fields=fields, details=details),
        folder,
    )


def test_no_cut_or_changed_message_passes_as_another(folder: Path) -> None:
    """Whatever the fast path takes, the strict path takes too, with the same values."""
    key, value = EVENTS.change("UNI-A/person/1", 5, full_name="An", sex="M", untyped={"a": "b"})
    writers = Writers(offline_registry(folder))
    damaged = [value[:n] for n in range(HEADER_SIZE, len(value))]
    # The instance is passed over, so its text may be anything.
    unread = value.index(b"0123456789abcdef")
    places = [n for n in range(HEADER_SIZE, len(value)) if not unread <= n < unread + 16]
    damaged += [value[:n] + bytes((value[n] ^ bit,)) + value[n + 1 :] for n in places for bit in (1, 2, 64, 128)]
    for bad in damaged:
        try:
            fast = copied(ENTITIES["person"], [(key, bad)])
        except (*UNREADABLE, UnicodeDecodeError):
            continue
        strict = row(writers, "hemis.clean.person", key, bad)
        strict.pop("institution")
        assert fast == [strict]


def test_live_changes_are_told_and_loaded_ones_not() -> None:
    live: list[tuple[bytes, int]] = []
    pairs = [
        EVENTS.change("UNI-A/person/1", 1, changed_at=123_456),
        EVENTS.change("UNI-A/person/2", 1, snapshot=True),
    ]
    code(ENTITIES["person"]).rows(pairs, lambda _: None, live.append)
    assert live == [(b"UNI-A/person/1", 123_456)]
