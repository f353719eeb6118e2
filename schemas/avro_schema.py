"""The Avro schemas: `.avsc` files are the truth, one named type per file, file name = full name.

A type names another by its full name; `full` puts the named type in at its first use, so that the registry and other
Avro libraries get one self-contained schema.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

NAMESPACE = "vn.hemis"
FOLDER = Path(__file__).parent / "avro"

Kind = Literal["text", "code", "date", "reference", "int", "bool"]

ENTITIES: tuple[str, ...] = (
    "institution",
    "org_unit",
    "major_licence",
    "programme",
    "person",
    "learner",
    "study_record",
    "study_decision",
    "degree",
    "degree_correction",
    "staff_contract",
    "teaching_assignment",
)
"""Entities of the register, parents before children."""

OPERATIONAL: tuple[str, ...] = ("canary", "manifest")
"""Records that an agent makes itself: they travel like the register's, and no mapping names them."""

RECORD_TYPES: tuple[str, ...] = ENTITIES + OPERATIONAL
"""Whatever a record key may name."""

CONTROL_EVENTS: tuple[str, ...] = ("Hello", "Sweep", "Oversized")
"""Records in a changes topic that are not a change of a record."""


@dataclass(frozen=True)
class Field:
    """One field of an entity: its Avro type is the kind's; `codes` names its code table, `refers_to` its target entity."""

    name: str
    kind: Kind
    doc: str
    codes: str | None = None
    refers_to: str | None = None


def record_name(entity: str) -> str:
    """`study_record` -> `StudyRecord`."""
    return "".join(part.capitalize() for part in entity.split("_"))


def change_subject(entity: str) -> str:
    """The registry subject (= full record name) of an entity's change event."""
    return f"{NAMESPACE}.{record_name(entity)}Change"


def subject(name: str) -> str:
    """The registry subject of a named type that is not an entity's change."""
    return f"{NAMESPACE}.{name}"


@cache
def fields(entity: str) -> tuple[Field, ...]:
    """The fields of an entity in wire order."""
    declared = _file(f"{NAMESPACE}.{record_name(entity)}")["fields"]
    return tuple(Field(f["name"], f["kind"], f["doc"], f.get("codes"), f.get("refers_to")) for f in declared)


@cache
def field_names(entity: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(entity))


def full(full_name: str) -> dict[str, Any]:
    """The self-contained schema of a named type."""
    return cast(dict[str, Any], _inline(full_name, set()))


@cache
def canonical_text(full_name: str) -> str:
    """The schema as it is registered: JSON without layout, so that equal schemas are equal text."""
    return json.dumps(full(full_name), ensure_ascii=False, separators=(",", ":"))


@cache
def subjects() -> tuple[str, ...]:
    """Every subject that travels on a topic, sorted."""
    parts = {subject(record_name(e)) for e in RECORD_TYPES} | {subject(n) for n in ("Envelope", "Fact", "Origin")}
    return tuple(sorted(path.stem for path in FOLDER.glob("*.avsc") if path.stem not in parts))


@cache
def _file(full_name: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads((FOLDER / f"{full_name}.avsc").read_text("utf-8")))


def _inline(node: Any, seen: set[str]) -> Any:
    if isinstance(node, str):
        if not node.startswith(f"{NAMESPACE}.") or node in seen:
            return node
        return _inline(_file(node), seen)
    if isinstance(node, list):
        return [_inline(part, seen) for part in node]
    copy = dict(node)
    if copy["type"] in ("record", "enum"):
        seen.add(f"{copy['namespace']}.{copy['name']}")
    if copy["type"] == "record":
        copy["fields"] = [{**field, "type": _inline(field["type"], seen)} for field in copy["fields"]]
    elif copy["type"] == "array":
        copy["items"] = _inline(copy["items"], seen)
    elif copy["type"] == "map":
        copy["values"] = _inline(copy["values"], seen)
    return copy


def spelled_out(schema: Any) -> Any:
    """A schema with every name in full: a registry may leave out a namespace that a part inherits."""
    return _spell(schema, NAMESPACE, set())


def _spell(node: Any, namespace: str, named: set[str]) -> Any:
    if isinstance(node, str):
        return f"{namespace}.{node}" if f"{namespace}.{node}" in named else node
    if isinstance(node, list):
        return [_spell(part, namespace, named) for part in node]
    copy = dict(node)
    if copy["type"] in ("record", "enum"):
        name = copy["name"] if "." in copy["name"] else f"{copy.get('namespace', namespace)}.{copy['name']}"
        namespace, _, copy["name"] = name.rpartition(".")
        copy["namespace"] = namespace
        named.add(name)
    if copy["type"] == "record":
        copy["fields"] = [{**field, "type": _spell(field["type"], namespace, named)} for field in copy["fields"]]
    for inner in ("items", "values"):
        if inner in copy:
            copy[inner] = _spell(copy[inner], namespace, named)
    return copy
