"""The codec, generated and compiled, is byte-equal with fastavro, and refuses what does not follow the schema."""

import json
from collections import ChainMap
from io import BytesIO
from types import MappingProxyType
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_one
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_schema import full, subject, subjects
from schemas.errors import DecodeError
from tests.unit.schemas.implementations import BINARY, CODEC, Binary, MakeCodec

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


@CODEC
@pytest.mark.parametrize("name", subjects())
def test_every_subject_is_byte_equal_with_fastavro(name: str, make: MakeCodec) -> None:
    plain, codec = without_logical(json.loads(json.dumps(full(name)))), make(full(name))
    schema = fastavro.parse_schema(plain)
    for round_ in range(ROUNDS):
        value = generated(plain, round_)
        raw = by_fastavro(schema, value)
        assert codec.encode(value) == raw
        assert codec.decode(raw) == (value, len(raw))
        assert fastavro.schemaless_reader(BytesIO(raw), schema, None) == value


@CODEC
@pytest.mark.parametrize("name", subjects())
def test_every_truncation_is_refused(name: str, make: MakeCodec) -> None:
    plain, codec = without_logical(json.loads(json.dumps(full(name)))), make(full(name))
    raw = codec.encode(generate_one(plain))
    for length in range(len(raw)):
        with pytest.raises(DecodeError):
            codec.decode(raw[:length])


@CODEC
@pytest.mark.parametrize("name", subjects())
def test_left_over_bytes_are_refused(name: str, make: MakeCodec) -> None:
    plain, codec = without_logical(json.loads(json.dumps(full(name)))), make(full(name))
    raw = codec.encode(generate_one(plain))
    with pytest.raises(DecodeError):
        codec.decode(raw + b"\x00")
    assert codec.decode(raw + b"\x00", to_end=False)[1] == len(raw)


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


@CODEC
def test_all_types_are_byte_equal_with_fastavro(make: MakeCodec) -> None:
    raw = by_fastavro(fastavro.parse_schema(ALL_TYPES), VALUE)
    assert make(ALL_TYPES).encode(VALUE) == raw
    assert make(ALL_TYPES).decode(raw) == (VALUE, len(raw))


@CODEC
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
def test_what_does_not_follow_the_schema_is_refused(kind: Any, raw: bytes, why: str, make: MakeCodec) -> None:
    schema = {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "f", "type": kind}]}
    with pytest.raises(DecodeError):
        pytest.fail(f"{why} was read as {make(schema).decode(raw)}")


@CODEC
def test_blocks_with_a_size_are_read(make: MakeCodec) -> None:
    """Avro lets a writer put a block's size before it, with a negative count."""
    schema = {
        "type": "record",
        "name": "R",
        "namespace": "n",
        "fields": [{"name": "f", "type": {"type": "array", "items": "long"}}],
    }
    assert make(schema).decode(b"\x03\x04\x02\x04\x02\x06\x00")[0] == {"f": [1, 2, 3]}


@CODEC
def test_a_map_in_a_map_keeps_its_keys(make: MakeCodec) -> None:
    inner = {"type": "map", "values": "string"}
    schema = {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "f", "type": {"type": "map", "values": inner}}]}  # fmt: skip
    value = {"f": {"outer": {"inner": "x"}, "other": {}}}
    assert make(schema).decode(make(schema).encode(value))[0] == value


@CODEC
@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        ("long", 1 << 63, OverflowError),
        ("long", -(1 << 63) - 1, OverflowError),
        ("long", None, TypeError),
        ("long", 1.0, TypeError),
        ("string", None, AttributeError),
        ("string", "\ud800", UnicodeEncodeError),
        ("bytes", "text", TypeError),
        ({"type": "array", "items": "long"}, 7, TypeError),
        ({"type": "map", "values": "long"}, [1], AttributeError),
        ({"type": "enum", "name": "E", "namespace": "n", "symbols": ["A"]}, "B", KeyError),
        ({"type": "enum", "name": "E", "namespace": "n", "symbols": ["A"]}, [], TypeError),
    ],
)
def test_what_has_no_encoding_is_no_message(kind: Any, value: Any, error: type[Exception], make: MakeCodec) -> None:
    schema = {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "f", "type": kind}]}
    with pytest.raises(error):
        make(schema).encode({"f": value})
    with pytest.raises(KeyError):
        make(schema).encode({})


@CODEC
def test_a_value_may_be_any_mapping(make: MakeCodec) -> None:
    assert make(ALL_TYPES).encode(MappingProxyType(VALUE)) == make(ALL_TYPES).encode(VALUE)
    without = {name: value for name, value in VALUE.items() if name != "maybe"}
    for kind in (dict, MappingProxyType, ChainMap):
        assert make(ALL_TYPES).encode(kind(without)) == make(ALL_TYPES).encode(VALUE | {"maybe": None})


@CODEC
def test_a_type_without_code_is_refused_at_once(make: MakeCodec) -> None:
    schema = {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "f", "type": "float"}]}
    with pytest.raises(TypeError):
        make(schema)


@CODEC
@given(st.binary(max_size=200))
def test_rubbish_never_breaks_anything_else(make: MakeCodec, rubbish: bytes) -> None:
    codec = make(full(PERSON))
    try:
        value, end = codec.decode(rubbish)
    except DecodeError:
        return
    assert end == len(rubbish)
    assert codec.decode(codec.encode(value))[0] == value


@BINARY
@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_longs_round_trip(binary: Binary, number: int) -> None:
    raw = binary.long_bytes(number)
    assert binary.read_long(raw, 0) == (number, len(raw))
    assert binary.behind_long(raw + b"\x00", 0) == len(raw)


@BINARY
@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_texts_round_trip(binary: Binary, text: str) -> None:
    raw = binary.text_bytes(text)
    assert binary.read_text(raw, 0) == (text, len(raw))
    assert binary.behind_optional_text(b"\x02" + raw, 0) == len(raw) + 1
    with pytest.raises(IndexError):
        binary.behind_optional_text((b"\x02" + raw)[: len(raw)], 0)
