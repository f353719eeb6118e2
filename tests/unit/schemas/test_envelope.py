"""The envelope: written, read and stamped by hand, and equal to the codec of the whole schema."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import envelope
from schemas.avro_schema import change_subject, fields
from schemas.codec import HEADER_SIZE, codec
from schemas.errors import DecodeError
from tests.unit.schemas.implementations import ENVELOPE, Envelopes

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=200)
LONG = st.integers(-(1 << 63), (1 << 63) - 1)
GIVEN = st.fixed_dictionaries(
    {
        "operation": st.sampled_from((envelope.NEW, envelope.UPDATE, envelope.CANCEL)),
        "snapshot": st.booleans(),
        "version": LONG,
        "changed_at": LONG,
        "captured_at": LONG,
        "instance": TEXT,
        "source_table": TEXT,
        "record_key": TEXT,
        "absent": st.lists(TEXT, max_size=4).map(tuple),
        "untyped": st.dictionaries(TEXT, TEXT, max_size=4),
        "epoch": st.integers(-(1 << 31), (1 << 31) - 1),
        "place": LONG,
    }
)
ENTITY = {field.name: None for field in fields("learner")} | {"code": "SV1"}
ENTITY_BYTES = b"".join(b"\x00" if value is None else b"\x02\x06SV1" for value in ENTITY.values())


@ENVELOPE
@given(GIVEN, st.integers(0, (1 << 32) - 1))
def test_what_is_written_is_read(wire: Envelopes, said: dict[str, Any], number: int) -> None:
    raw = envelope.write(number, **said)
    read = wire.read(raw)
    assert envelope.schema_id_of(raw) == number
    assert {name: getattr(read, name) for name in said} == said
    assert read.body == len(raw)


@given(GIVEN)
def test_the_codec_of_the_whole_schema_agrees(said: dict[str, Any]) -> None:
    raw = envelope.write(7, **said) + ENTITY_BYTES
    value, _ = codec(change_subject("learner")).decode(raw, HEADER_SIZE)
    expected = said | {"operation": envelope.OPERATIONS[said["operation"]], "absent": list(said["absent"])}
    assert value == {"envelope": expected, "entity": ENTITY}
    assert codec(change_subject("learner")).encode(value) == raw[HEADER_SIZE:]


@ENVELOPE
@given(GIVEN, st.integers(0, (1 << 31) - 1), st.integers(0, (1 << 63) - 1))
def test_a_stamp_keeps_every_other_byte(wire: Envelopes, said: dict[str, Any], epoch: int, place: int) -> None:
    raw = envelope.write(7, **said) + ENTITY_BYTES
    before = wire.read(raw)
    stamped, body = wire.stamp(raw, before, epoch, place)
    after = wire.read(stamped)
    assert after.body == body
    assert stamped[after.rest :] == raw[before.rest :]
    assert stamped[:HEADER_SIZE] == raw[:HEADER_SIZE]
    assert after == before._replace(epoch=epoch, place=place, rest=after.rest, body=after.body)
    assert stamped[after.body :] == ENTITY_BYTES


def test_an_agent_sends_the_declared_stamps() -> None:
    raw = envelope.write(7, **_plain())
    assert raw[HEADER_SIZE:].startswith(envelope.UNSTAMPED)


@ENVELOPE
@given(GIVEN, st.data())
def test_a_truncated_envelope_is_refused(wire: Envelopes, said: dict[str, Any], data: st.DataObject) -> None:
    raw = envelope.write(7, **said)
    short = raw[: data.draw(st.integers(0, len(raw) - 1))]
    with pytest.raises(DecodeError):
        wire.read(short)


@pytest.mark.parametrize("raw", [b"", b"\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01\x00"])
def test_what_is_no_wire_format(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        envelope.schema_id_of(raw)


@ENVELOPE
@given(st.binary(max_size=60))
def test_rubbish_is_refused_or_read_but_never_breaks(wire: Envelopes, rubbish: bytes) -> None:
    try:
        read = wire.read(b"\x00\x00\x00\x00\x07" + rubbish)
    except DecodeError:
        return
    assert read.operation in (0, 1, 2)


@ENVELOPE
def test_a_count_that_would_fill_the_memory_is_refused(wire: Envelopes) -> None:
    raw = envelope.write(7, **_plain())[:-2] + b"\xfe\xff\xff\xff\x0f"
    with pytest.raises(DecodeError):
        wire.read(raw)


@ENVELOPE
@pytest.mark.parametrize("field", ["instance", "source_table", "record_key"])
def test_a_negative_length_is_refused(field: str, wire: Envelopes) -> None:
    raw = envelope.write(7, **_plain() | {field: "x"})
    assert raw.count(b"\x02x") == 1
    with pytest.raises(DecodeError):
        wire.read(raw.replace(b"\x02x", b"\x03x"))


def _plain() -> dict[str, Any]:
    texts = {"instance": "i", "source_table": "public.t", "record_key": "DHA/learner/1"}
    return {"operation": 0, "snapshot": False, "version": 1, "changed_at": 2, "captured_at": 3} | texts
