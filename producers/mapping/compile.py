"""Compiles a mapping, once per table, to Python functions from a row's texts to events' bytes.

A row holds the table's mapped columns in the order of `Mapping.columns_of`, each the text that the source prints, or None.
Per operation the functions give one (message key, message value) for each record rule of the table. Columns that the source
did not send (unchanged TOAST, a dropped column) are not in the row but in `absent`: for each set of them there is a variant
in which the fields that depend on them are null and named in the envelope.

The code avoids what costs: no dicts per row, no text objects, no bytes that could have been joined beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from producers.mapping.lookups import LookupTable
from producers.mapping.model import FieldRule, Mapping, Part, RecordRule
from producers.mapping.values import NULL, UNRESERVED, Convert, coded, constant_value, date_reader, key_part, of_kind
from schemas import avro_schema
from schemas.binary import SMALL
from schemas.codec import long_bytes, size_bytes, text_bytes
from schemas.envelope import CANCEL, NEW, UNSTAMPED, UPDATE, absent_bytes, header

Row = Sequence[bytes | None]
Event = tuple[bytes, bytes]
Encode = Callable[[Row, int, bytes], tuple[Event, ...]]
"""(row, one of AS_NEW, AS_UPDATE, AS_SNAPSHOT, `stamp(…)`) -> events."""

AS_NEW, AS_UPDATE, AS_SNAPSHOT = 0, 1, 2
NOTHING: frozenset[str] = frozenset()
CACHE_LIMIT = 50_000


class Stamps:
    """The bytes of version, changed_at and captured_at. Log positions that follow each other share their high bits."""

    def __init__(self) -> None:
        self._high = -1
        self._high_bytes = b""
        self.times = b""

    def at(self, changed_at: int, captured_at: int) -> None:
        """Times (µs UTC) of the rows that follow."""
        self.times = long_bytes(changed_at) + long_bytes(captured_at)

    def of(self, version: int) -> bytes:
        if version < 8192:
            return long_bytes(version) + self.times
        high = version >> 13
        if high != self._high:
            self._high = high
            self._high_bytes = _unsigned(high)
        return _LOW[version & 8191] + self._high_bytes + self.times


def _unsigned(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


_LOW = [bytes(((n << 1) & 127 | 128, (n << 1) >> 7 | 128)) for n in range(8192)]


@dataclass(frozen=True)
class TableProgram:
    """The code of one source table. `encode` picks the variant for what a row lacks."""

    table: str
    columns: tuple[str, ...]
    encode: Callable[[frozenset[str]], Encode]
    keys: Callable[[Row], tuple[bytes, ...]]
    cancel: Callable[[Row, bytes], tuple[Event, ...]]


class _Sizes:
    """Prefixes of texts of any length; the generated code's list holds the short ones only."""

    def __init__(self, branch: bytes) -> None:
        self._branch = branch

    def __getitem__(self, n: int) -> bytes:
        return self._branch + size_bytes(n)


class _Cache(dict[bytes | None, bytes]):
    """Texts seen, with their bytes; forgets all when full or when its look-up changes."""

    def __init__(self, convert: Convert, lock: AbstractContextManager[Any]) -> None:
        super().__init__()
        self._convert = convert
        self._lock = lock
        self[None] = NULL

    def learn(self, raw: bytes) -> bytes | None:
        with self._lock:
            found = self._convert(raw)
            if found is not None and len(raw) <= 64:
                if len(self) >= CACHE_LIMIT:
                    self.forget()
                self[raw] = found
            return found

    def forget(self) -> None:
        self.clear()
        self[None] = NULL


class _PartCache(dict[bytes | None, bytes]):
    """Key parts through a look-up. A miss keeps the source's text, so that the record still has a key of its own."""

    def __init__(self, lookup: LookupTable) -> None:
        super().__init__()
        self._lookup = lookup
        lookup.on_change(self.clear)

    def __missing__(self, raw: bytes | None) -> bytes:
        with self._lookup.lock:
            found = None if raw is None else self._lookup.get(raw)
            part = key_part(raw if found is None else found)
            if len(self) < CACHE_LIMIT:
                self[raw] = part
            return part


def compile_mapping(
    mapping: Mapping, instance: str, schema_ids: Map[str, int], lookups: Map[str, LookupTable]
) -> dict[str, TableProgram]:
    """Programs of all tables that give records.

    Args:
        schema_ids: registry id by change subject. lookups: one per look-up of the mapping, by name.
    """
    return {table: _compile_table(mapping, table, instance, schema_ids, lookups) for table in mapping.record_tables}


def _compile_table(
    mapping: Mapping, table: str, instance: str, schema_ids: Map[str, int], lookups: Map[str, LookupTable]
) -> TableProgram:
    columns = mapping.columns_of(table)
    records = mapping.records_of(table)
    caches: dict[FieldRule, _Cache] = {}
    parts: dict[str, _PartCache] = {name: _PartCache(lookup) for name, lookup in lookups.items()}
    prefix = tuple(_prefixes(schema_ids[avro_schema.change_subject(record.entity)]) for record in records)
    origin = text_bytes(instance) + text_bytes(table)
    variants: dict[frozenset[str], Encode] = {}

    def build(absent: frozenset[str]) -> dict[str, Any]:
        writer = _Writer(mapping, columns, absent, caches, parts, lookups)
        source = writer.source(records, prefix, origin)
        scope: dict[str, Any] = writer.scope
        exec(compile(source, f"<mapping of {table}>", "exec"), scope)
        return scope

    base = build(NOTHING)
    variants[NOTHING] = base["encode"]

    def encode(absent: frozenset[str]) -> Encode:
        found = variants.get(absent)
        if found is None:
            if len(variants) > 256:
                variants.clear()
            found = variants[absent] = build(absent)["encode"]
        return found

    return TableProgram(table, columns, encode, base["keys"], base["cancel"])


def _prefixes(schema_id: int) -> tuple[bytes, ...]:
    """Header, stamps, operation and snapshot flag: by AS_NEW, AS_UPDATE, AS_SNAPSHOT, then CANCEL."""
    start = header(schema_id) + UNSTAMPED
    plain = tuple(start + long_bytes(operation) + b"\x00" for operation in (NEW, UPDATE, CANCEL))
    return (plain[0], plain[1], start + long_bytes(NEW) + b"\x01", plain[2])


class _Writer:
    """Writes the functions of one table for one set of absent columns."""

    def __init__(
        self,
        mapping: Mapping,
        columns: tuple[str, ...],
        absent: frozenset[str],
        caches: dict[FieldRule, _Cache],
        parts: dict[str, _PartCache],
        lookups: Map[str, LookupTable],
    ) -> None:
        self._mapping = mapping
        self._columns = columns
        self._absent = absent
        self._caches = caches
        self._lookups = lookups
        self.scope: dict[str, Any] = {
            "S": [b"\x02" + SMALL[n] for n in range(2048)],
            "L": SMALL,
            "WIDE_S": _Sizes(b"\x02"),
            "WIDE_L": _Sizes(b""),
            "KEEP": UNRESERVED,
            "QUOTE": key_part,
            "JOIN": b"".join,
            "SIZED": _sized,
            **{f"PART_{name}": cache for name, cache in parts.items()},
        }
        self._part_names: dict[Part, str] = {}
        self._lines: list[str] = []

    def constant(self, prefix: str, value: object) -> str:
        name = f"{prefix}{len(self.scope)}"
        self.scope[name] = value
        return name

    def var(self, column: str) -> str:
        return f"c{self._columns.index(column)}"

    def source(self, records: tuple[RecordRule, ...], prefix: tuple[tuple[bytes, ...], ...], origin: bytes) -> str:
        unpack = f"  {', '.join(self.var(c) for c in self._columns)}{',' if len(self._columns) == 1 else ''} = row"
        bodies = []
        for sizes, lengths in (("S", "L"), ("WIDE_S", "WIDE_L")):
            self._lines, self._part_names = [unpack], {}
            events = [self._event(r, p, origin, sizes, lengths) for r, p in zip(records, prefix, strict=True)]
            bodies.append([*self._lines, f"  return ({', '.join(events)},)"])
        self._lines, self._part_names = [unpack], {}
        keys = [self._key(r) for r in records]
        key_lines = self._lines
        cancels = []
        for record, key, parts in zip(records, keys, prefix, strict=True):
            start = self.constant("P", parts[3])
            middle = self.constant("T", origin)
            end = self.constant("E", NULL + NULL + NULL * len(avro_schema.fields(record.entity)))
            cancels.append(f"({key}, JOIN(({start}, stamp, {middle}, WIDE_L[len({key})], {key}, {end})))")
        wide = ["def wide(row, op, stamp):", " if True:", *bodies[1]]
        fast = [
            "def encode(row, op, stamp):",
            " try:",
            *bodies[0],
            " except IndexError:",
            "  return wide(row, op, stamp)",
        ]
        of_keys = ["def keys(row):", " if True:", *key_lines, f"  return ({', '.join(keys)},)"]
        of_cancel = ["def cancel(row, stamp):", " if True:", *key_lines, f"  return ({', '.join(cancels)},)"]
        return "\n".join([*wide, *fast, *of_keys, *of_cancel])

    def _part(self, part: Part) -> str:
        """An expression of a key part's bytes; each part is computed once per row."""
        if part.constant is not None:
            return repr(key_part(part.constant.encode()))
        if part not in self._part_names:
            name = f"q{len(self._part_names)}"
            column = self.var(part.column)
            if part.lookup is not None:
                self._lines.append(f"  {name} = PART_{part.lookup}[{column}]")
            else:
                self._lines.append(
                    f"  {name} = {column} if {column} is not None and not {column}.translate(None, KEEP) else QUOTE({column})"
                )
            self._part_names[part] = name
        return self._part_names[part]

    def _path(self, entity: str, parts: tuple[Part, ...]) -> str:
        """An expression of a record key."""
        merged: list[bytes | str] = [f"{self._mapping.institution}/{entity}/".encode()]
        for i, part in enumerate(parts):
            text = self._part(part)
            if i:
                merged = _append(merged, b"/")
            merged = _append(merged, key_part(part.constant.encode()) if part.constant is not None else text)
        return " + ".join(m if isinstance(m, str) else repr(m) for m in merged)

    def _key(self, record: RecordRule) -> str:
        name = f"k{len(self._lines)}"
        self._lines.append(f"  {name} = {self._path(record.entity, record.key)}")
        return name

    def _event(self, record: RecordRule, prefix: tuple[bytes, ...], origin: bytes, sizes: str, lengths: str) -> str:
        key = self._key(record)
        rules = {rule.name: rule for rule in record.fields}
        absent: list[str] = []
        pieces: list[bytes | str] = []
        untyped = f"u{len(self._lines)}"
        start = len(self._lines)
        may_fail = False
        for field in avro_schema.fields(record.entity):
            rule = rules.get(field.name)
            if rule is None:
                pieces = _append(pieces, NULL)
            elif self._absent.intersection(rule.columns):
                absent.append(field.name)
                pieces = _append(pieces, NULL)
            elif rule.constant is not None:
                pieces = _append(pieces, constant_value(rule.kind, rule.constant) or NULL)
            else:
                value, fails = self._value(rule, untyped, sizes)
                pieces.append(value)
                may_fail = may_fail or fails
        names = absent_bytes(absent)
        if may_fail:
            self._lines.insert(start, f"  {untyped} = None")
            pieces.insert(0, self.constant("A", names) + f" + SIZED({untyped})")
            plain: list[bytes | str] = [names + NULL, *pieces[1:]]
            plain = _append([plain[0]], plain[1]) + plain[2:] if len(plain) > 1 else plain
        else:
            plain = _append([names + NULL], pieces[0]) + pieces[1:] if pieces else [names + NULL]
        head = f"{self.constant('P', prefix)}[op], stamp, {self.constant('T', origin)}, {lengths}[len({key})], {key}"

        def joined(parts: list[bytes | str]) -> str:
            return f"JOIN(({head}, {', '.join(p if isinstance(p, str) else repr(p) for p in parts)}))"

        value = f"{joined(plain)} if {untyped} is None else {joined(pieces)}" if may_fail else joined(plain)
        return f"({key}, {value})"

    def _value(self, rule: FieldRule, untyped: str, sizes: str) -> tuple[str, bool]:
        """A variable with the field's bytes, and whether its text may have no place in the type."""
        add = self._lines.append
        name = f"f{len(self._lines)}"
        if rule.join:
            columns = [self.var(column) for column in rule.join]
            add(f"  {name} = [c for c in ({', '.join(columns)},) if c is not None]")
            add(
                f"  if {name}: {name} = {rule.separator.encode()!r}.join({name}); {name} = {sizes}[len({name})] + {name}"
            )
            add(f"  else: {name} = {NULL!r}")
            return name, False
        if rule.reference:
            path = self._path(rule.reference, rule.key)
            columns = [self.var(part.column) for part in rule.key if part.column]
            add(f"  if {' or '.join(f'{c} is None' for c in columns) or 'False'}: {name} = {NULL!r}")
            add(f"  else: {name} = {path}; {name} = {sizes}[len({name})] + {name}")
            return name, False
        column = self.var(rule.column)
        if rule.kind in ("text", "code") and not rule.codes and not rule.lookup:
            add(f"  {name} = {NULL!r} if {column} is None else {sizes}[len({column})] + {column}")
            return name, False
        if rule not in self._caches:
            self._caches[rule] = self._cache(rule)
        cache = self.constant("C", self._caches[rule])
        get = self.constant("G", self._caches[rule].get)
        add(f"  {name} = {get}({column})")
        add(f"  if {name} is None:")
        add(f"   {name} = {cache}.learn({column})")
        add(f"   if {name} is None:")
        add(f"    if {untyped} is None: {untyped} = []")
        add(f"    {untyped}.append({text_bytes(rule.name)!r} + WIDE_L[len({column})] + {column}); {name} = {NULL!r}")
        return name, True

    def _cache(self, rule: FieldRule) -> _Cache:
        convert = of_kind(rule.kind)
        if rule.format:
            convert = date_reader(rule.format) or convert
        if rule.codes:
            convert = coded(self._mapping.codes[rule.codes], rule.kind)
        if rule.lookup is None:
            return _Cache(convert, nullcontext())
        table = self._lookups[rule.lookup]

        def through(raw: bytes) -> bytes | None:
            if raw not in table:
                return None
            value = table.get(raw)
            return NULL if value is None else convert(value)

        cache = _Cache(through, table.lock)
        table.on_change(cache.forget)
        return cache


def _append(parts: list[bytes | str], part: bytes | str) -> list[bytes | str]:
    """Append, joining constants that stand side by side."""
    if parts and isinstance(part, bytes) and isinstance(parts[-1], bytes):
        return [*parts[:-1], parts[-1] + part]
    return [*parts, part]


def _sized(items: list[bytes]) -> bytes:
    """The envelope's `untyped` map."""
    return size_bytes(len(items)) + b"".join(items) + NULL
