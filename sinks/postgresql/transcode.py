"""Avro bytes to rows of binary COPY, by code generated once per writer's schema: no Python values in between.

The generated code trusts its input as far as speed asks; what it can't read raises one of `UNREADABLE`, and text that
PostgreSQL refuses fails the COPY. In both cases the caller decodes the batch strictly to find the messages to blame.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import Struct, error
from typing import Any

from schemas.binary import long_rest
from schemas.codec import HEADER_SIZE, read_long, read_text
from schemas.errors import DecodeError
from sinks.model import Leaf, Target, leaves

UNREADABLE = (IndexError, KeyError, TypeError, ValueError, error, DecodeError)

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Rows = Callable[[Iterable[tuple[bytes, bytes]], Callable[[bytes], None], Callable[[tuple[bytes, int]], None]], None]
"""`rows(messages, add, live)`: the pieces of all rows go to `add`, (key, changed_at in µs) of what no load has read to `live`."""

_PG_EPOCH_MICROS = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000."""

_NULL = b"\xff\xff\xff\xff"
_SIZE: list[bytes | None] = [None if n & 1 else (n >> 1).to_bytes(4, "big") for n in range(128)]
"""COPY's length by Avro's one-byte length; None where that would be negative, so that joining the row fails."""

ODD = "if n & 1: raise DecodeError('a negative length')"
CHECK_KEY = "if b[p:e] != k: raise DecodeError('the key is not the message key')"

_JSON = json.JSONEncoder(ensure_ascii=False).encode
_FIXED = {"int": ("i", 4), "long": ("q", 8), "timestamp-micros": ("q", 8), "boolean": ("?", 1)}


@dataclass(frozen=True)
class Transcoder:
    """`columns` names what `rows` writes, in that order."""

    columns: tuple[str, ...]
    rows: Rows


def transcoder(target: Target, schema: dict[str, Any]) -> Transcoder:
    """Code for the rows of a target as written with a schema."""
    generator = _Generator(target, list(leaves(schema)))
    source = generator.source()
    scope = dict(generator.constants)
    exec(source, scope)
    return Transcoder(generator.columns, scope["rows"])


class _Generator:
    def __init__(self, target: Target, found: list[Leaf]) -> None:
        self.target = target
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {
            "SIZE": _SIZE,
            "NULL": _NULL,
            "DecodeError": DecodeError,
            "long_rest": long_rest,
            "strings": _strings,
            "texts": _texts,
            "origins": _origins,
            "pack_size": Struct(">i").pack,
            "pack_int": Struct(">ii").pack,
        }
        self.wanted = set(target.columns)
        self.found = found
        kept = [leaf for leaf in found if leaf.name in self.wanted]
        self.fixed = [leaf for leaf in kept if leaf.kind in _FIXED and not leaf.optional]
        self.free = [leaf for leaf in kept if leaf not in self.fixed]
        self.columns = tuple(leaf.name for leaf in self.fixed + self.free)

    def source(self) -> str:
        """A row is one piece of fixed width, then the columns of free width in wire order. Free columns that come before
        the last fixed one wait in a variable."""
        last_fixed = max(i for i, leaf in enumerate(self.found) if leaf in self.fixed)
        waiting: list[Leaf] = []
        for i, leaf in enumerate(self.found):
            if leaf in self.fixed:
                self.read_fixed(leaf)
            elif leaf not in self.free:
                self.skip(leaf)
            elif i < last_fixed:
                self.read_waiting(leaf)
                waiting.append(leaf)
            else:
                self.read_free(leaf)
            if i == last_fixed:
                self.pack(waiting)
        lines = ["def rows(messages, add, live):", " for k, b in messages:", f"  p = {HEADER_SIZE}"]
        lines += ["  " + line for line in self.lines]
        lines += ["  if p != len(b): raise DecodeError('the record does not end where its bytes end')"]
        names = {leaf.name for leaf in self.found}
        if {"snapshot", "changed_at"} <= names:
            lines += [f"  if not v_snapshot: live((k, v_changed_at + {_PG_EPOCH_MICROS}))"]
        return "\n".join(lines)

    def add(self, *lines: str) -> None:
        self.lines += lines

    def pack(self, waiting: list[Leaf]) -> None:
        layout = ">h" + "".join("i" + _FIXED[leaf.kind][0] for leaf in self.fixed)
        self.constants["pack_row"] = Struct(layout).pack
        values = ", ".join(f"{_FIXED[leaf.kind][1]}, v_{leaf.name}" for leaf in self.fixed)
        self.add(f"add(pack_row({len(self.columns)}, {values}))")
        self.add(*(f"add(v_{leaf.name})" for leaf in waiting))

    def long(self) -> None:
        self.add("n = b[p]; p += 1", "if n > 127: n, p = long_rest(b, p, n)")

    def read_fixed(self, leaf: Leaf) -> None:
        if leaf.kind == "boolean":
            self.add(f"v_{leaf.name} = (False, True)[b[p]]; p += 1")
            return
        self.long()
        shift = f" - {_PG_EPOCH_MICROS}" if leaf.kind == "timestamp-micros" else ""
        self.add(f"v_{leaf.name} = ((n >> 1) ^ -(n & 1)){shift}")

    def read_waiting(self, leaf: Leaf) -> None:
        if leaf.kind == "enum":
            self.add(f"v_{leaf.name} = {self.symbols(leaf)}[b[p]]; p += 1")
        elif leaf.kind == "string" and not leaf.optional:
            self.long()
            self.add(ODD, f"e = p + (n >> 1); v_{leaf.name} = pack_size(n >> 1) + b[p:e]")
            if leaf.name == self.target.key:
                self.add(CHECK_KEY)
            self.add("p = e")
        else:
            self.lines.append("held = []; put = held.append")
            self.read_free(leaf, "put")
            self.add(f"v_{leaf.name} = b''.join(held)")

    def read_free(self, leaf: Leaf, add: str = "add") -> None:
        if leaf.optional:
            self.add("if b[p] == 2:")
            first = len(self.lines)
            self.add("p += 1")
            self.read_value(leaf, add)
            self.lines[first:] = [" " + line for line in self.lines[first:]]
            self.add(f"elif b[p] == 0: {add}(NULL); p += 1", "else: raise DecodeError('a union branch')")
        else:
            self.read_value(leaf, add)

    def read_value(self, leaf: Leaf, add: str) -> None:
        match leaf.kind:
            case "string":
                self.add(
                    "n = b[p]; p += 1",
                    f"if n < 128: e = p + (n >> 1); {add}(SIZE[n])",
                    "else:",
                    f" n, p = long_rest(b, p, n); e = p + (n >> 1); {add}(pack_size(n >> 1))",
                    f" {ODD}",
                    f"{add}(b[p:e])",
                )
                if leaf.name == self.target.key:
                    self.add(CHECK_KEY)
                self.add("p = e")
            case "enum":
                self.add(f"{add}({self.symbols(leaf)}[b[p]]); p += 1")
            case "int":
                self.long()
                self.add(f"{add}(pack_int(4, (n >> 1) ^ -(n & 1)))")
            case "boolean":
                self.constants["BOOLEANS"] = (b"\0\0\0\1\0", b"\0\0\0\1\1")
                self.add(f"{add}(BOOLEANS[b[p]]); p += 1")
            case "strings" | "texts" | "origins":
                empty = "EMPTY_ARRAY" if leaf.kind == "strings" else "NULL"
                self.constants["EMPTY_ARRAY"] = _sized(_array([]))
                self.add(f"if b[p] == 0: {add}({empty}); p += 1", f"else: v, p = {leaf.kind}(b, p); {add}(v)")
            case _:
                raise TypeError(f"no COPY code for {leaf.kind}")

    def skip(self, leaf: Leaf) -> None:
        if leaf.optional:
            self.add("if b[p] == 2:")
            first = len(self.lines)
            self.add("p += 1")
            self.skip_value(leaf)
            self.lines[first:] = [" " + line for line in self.lines[first:]]
            self.add("elif b[p] == 0: p += 1", "else: raise DecodeError('a union branch')")
        else:
            self.skip_value(leaf)

    def skip_value(self, leaf: Leaf) -> None:
        match leaf.kind:
            case "string":
                self.long()
                self.add(ODD, "p += n >> 1")
            case "boolean":
                self.add("p += 1")
            case "strings" | "texts" | "origins":
                self.add("if b[p] == 0: p += 1", f"else: v, p = {leaf.kind}(b, p)")
            case _:
                self.long()

    def symbols(self, leaf: Leaf) -> str:
        name = f"SYMBOLS_{leaf.name}"
        self.constants[name] = {i << 1: _sized(symbol.encode()) for i, symbol in enumerate(leaf.symbols)}
        return name


def _sized(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def _array(items: list[bytes]) -> bytes:
    """PostgreSQL's binary text[]: dimensions, no nulls, type 25, then length and lower bound."""
    head = Struct(">iii").pack(1 if items else 0, 0, 25)
    if items:
        head += Struct(">ii").pack(len(items), 1)
    return head + b"".join(map(_sized, items))


def _count(b: bytes, p: int) -> tuple[int, int]:
    count, p = read_long(b, p)
    if count < 0:
        count = -count
        _, p = read_long(b, p)
    if count > len(b):
        raise DecodeError("a count that runs past the end")
    return count, p


def _strings(b: bytes, p: int) -> tuple[bytes, int]:
    items: list[bytes] = []
    while True:
        count, p = _count(b, p)
        if count == 0:
            return _sized(_array(items)), p
        for _ in range(count):
            text, p = read_text(b, p)
            items.append(text.encode())


def _texts(b: bytes, p: int) -> tuple[bytes, int]:
    """A map of text as jsonb, whose binary form is a version byte and the JSON text."""
    found: dict[str, str] = {}
    while True:
        count, p = _count(b, p)
        if count == 0:
            return _sized(b"\x01" + _JSON(found).encode()), p
        for _ in range(count):
            name, p = read_text(b, p)
            found[name], p = read_text(b, p)


def _origins(b: bytes, p: int) -> tuple[bytes, int]:
    """Origins as JSON."""
    out: list[dict[str, object]] = []
    while True:
        count, p = _count(b, p)
        if count == 0:
            return _sized(_JSON(out).encode()), p
        for _ in range(count):
            institution, p = read_text(b, p)
            record, p = read_text(b, p)
            place, p = read_long(b, p)
            rule, p = read_text(b, p)
            names, p = _names(b, p)
            out.append(
                {"institution": institution, "record_key": record, "place": place, "rule": rule, "fields": names}
            )


def _names(b: bytes, p: int) -> tuple[list[str], int]:
    names: list[str] = []
    while True:
        count, p = _count(b, p)
        if count == 0:
            return names, p
        for _ in range(count):
            name, p = read_text(b, p)
            names.append(name)
