"""Avro binary encoding: code generated once per schema, byte-equal with fastavro (tests hold it to that).

`codec(full_name)` gives `encode(mapping) -> bytes` and `decode(bytes, position) -> (dict, next position)`. Decoding is
strict: a length that runs past the end, bytes left over, an int outside 32 bits, invalid UTF-8 or a NUL character (which
no SQL text column takes) raise `DecodeError`, so that whatever passes can be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas.avro_schema import full
from schemas.errors import DecodeError

Encode = Callable[[Mapping[str, Any]], bytes]
Decode = Callable[[bytes, int], tuple[dict[str, Any], int]]

MAGIC = 0
HEADER_SIZE = 5
"""Confluent wire format: one zero byte, then the schema's registry id in four bytes."""


def long_bytes(n: int) -> bytes:
    """An Avro long: zigzag, then base 128 with the low bits first."""
    n = (n << 1) ^ (n >> 63)
    if n < 128:
        return _BYTE[n]
    if n < 1 << 14:
        return bytes((n & 127 | 128, n >> 7))
    if n < 1 << 21:
        return bytes((n & 127 | 128, n >> 7 & 127 | 128, n >> 14))
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


_BYTE = [bytes((n,)) for n in range(128)]
SMALL: list[bytes] = [long_bytes(n) for n in range(16384)]
"""Avro longs of 0..16383, where nearly all lengths lie."""


def size_bytes(n: int) -> bytes:
    """The Avro long of a length."""
    return SMALL[n] if n < 16384 else long_bytes(n)


def text_bytes(value: str) -> bytes:
    """An Avro string."""
    raw = value.encode()
    return size_bytes(len(raw)) + raw


def long_rest(buffer: bytes, position: int, first: int) -> tuple[int, int]:
    """The undecoded (still zigzag) long whose first byte was `first`, and the position behind it."""
    n, shift = first & 127, 7
    while True:
        byte = buffer[position]
        position += 1
        n |= (byte & 127) << shift
        if byte < 128:
            if n >> 64:
                raise DecodeError("a long of more than 64 bits")
            return n, position
        shift += 7
        if shift > 63:
            raise DecodeError("a long of more than ten bytes")


def read_long(buffer: bytes, position: int) -> tuple[int, int]:
    """An Avro long and the position behind it."""
    n = buffer[position]
    position += 1
    if n > 127:
        n, position = long_rest(buffer, position, n)
    return (n >> 1) ^ -(n & 1), position


def read_text(buffer: bytes, position: int) -> tuple[str, int]:
    """An Avro string and the position behind it."""
    n, position = read_long(buffer, position)
    end = position + n
    if n < 0 or end > len(buffer):
        raise DecodeError("a length that runs past the end")
    return buffer[position:end].decode(), end


@dataclass(frozen=True)
class Codec:
    """Encode and decode of one schema, without the wire header."""

    encode: Encode
    _decode: Decode

    def decode(self, buffer: bytes, position: int = 0, *, to_end: bool = True) -> tuple[dict[str, Any], int]:
        """The record at `position`. `to_end`: it must end where the buffer ends.

        Raises:
            DecodeError: truncated, left-over, out of range, or text that is not UTF-8 without NUL.
        """
        try:
            value, end = self._decode(buffer, position)
        except (IndexError, UnicodeDecodeError) as error:
            raise DecodeError(type(error).__name__) from error
        if end > len(buffer) or (to_end and end != len(buffer)):
            raise DecodeError("the record does not end where its bytes end")
        return value, end


@cache
def codec(full_name: str) -> Codec:
    """The codec of a named type's self-contained schema."""
    return codec_of(full(full_name))


def codec_of(schema: dict[str, Any]) -> Codec:
    """The codec of a self-contained schema, such as another version's; not cached."""
    writer = _Writer()
    writer.record(schema)
    reader = _Reader()
    reader.record(schema)
    scope: dict[str, Any] = {
        "long_bytes": long_bytes,
        "size_bytes": size_bytes,
        "long_rest": long_rest,
        "DecodeError": DecodeError,
        **writer.constants,
        **reader.constants,
    }
    exec("\n".join(writer.source()), scope)
    exec("\n".join(reader.source()), scope)
    return Codec(scope["encode"], scope["decode"])


def _is_optional(schema: Any) -> bool:
    return isinstance(schema, list) and len(schema) == 2 and schema[0] == "null"


class _Generator:
    """Lines of a generated function, with names that do not clash."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self.named: dict[str, Any] = {}
        self.depth = 1
        self.counter = 0

    def name(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"

    def add(self, line: str) -> None:
        self.lines.append(" " * self.depth + line)

    def constant(self, value: Any) -> str:
        name = self.name(f"_{type(self).__name__}")
        self.constants[name] = value
        return name

    def resolve(self, schema: Any) -> Any:
        if isinstance(schema, dict) and schema["type"] in ("record", "enum"):
            self.named[f"{schema['namespace']}.{schema['name']}"] = schema
        if isinstance(schema, str) and schema in self.named:
            return self.named[schema]
        return schema


class _Writer(_Generator):
    def record(self, schema: Any) -> None:
        self.value(schema, "value")

    def source(self) -> list[str]:
        return ["def encode(value):", " parts = []; add = parts.append", *self.lines, " return b''.join(parts)"]

    def value(self, schema: Any, at: str) -> None:
        schema = self.resolve(schema)
        if _is_optional(schema):
            self.add(f"if {at} is None: add(b'\\x00')")
            self.add("else:")
            self.depth += 1
            self.add("add(b'\\x02')")
            self.value(schema[1], at)
            self.depth -= 1
            return
        kind = schema["type"] if isinstance(schema, dict) else schema
        match kind:
            case "record":
                for field in schema["fields"]:
                    inner = self.name("v")
                    get = f"{at}.get({field['name']!r})" if "default" in field else f"{at}[{field['name']!r}]"
                    self.add(f"{inner} = {get}")
                    self.value(field["type"], inner)
            case "enum":
                table = self.constant({s: long_bytes(i) for i, s in enumerate(schema["symbols"])})
                self.add(f"add({table}[{at}])")
            case "string":
                self.add(f"b = {at}.encode(); add(size_bytes(len(b))); add(b)")
            case "bytes":
                self.add(f"add(size_bytes(len({at}))); add({at})")
            case "int" | "long":
                self.add(f"add(long_bytes({at}))")
            case "boolean":
                self.add(f"add(b'\\x01' if {at} else b'\\x00')")
            case "array":
                self.block(at, schema["items"], lambda item: f"for {item} in {at}:", key=False)
            case "map":
                self.block(at, schema["values"], lambda item: f"for k, {item} in {at}.items():", key=True)
            case _:
                raise TypeError(f"no code for Avro type {kind!r}")

    def block(self, at: str, inner: Any, loop: Callable[[str], str], *, key: bool) -> None:
        item = self.name("v")
        self.add(f"if {at}:")
        self.depth += 1
        self.add(f"add(size_bytes(len({at})))")
        self.add(loop(item))
        self.depth += 1
        if key:
            self.add("b = k.encode(); add(size_bytes(len(b))); add(b)")
        self.value(inner, item)
        self.depth -= 2
        self.add("add(b'\\x00')")


class _Reader(_Generator):
    def record(self, schema: Any) -> None:
        self.result = self.value(schema)

    def source(self) -> list[str]:
        return ["def decode(b, p):", " end = len(b)", *self.lines, f" return {self.result}, p"]

    def long(self) -> None:
        self.add("n = b[p]; p += 1")
        self.add("if n > 127: n, p = long_rest(b, p, n)")

    def length(self) -> None:
        self.long()
        self.add("if n & 1: raise DecodeError('a negative length')")
        self.add("e = p + (n >> 1)")
        self.add("if e > end: raise DecodeError('a length that runs past the end')")

    def text(self, out: str) -> None:
        self.length()
        self.add(f"{out} = b[p:e].decode(); p = e")
        self.add(f"if '\\0' in {out}: raise DecodeError('a NUL character')")

    def value(self, schema: Any) -> str:
        schema = self.resolve(schema)
        out = self.name("r")
        if _is_optional(schema):
            self.add("n = b[p]; p += 1")
            self.add(f"if n == 0: {out} = None")
            self.add("elif n == 2:")
            self.depth += 1
            self.add(f"{out} = {self.value(schema[1])}")
            self.depth -= 1
            self.add("else: raise DecodeError('a union branch that does not exist')")
            return out
        kind = schema["type"] if isinstance(schema, dict) else schema
        match kind:
            case "record":
                names = [(field["name"], self.value(field["type"])) for field in schema["fields"]]
                self.add(f"{out} = {{{', '.join(f'{n!r}: {v}' for n, v in names)}}}")
            case "enum":
                self.long()
                table = self.constant({i << 1: s for i, s in enumerate(schema["symbols"])})
                self.add(f"{out} = {table}.get(n)")
                self.add(f"if {out} is None: raise DecodeError('an enum symbol that does not exist')")
            case "string":
                self.text(out)
            case "bytes":
                self.length()
                self.add(f"{out} = b[p:e]; p = e")
            case "long":
                self.long()
                self.add(f"{out} = (n >> 1) ^ -(n & 1)")
            case "int":
                self.long()
                self.add("if n >> 32: raise DecodeError('an int of more than 32 bits')")
                self.add(f"{out} = (n >> 1) ^ -(n & 1)")
            case "boolean":
                self.add("if b[p] > 1: raise DecodeError('a boolean that is neither 0 nor 1')")
                self.add(f"{out} = b[p] == 1; p += 1")
            case "array":
                self.add(f"{out} = []")
                self.block(schema["items"], lambda item: f"{out}.append({item})", key=False)
            case "map":
                self.add(f"{out} = {{}}")
                self.block(schema["values"], lambda item: f"{out}[k] = {item}", key=True)
            case _:
                raise TypeError(f"no code for Avro type {kind!r}")
        return out

    def block(self, inner: Any, put: Callable[[str], str], *, key: bool) -> None:
        self.add("while True:")
        self.depth += 1
        count = self.name("c")
        self.long()
        self.add(f"{count} = (n >> 1) ^ -(n & 1)")
        self.add(f"if {count} == 0: break")
        self.add(f"if {count} < 0:")
        self.depth += 1
        self.add(f"{count} = -{count}")
        self.long()
        self.depth -= 1
        self.add(f"if {count} > end: raise DecodeError('a count that runs past the end')")
        self.add(f"for _ in range({count}):")
        self.depth += 1
        if key:
            self.text("k")
        self.add(put(self.value(inner)))
        self.depth -= 2
