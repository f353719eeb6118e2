"""The generated codec is byte-equal with fastavro, and refuses what does not follow the schema."""

import json
from io import BytesIO
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_one
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_schema import full, subject, subjects
from schemas.codec import codec, codec_of, long_bytes, read_long
from schemas.errors import DecodeError

ROUNDS = 20
PERSON = subject("PersonChange")
ALL_TYPES: dict[str, Any] = {
    "type": "record",
    "name": "All",
    "namespace": "vn.hemis",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "raw", "type": "bytes"},
        {"name": "small", "type": "int"},
        {"name": "large", "type": "long"},
        {"name": "flag", "type": "boolean"},
        {"name": "maybe", "type": ["null", "string"], "default": None},
        {"name": "many", "type": {"type": "array", "items": ["null", "long"]}},
        {"name": "named", "type": {"type": "map", "values": "string"}},
        {"name": "one", "type": {"type": "enum", "name": "One", "namespace": "vn.hemis", "symbols": ["A", "B"]}},
    ],
}


def without_logical(schema: Any) -> Any:
    """The schema as the codec sees it: fastavro would turn a logical type into a datetime."""
    if isinstance(schema, list):
        return [without_logical(part) for part in schema]
    if isinstance(schema, dict):
        return {name: without_logical(part) for name, part in schema.items() if name != "logicalType"}
    return schema


def by_fastavro(schema: Any, value: Any) -> bytes:
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, schema, value)
    return buffer.getvalue()


def generated(schema: Any, round_: int) -> Any:
    """A value of the schema; every few rounds with its optional fields empty."""
    value = generate_one(schema)
    if round_ % 3 == 0:
        for field in schema["fields"]:
            if isinstance(field["type"], list):
                value[field["name"]] = None
    return value


@pytest.mark.parametrize("name", subjects())
def test_every_subject_is_byte_equal_with_fastavro(name: str) -> None:
    plain = without_logical(json.loads(json.dumps(full(name))))
    schema = fastavro.parse_schema(plain)
    for round_ in range(ROUNDS):
        value = generated(plain, round_)
        raw = by_fastavro(schema, value)
        assert codec(name).encode(value) == raw
        assert codec(name).decode(raw) == (value, len(raw))
        assert fastavro.schemaless_reader(BytesIO(raw), schema, None) == value


@pytest.mark.parametrize("name", subjects())
def test_every_truncation_is_refused(name: str) -> None:
    plain = without_logical(json.loads(json.dumps(full(name))))
    raw = codec(name).encode(generate_one(plain))
    for length in range(len(raw)):
        with pytest.raises(DecodeError):
            codec(name).decode(raw[:length])


@pytest.mark.parametrize("name", subjects())
def test_left_over_bytes_are_refused(name: str) -> None:
    plain = without_logical(json.loads(json.dumps(full(name))))
    raw = codec(name).encode(generate_one(plain))
    with pytest.raises(DecodeError):
        codec(name).decode(raw + b"\x00")
    assert codec(name).decode(raw + b"\x00", to_end=False)[1] == len(raw)


VALUE: dict[str, Any] = {
    "text": "Đỗ",
    "raw": b"\x00\xff",
    "small": -1,
    "large": 1 << 40,
    "flag": True,
    "maybe": "x",
    "many": [1, None],
    "named": {"a": "b"},
    "one": "B",
}


def test_all_types_are_byte_equal_with_fastavro() -> None:
    raw = by_fastavro(fastavro.parse_schema(ALL_TYPES), VALUE)
    assert codec_of(ALL_TYPES).encode(VALUE) == raw
    assert codec_of(ALL_TYPES).decode(raw) == (VALUE, len(raw))


@pytest.mark.parametrize(
    ("kind", "raw", "why"),
    [
        ("string", b"\x04a\x00", "NUL"),
        ("string", b"\x04\xc3\x28", "UTF-8"),
        ("string", b"\x04\xed\xa0", "a surrogate"),
        ("string", b"\x03", "a negative length"),
        ("string", b"\xfe\xff\xff\xff\x0f", "a length past the end"),
        (["null", "string"], b"\x04", "a union branch that does not exist"),
        (["null", "string"], b"\x01", "a negative union branch"),
        ("int", b"\x80\x80\x80\x80\x10", "an int of 33 bits"),
        ("long", b"\xff" * 10 + b"\x01", "a long of eleven bytes"),
        ("long", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "a long of 70 bits"),
        ("boolean", b"\x02", "a boolean of two"),
        ({"type": "enum", "name": "E", "namespace": "n", "symbols": ["A"]}, b"\x02", "a symbol that does not exist"),
        ({"type": "array", "items": "string"}, b"\xfe\xff\xff\xff\x0f", "a count past the end"),
        ({"type": "map", "values": "string"}, b"\x02\x02\x00\x00\x00", "NUL in a map's key"),
    ],
)
def test_what_does_not_follow_the_schema_is_refused(kind: Any, raw: bytes, why: str) -> None:
    schema = {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "f", "type": kind}]}
    with pytest.raises(DecodeError):
        pytest.fail(f"{why} was read as {codec_of(schema).decode(raw)}")


def test_blocks_with_a_size_are_read() -> None:
    """Avro lets a writer put a block's size before it, with a negative count."""
    schema = {
        "type": "record",
        "name": "R",
        "namespace": "n",
        "fields": [{"name": "f", "type": {"type": "array", "items": "long"}}],
    }
    assert codec_of(schema).decode(b"\x03\x04\x02\x04\x02\x06\x00")[0] == {"f": [1, 2, 3]}


@given(st.binary(max_size=200))
def test_rubbish_never_breaks_anything_else(rubbish: bytes) -> None:
    try:
        value, end = codec(PERSON).decode(rubbish)
    except DecodeError:
        return
    assert end == len(rubbish)
    assert codec(PERSON).decode(codec(PERSON).encode(value))[0] == value


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_longs_round_trip(number: int) -> None:
    raw = long_bytes(number)
    assert read_long(raw, 0) == (number, len(raw))
