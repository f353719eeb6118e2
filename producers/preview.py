"""Shows rows as the events that they would become, with personal values masked."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from producers.mapping.compile import AS_SNAPSHOT, Stamps, compile_mapping
from producers.mapping.lookups import LookupTable
from producers.mapping.model import Mapping
from producers.sources.postgresql.tables import PostgresReader
from schemas import avro_schema, envelope
from schemas.codec import codec
from schemas.errors import HemisError

OPEN_KINDS = ("code", "int", "bool")
"""Kinds that name no person; the rest is masked."""
SHORT_LIVED = "preview".ljust(16, "-")


def preview(mapping: Mapping, reader: PostgresReader, count: int, show: bool) -> list[dict[str, Any]]:
    """Up to `count` events, taken in turn from all tables of the mapping.

    Raises:
        HemisError E203: a table or column does not exist.
    """
    facts = reader.describe(mapping.tables)
    lookups = {}
    for name, lookup in mapping.lookups.items():
        lookups[name] = LookupTable()
        lookups[name].fill((row[0], row[1]) for row in reader.whole(lookup.table, (lookup.key, lookup.value)))
    entities = dict(enumerate(avro_schema.ENTITIES))
    ids = {avro_schema.change_subject(entity): i for i, entity in entities.items()}
    programs = compile_mapping(mapping, SHORT_LIVED, ids, lookups)
    stamps = Stamps()
    now = time.time_ns() // 1000
    stamps.at(now, now)
    found: list[dict[str, Any]] = []
    share = max(1, count // len(programs))
    for table, program in programs.items():
        if table not in facts:
            raise HemisError("E203", table=table)
        missing = frozenset(program.columns) - set(facts[table].columns)
        encode = program.encode(missing)
        for row, _ in islice(reader.chunk(facts[table], program.columns, None, share), share):
            for _, value in encode(row, AS_SNAPSHOT, stamps.of(0)):
                found.append(_shown(value, entities[envelope.schema_id_of(value)], show))
    return found[:count]


def _shown(value: bytes, entity: str, show: bool) -> dict[str, Any]:
    head = envelope.read(value)
    fields, _ = codec(f"{avro_schema.NAMESPACE}.{avro_schema.record_name(entity)}").decode(value, head.body)
    kinds = {field.name: field.kind for field in avro_schema.fields(entity)}
    if not show:
        fields = {n: v if v is None or kinds[n] in OPEN_KINDS else masked(str(v)) for n, v in fields.items()}
    return {
        "record_key": head.record_key if show else masked_key(head.record_key),
        "source_table": head.source_table,
        "absent": list(head.absent),
        "untyped": head.untyped if show else {name: masked(text) for name, text in head.untyped.items()},
        "entity": fields,
    }


def masked(text: str) -> str:
    """The shape without the person: letters become x, digits 0."""
    return "".join("x" if ch.isalpha() else "0" if ch.isdigit() else ch for ch in text)


def masked_key(key: str) -> str:
    institution, entity, parts = key.split("/", 2)
    return f"{institution}/{entity}/{masked(parts)}"
