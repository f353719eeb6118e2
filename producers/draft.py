"""Drafts a mapping from a live database: a beginning for a person to correct, not a finished mapping.

Columns are guessed by name, and for some fields by what stands in them. No value leaves this file; only column names do.
"""

from __future__ import annotations

import re

from producers.guess import Guess, guess, with_references
from producers.sources.postgresql.tables import PostgresReader
from producers.sources.source import TableFacts
from schemas import avro_schema

_SAMPLE = 200
_SHAPES = (
    ("citizen_number", rb"0\d{11}"),
    ("email", rb"[^@\s]+@[^@\s]+\.[^@\s]+"),
    ("major_code", rb"[6-9]\d{6}"),
    ("decision_number", rb"\d+/Q\xc4\x90.*"),
)
"""Fields that give themselves away."""


def contents(reader: PostgresReader, facts: TableFacts) -> dict[str, str]:
    """Fields that a sample of the rows gives away: twelve digits are a citizen number, seven a major, an @ is an e-mail."""
    columns = [name for name, kind in facts.columns.items() if kind.startswith(("text", "character"))]
    if not columns or not facts.key:
        return {}
    rows = [row for row, _ in reader.chunk(facts, columns, None, _SAMPLE)]
    found: dict[str, str] = {}
    for i, column in enumerate(columns):
        values = [row[i] for row in rows if row[i]]
        if len(values) < 5:
            continue
        for field, shape in _SHAPES:
            if field not in found and sum(bool(re.fullmatch(shape, v or b"")) for v in values) > 0.8 * len(values):
                found[field] = column
    return found


def draft(institution: str, reader: PostgresReader) -> str:
    """The YAML text of a draft."""
    rows = reader.query(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')"
        " and n.nspname not like 'pg\\_%' order by 1"
    )
    facts = reader.describe(str(row[0]) for row in rows)
    guesses, without_key = [], []
    for name in sorted(facts):
        if not facts[name].key:
            without_key.append(name)
            continue
        guesses += guess(facts[name], contents(reader, facts[name]))
    guesses.sort(key=lambda g: avro_schema.ENTITIES.index(g.entity))
    guesses = with_references(guesses, facts)
    return _yaml(institution, guesses, without_key, [name for name in sorted(facts) if facts[name].key])


def _yaml(institution: str, guesses: list[Guess], without_key: list[str], tables: list[str]) -> str:
    lines = [
        "# A draft. Check every line; then: hemis agent check, hemis agent preview.",
        f"institution: {institution}",
        "records:" if guesses else "records: []",
    ]
    people = {g.table for g in guesses if g.entity == "person"}
    for g in guesses:
        key = ", ".join(g.key)
        lines += [f"  - entity: {g.entity}", f"    table: {g.table}", f"    key: [{key}]", "    fields:"]
        lines += [f"      {field}: {column}" for field, column in g.fields.items()]
        for field in avro_schema.fields(g.entity):
            if field.refers_to == "person" and g.table in people:
                lines.append(f"      {field.name}: {{reference: person, key: [{key}]}}")
            elif field.name in g.references:
                column = g.references[field.name]
                lines.append(f"      {field.name}: {{reference: {field.refers_to}, key: [{column}]}}")
            elif field.refers_to:
                lines.append(f"      # {field.name}: {{reference: {field.refers_to}, key: [...]}}")
            elif field.name not in g.fields:
                lines.append(f"      # {field.name}: …  {field.doc}")
    lines += [f"# no primary key, can't be mapped: {name}" for name in without_key]
    used = {g.table for g in guesses}
    lines += [f"# not recognised: {name}" for name in tables if name not in used]
    return "\n".join(lines) + "\n"
