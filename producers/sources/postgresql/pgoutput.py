"""The pgoutput protocol, version 1: messages of the log to messages of a source.

For each relation message a parser is generated that slices the wanted columns out of a row and steps over the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any

from producers.sources.source import (
    DELETED,
    INSERTED,
    UPDATED,
    Beat,
    Began,
    Described,
    Ended,
    Message,
    Passed,
    Row,
    Truncated,
)

Parse = Callable[[bytes, int, frozenset[str]], tuple[Row, frozenset[str], int]]

HEADER = 25
"""Bytes of XLogData before the message: 'w', start, end, server's clock."""
PAD = b"\x00" * 4
"""Behind each message: the last column may be one byte long, and is read as a kind with a length."""
PREFIX = "hemis"
"""Of the agent's own messages in the log."""
EPOCH = 946_684_800_000_000
"""2000-01-01 in µs of Unix time."""

_KIND_LENGTH = Struct(">BI").unpack_from
_U32 = Struct(">I").unpack_from
_U64 = Struct(">Q").unpack_from
_EMPTY: frozenset[str] = frozenset()


class _Relation:
    __slots__ = ("missing", "name", "parse")

    def __init__(self, name: str, parse: Parse, missing: frozenset[str]) -> None:
        self.name = name
        self.parse = parse
        self.missing = missing


class Decoder:
    """Decodes one stream. `wanted`: columns by table; other tables are skipped."""

    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        self._wanted = wanted
        self._relations: dict[int, _Relation | None] = {}

    def decode(self, b: bytes) -> Message | None:
        """A message out of XLogData with `PAD` behind it; None if it concerns nobody."""
        kind = b[25]
        if kind == 73:  # I
            relation = self._relations[_U32(b, 26)[0]]
            if relation is None:
                return None
            row, absent, _ = relation.parse(b, 31, relation.missing)
            return (INSERTED, _U64(b, 1)[0], relation.name, row, None, absent)
        if kind == 85:  # U
            relation = self._relations[_U32(b, 26)[0]]
            if relation is None:
                return None
            if b[30] == 78:  # N
                row, absent, _ = relation.parse(b, 31, relation.missing)
                return (UPDATED, _U64(b, 1)[0], relation.name, row, None, absent)
            old, _, p = relation.parse(b, 31, relation.missing)
            full = b[30] == 79  # O
            row, absent, _ = relation.parse(b, p + 1, relation.missing)
            if full and absent is not relation.missing:
                row, absent = self._filled(relation, row, old, absent)
            return (UPDATED, _U64(b, 1)[0], relation.name, row, old, absent)
        if kind == 66:  # B
            return Began(_U64(b, 34)[0] + EPOCH)
        if kind == 67:  # C
            return Ended(_U64(b, 35)[0])
        if kind == 68:  # D
            relation = self._relations[_U32(b, 26)[0]]
            if relation is None:
                return None
            old, _, _ = relation.parse(b, 31, relation.missing)
            return (DELETED, _U64(b, 1)[0], relation.name, old, None, _EMPTY)
        if kind == 82:  # R
            return self._relation(b)
        if kind == 84:  # T
            return self._truncate(b)
        if kind == 77:  # M
            # Only a message outside of transactions says how far the log is; one inside has its commit to come.
            return None if b[26] & 1 else self._message(b)
        return None

    def _filled(self, relation: _Relation, row: Row, old: Row, absent: frozenset[str]) -> tuple[Row, frozenset[str]]:
        """REPLICA IDENTITY FULL: what the new row leaves out as unchanged, the old row carries."""
        columns = self._wanted[relation.name]
        unchanged = absent - relation.missing
        filled = tuple(o if name in unchanged else n for name, n, o in zip(columns, row, old, strict=True))
        return filled, relation.missing

    def _relation(self, b: bytes) -> Described | None:
        oid = _U32(b, 26)[0]
        schema, p = _text(b, 30)
        table, p = _text(b, p)
        name = f"{schema or 'pg_catalog'}.{table}"
        if name not in self._wanted:
            self._relations[oid] = None
            return None
        count = int.from_bytes(b[p + 1 : p + 3], "big")
        p += 3
        columns = []
        for _ in range(count):
            column, p = _text(b, p + 1)
            columns.append(column)
            p += 8
        wanted = self._wanted[name]
        missing = frozenset(wanted) - frozenset(columns)
        self._relations[oid] = _Relation(name, row_parser(columns, wanted), missing)
        return Described(name, tuple(columns), missing)

    @staticmethod
    def _message(b: bytes) -> Message:
        position = _U64(b, 27)[0]
        prefix, p = _text(b, 35)
        content = b[p + 4 : p + 4 + _U32(b, p)[0]]
        return Beat(position, int(content)) if prefix == PREFIX and content.isdigit() else Passed(position)

    def _truncate(self, b: bytes) -> Truncated | None:
        count = _U32(b, 26)[0]
        relations = [self._relations.get(_U32(b, 31 + 4 * i)[0]) for i in range(count)]
        tables = tuple(relation.name for relation in relations if relation)
        return Truncated(_U64(b, 1)[0], tables) if tables else None


def _text(b: bytes, p: int) -> tuple[str, int]:
    end = b.index(0, p)
    return b[p:end].decode(), end + 1


def row_parser(columns: Sequence[str], wanted: Sequence[str]) -> Parse:
    """A function (message, position of TupleData, absent so far) -> (row, absent, position behind)."""
    scope: dict[str, Any] = {"T": _KIND_LENGTH}
    lines = ["def parse(b, p, absent):", " p += 2"]
    for i, column in enumerate(columns):
        lines.append(" k, n = T(b, p)")
        if column not in wanted:
            lines.append(" p += n + 5 if k == 116 else 1")
            continue
        at = f"c{wanted.index(column)}"
        scope[f"N{i}"] = frozenset((column,))
        lines.append(f" if k == 116: p += 5; {at} = b[p:p + n]; p += n")
        lines.append(f" elif k == 110: p += 1; {at} = None")
        lines.append(f" else: p += 1; {at} = None; absent = absent | N{i}")
    values = [f"c{i}" if column in columns else "None" for i, column in enumerate(wanted)]
    lines.append(f" return ({', '.join(values)},), absent, p")
    exec("\n".join(lines), scope)
    parse: Parse = scope["parse"]
    return parse
