"""Avro binary encoding: code generated once per schema, byte-equal with fastavro (tests hold it to that).

`codec(full_name)` gives `encode(mapping) -> bytes` and `decode(bytes, position) -> (dict, next position)`. Decoding is
strict: a length that runs past the end, bytes left over, an int outside 32 bits, invalid UTF-8 or a NUL character (which
no SQL text column takes) raise `DecodeError`, so that whatever passes can be stored.

Where `wire/` was built a codec is `compiled`, elsewhere `generated`; the generated one is the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from schemas import binary
from schemas.avro_schema import full
from schemas.errors import DecodeError
from schemas.native import wire

MAGIC = 0
HEADER_SIZE = 5
"""Confluent wire format: one zero byte, then the schema's registry id in four bytes."""


long_bytes: Callable[[int], bytes] = wire.long_bytes if wire else binary.long_bytes
size_bytes: Callable[[int], bytes] = wire.long_bytes if wire else binary.size_bytes
text_bytes: Callable[[str], bytes] = wire.text_bytes if wire else binary.text_bytes
read_long: Callable[[bytes, int], tuple[int, int]] = wire.read_long if wire else binary.read_long
read_text: Callable[[bytes, int], tuple[str, int]] = wire.read_text if wire else binary.read_text
behind_long: Callable[[bytes, int], int] = wire.behind_long if wire else binary.behind_long
behind_optional_text: Callable[[bytes, int], int] = wire.behind_optional_text if wire else binary.behind_optional_text
"""As in `binary`."""


class Decode(Protocol):
    def __call__(self, buffer: bytes, position: int = 0, /, *, to_end: bool = True) -> tuple[dict[str, Any], int]:
        """The record at `position`. `to_end`: it must end where the buffer ends.

        Raises:
            DecodeError: truncated, left-over, out of range, or text that is not UTF-8 without NUL.
        """


@dataclass(frozen=True)
class Codec:
    """Encode and decode of one schema, without the wire header."""

    encode: Callable[[Mapping[str, Any]], bytes]
    decode: Decode


@cache
def codec(full_name: str) -> Codec:
    """The codec of a named type's self-contained schema."""
    return codec_of(full(full_name))


def codec_of(schema: dict[str, Any]) -> Codec:
    """The codec of a self-contained schema, such as another version's; not cached."""
    return compiled(schema) if wire else generated(schema)


def compiled(schema: dict[str, Any]) -> Codec:
    """The codec of a schema by the compiled wire format, which must be there."""
    assert wire is not None
    native = wire.Codec(_plan(schema, {}))
    return Codec(native.encode, native.decode)


def generated(schema: dict[str, Any]) -> Codec:
    """The codec of a schema by generated Python code."""
    writer = _Writer()
    writer.record(schema)
    reader = _Reader()
    reader.record(schema)
    scope: dict[str, Any] = {
        "long_bytes": binary.long_bytes,
        "size_bytes": binary.size_bytes,
        "long_rest": binary.long_rest,
        "DecodeError": DecodeError,
        **writer.constants,
        **reader.constants,
    }
    exec("\n".join(writer.source()), scope)
    exec("\n".join(reader.source()), scope)
    return Codec(scope["encode"], _strict(scope["decode"]))


def _strict(inner: Callable[[bytes, int], tuple[dict[str, Any], int]]) -> Decode:
    def decode(buffer: bytes, position: int = 0, /, *, to_end: bool = True) -> tuple[dict[str, Any], int]:
        try:
            value, end = inner(buffer, position)
        except (IndexError, UnicodeDecodeError) as error:
            raise DecodeError(type(error).__name__) from error
        if end > len(buffer) or (to_end and end != len(buffer)):
            raise DecodeError("the record does not end where its bytes end")
        return value, end

    return decode


def _resolve(schema: Any, named: dict[str, Any]) -> Any:
    """What a name stands for; a named type is remembered."""
    if isinstance(schema, dict) and schema["type"] in ("record", "enum"):
        named[f"{schema['namespace']}.{schema['name']}"] = schema
    return named.get(schema, schema) if isinstance(schema, str) else schema


def _plan(schema: Any, named: dict[str, Any]) -> tuple[str, Any]:
    """A schema as `wire/` takes it: kind, and what the kind needs."""
    schema = _resolve(schema, named)
    if _is_optional(schema):
        return "optional", _plan(schema[1], named)
    kind = schema["type"] if isinstance(schema, dict) else schema
    match kind:
        case "record":
            fields = schema["fields"]
            return kind, tuple((f["name"], "default" in f, _plan(f["type"], named)) for f in fields)
        case "enum":
            return kind, tuple(schema["symbols"])
        case "array":
            return kind, _plan(schema["items"], named)
        case "map":
            return kind, _plan(schema["values"], named)
        case "string" | "bytes" | "int" | "long" | "boolean":
            return kind, None
    raise TypeError(f"no code for Avro type {kind!r}")


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


class _Writer(_Generator):
    def record(self, schema: Any) -> None:
        self.value(schema, "value")

    def source(self) -> list[str]:
        return ["def encode(value):", " parts = []; add = parts.append", *self.lines, " return b''.join(parts)"]

    def value(self, schema: Any, at: str) -> None:
        schema = _resolve(schema, self.named)
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
                table = self.constant({s: binary.long_bytes(i) for i, s in enumerate(schema["symbols"])})
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
        schema = _resolve(schema, self.named)
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
                self.block(schema["items"], lambda item: f"{out}.append({item})")
            case "map":
                key = self.name("k")
                self.add(f"{out} = {{}}")
                self.block(schema["values"], lambda item: f"{out}[{key}] = {item}", key)
            case _:
                raise TypeError(f"no code for Avro type {kind!r}")
        return out

    def block(self, inner: Any, put: Callable[[str], str], key: str | None = None) -> None:
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
            self.text(key)
        self.add(put(self.value(inner)))
        self.depth -= 2
