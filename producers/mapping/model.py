"""A mapping as checked facts: what `load` gives and `compile` reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256

from schemas.avro_schema import Kind


@dataclass(frozen=True)
class Part:
    """One part of a record key: a constant, or a column, perhaps through a look-up."""

    column: str = ""
    constant: str | None = None
    lookup: str | None = None


@dataclass(frozen=True)
class FieldRule:
    """How one field gets its value: exactly one of `column`, `constant`, `join`, `reference`."""

    name: str
    kind: Kind
    column: str = ""
    constant: str | None = None
    join: tuple[str, ...] = ()
    separator: str = " "
    reference: str = ""
    key: tuple[Part, ...] = ()
    format: str = ""
    lookup: str | None = None
    codes: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that the field depends on."""
        if self.column:
            return (self.column,)
        return self.join or tuple(part.column for part in self.key if part.column)


@dataclass(frozen=True)
class RecordRule:
    """One record out of each row of `table`; fields that are not mapped are null."""

    entity: str
    table: str
    key: tuple[Part, ...]
    fields: tuple[FieldRule, ...]

    @property
    def key_columns(self) -> tuple[str, ...]:
        return tuple(part.column for part in self.key if part.column)


@dataclass(frozen=True)
class Lookup:
    """A small table that gives `value` for `key`."""

    table: str
    key: str
    value: str


@dataclass(frozen=True)
class Mapping:
    institution: str
    records: tuple[RecordRule, ...]
    codes: dict[str, dict[str, str]]
    lookups: dict[str, Lookup]

    @cached_property
    def revision(self) -> str:
        """Hash of the content: comments and layout of the file do not change it."""
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def record_tables(self) -> tuple[str, ...]:
        """Tables that give records, parents before children as far as the file orders them."""
        return tuple(dict.fromkeys(record.table for record in self.records))

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Every table that the publication must hold: of records and of look-ups."""
        return tuple(dict.fromkeys((*self.record_tables, *(lookup.table for lookup in self.lookups.values()))))

    def records_of(self, table: str) -> tuple[RecordRule, ...]:
        return tuple(record for record in self.records if record.table == table)

    def columns_of(self, table: str) -> tuple[str, ...]:
        """The columns that this table must give, in the order in which its rows hold them."""
        found: dict[str, None] = {}
        for record in self.records_of(table):
            found.update(dict.fromkeys(record.key_columns))
            for field in record.fields:
                found.update(dict.fromkeys(field.columns))
        for lookup in self.lookups.values():
            if lookup.table == table:
                found.update({lookup.key: None, lookup.value: None})
        return tuple(found)

    def dependents(self, lookup: str) -> tuple[tuple[str, str, bool], ...]:
        """Who reads a look-up: (table, column, whether a record key depends on it)."""
        found: dict[tuple[str, str], bool] = {}
        for record in self.records:
            for part in record.key:
                if part.lookup == lookup:
                    found[record.table, part.column] = True
            for field in record.fields:
                if field.lookup == lookup:
                    found.setdefault((record.table, field.column), False)
                for part in field.key:
                    if part.lookup == lookup:
                        found.setdefault((record.table, part.column), False)
        return tuple((table, column, in_key) for (table, column), in_key in found.items())
