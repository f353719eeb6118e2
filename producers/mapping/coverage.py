"""How well a mapping's code maps cover the national code tables, and what stands in the live database without a mapping."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Protocol

from producers.mapping.model import FieldRule, Mapping, RecordRule
from schemas import avro_schema
from schemas.codes import CodeTable, table

CONSTANT = "constant"
"""The source of a field that has no column."""


class Local(Protocol):
    """The live database, as far as codes go."""

    def frequencies(self, table: str, column: str) -> dict[str, int]:
        """The texts that stand in a column, with their rows; the most frequent ones if there are very many."""

    def pairs(self, table: str, key: str, value: str) -> dict[str, str | None]:
        """A look-up table."""


@dataclass
class Coverage:
    """One mapped code field. `unknown` and `ended`: its targets that the national table does not know, or not any more.

    `unmapped`: local codes of the live database that lead nowhere, with their rows; None if nobody looked.
    """

    entity: str
    field: str
    source: str
    code_table: str
    complete: bool
    mapped: int
    covered: int
    of: int
    unknown: list[str] = dataclasses.field(default_factory=list)
    ended: list[str] = dataclasses.field(default_factory=list)
    unmapped: dict[str, int] | None = None

    @property
    def wrong(self) -> bool:
        """Worth an exit code: a target that can't be right, or rows that lose their code."""
        return bool((self.complete and self.unknown) or self.unmapped)

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "wrong": self.wrong}


def coverage(mapping: Mapping, local: Local | None = None) -> Iterator[Coverage]:
    """Every code field of a mapping, in the mapping's order. `local`: also look at what stands in the live database."""
    for record in mapping.records:
        declared = {f.name: f.codes for f in avro_schema.fields(record.entity)}
        for rule in record.fields:
            name = declared[rule.name]
            if name is not None:
                yield _of(mapping, record, rule, table(name), local)


def _of(mapping: Mapping, record: RecordRule, rule: FieldRule, codes: CodeTable, local: Local | None) -> Coverage:
    found = None if local is None or not rule.column else _found(mapping, record, rule, local)
    given = _targets(mapping, rule, found)
    # A province of birth is named by its old code, so a target counts as known whatever its day.
    today = [code for code in codes.codes if codes.valid(code)]
    return Coverage(
        record.entity,
        rule.name,
        f"{record.table}.{rule.column}" if rule.column else CONSTANT,
        codes.name,
        codes.complete,
        len(mapping.codes[rule.codes]) if rule.codes else 0,
        sum(code in given for code in today),
        len(today),
        sorted(code for code in given if not codes.known(code)),
        sorted(code for code in given if codes.known(code) and not codes.valid(code)),
        _unmapped(mapping, rule, found),
    )


def _targets(mapping: Mapping, rule: FieldRule, found: dict[str, int] | None) -> set[str]:
    """The national codes that a field can have, as far as it can be told."""
    if rule.constant is not None:
        return {rule.constant}
    if rule.codes:
        return set(mapping.codes[rule.codes].values())
    return set(found or ())


def _found(mapping: Mapping, record: RecordRule, rule: FieldRule, local: Local) -> dict[str, int]:
    """A field's local codes with their rows. A key that its look-up does not have stands for itself."""
    direct = local.frequencies(record.table, rule.column)
    if rule.lookup is None:
        return direct
    lookup = mapping.lookups[rule.lookup]
    values = local.pairs(lookup.table, lookup.key, lookup.value)
    found: dict[str, int] = {}
    for key, rows in direct.items():
        code = values.get(key, key)
        if code is not None:
            found[code] = found.get(code, 0) + rows
    return found


def _unmapped(mapping: Mapping, rule: FieldRule, found: dict[str, int] | None) -> dict[str, int] | None:
    if found is None:
        return None
    if not rule.codes:
        return {}
    known = mapping.codes[rule.codes]
    return {code: rows for code, rows in sorted(found.items()) if code not in known and code.rstrip(" ") not in known}
