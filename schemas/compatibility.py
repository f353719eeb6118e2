"""Avro schema resolution as a question: can a reader with one schema read what a writer with another wrote?

FULL_TRANSITIVE means: yes in both directions, between the newest version and every earlier one. Only the Avro types of the
contract are known here; schemas are self-contained, with names in full.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.avro_schema import full, spelled_out, subjects

RELEASED = Path(__file__).parent / "released"

_PROMOTED: dict[str, tuple[str, ...]] = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}


def problems(reader: Any, writer: Any) -> list[str]:
    """Why the reader can't read the writer's data, each with the path to the place; empty if it can."""
    return list(_Check(_names(reader), _names(writer)).compare(reader, writer, ""))


def both_ways(one: Any, other: Any) -> list[str]:
    """Problems in either direction."""
    return sorted({*problems(one, other), *problems(other, one)})


def released(folder: Path = RELEASED) -> Iterator[tuple[str, str, Any]]:
    """Version, full name and schema of everything that was released."""
    for path in sorted(folder.glob("*/*.avsc")):
        yield path.parent.name, path.stem, spelled_out(json.loads(path.read_text("utf-8")))


def matrix(folder: Path = RELEASED) -> dict[tuple[str, str], list[str]]:
    """Problems of today's schemas with each released one, by version and subject. A subject that is gone is a problem:
    its messages are still on topics.
    """
    today = {name: spelled_out(full(name)) for name in subjects()}
    found = {}
    for version, name, schema in released(folder):
        found[version, name] = both_ways(today[name], schema) if name in today else ["the subject is gone"]
    return found


def _names(schema: Any) -> dict[str, Any]:
    named: dict[str, Any] = {}

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict):
            if node["type"] in ("record", "enum"):
                named[_full_name(node)] = node
            for field in node.get("fields", ()):
                walk(field["type"])
            for inner in ("items", "values"):
                if inner in node:
                    walk(node[inner])

    walk(schema)
    return named


def _full_name(schema: Mapping[str, Any]) -> str:
    return f"{schema['namespace']}.{schema['name']}" if "namespace" in schema else str(schema["name"])


class _Check:
    def __init__(self, readers: dict[str, Any], writers: dict[str, Any]) -> None:
        self._readers = readers
        self._writers = writers
        self._seen: set[tuple[str, str]] = set()

    def compare(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        reader, writer = self._readers.get(_key(reader), reader), self._writers.get(_key(writer), writer)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.compare(reader, branch, path)
            return
        if isinstance(reader, list):
            if all(any(self.compare(branch, writer, path)) for branch in reader):
                yield f"{path or '.'}: no branch of the reader takes {_kind(writer)}"
            return
        ours, theirs = _kind(reader), _kind(writer)
        if ours != theirs:
            if ours not in _PROMOTED.get(theirs, ()):
                yield f"{path or '.'}: {theirs} can't be read as {ours}"
            return
        match ours:
            case "record":
                yield from self._records(reader, writer, path)
            case "enum":
                missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
                if missing and "default" not in reader:
                    yield f"{path or '.'}: the reader's enum lacks {', '.join(missing)}"
            case "array":
                yield from self.compare(reader["items"], writer["items"], f"{path}[]")
            case "map":
                yield from self.compare(reader["values"], writer["values"], f"{path}{{}}")
        if ours in ("record", "enum") and _full_name(reader) != _full_name(writer):
            yield f"{path or '.'}: {_full_name(writer)} was renamed to {_full_name(reader)}"

    def _records(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        pair = (_full_name(reader), _full_name(writer))
        if pair in self._seen:
            return
        self._seen.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            at = f"{path}.{field['name']}"
            theirs = written.get(field["name"])
            if theirs is not None:
                yield from self.compare(field["type"], theirs["type"], at)
            elif "default" not in field:
                yield f"{at}: the writer has no such field, and the reader no default"


def _key(schema: Any) -> str:
    return schema if isinstance(schema, str) else ""


def _kind(schema: Any) -> str:
    return str(schema["type"] if isinstance(schema, dict) else schema)
