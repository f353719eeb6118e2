"""Reads a mapping file and checks all that can be known without the source; every error names file and line.

Scalars are taken as the text that stands in the file, so that `01`, `NO` and `true` stay what the author wrote.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from producers.mapping.model import FieldRule, Lookup, Mapping, Part, RecordRule
from producers.mapping.values import constant_value, date_reader
from schemas import avro_schema
from schemas.errors import HemisError
from schemas.keys import INSTITUTION

_TABLE = re.compile(r"[^.\s]+(\.[^.\s]+)?")
_RULE_NAMES = {"column", "constant", "join", "separator", "reference", "key", "format", "lookup", "codes"}


def load(file: Path) -> Mapping:
    """The mapping in a file.

    Raises:
        HemisError E202: unreadable, or wrong; the error names the line.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HemisError("E202", f"the file can't be read: {type(error).__name__}", file=file) from error
    return parse(text, str(file))


def parse(text: str, name: str = "mapping") -> Mapping:
    """The mapping in a text; `name` stands for the file in errors.

    Raises:
        HemisError E202: wrong; the error names the line.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{name}:{mark.line + 1}" if mark else name
        raise HemisError("E202", "this is not YAML", at=at) from error
    return _Reader(name).mapping(root)


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._codes: dict[str, dict[str, str]] = {}
        self._lookups: dict[str, Lookup] = {}

    def wrong(self, node: Any, detail: str) -> HemisError:
        line = f":{node.start_mark.line + 1}" if node is not None else ""
        return HemisError("E202", detail, at=f"{self._name}{line}")

    # -- YAML nodes to Python ------------------------------------------------------------------------------------------

    def entries(self, node: Any, what: str, allowed: set[str] | None = None) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, f"{what}: expected names with values")
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = self.text(key, f"{what}: a name")
            if name in found:
                raise self.wrong(key, f"{what}: '{name}' stands twice")
            if allowed is not None and name not in allowed:
                raise self.wrong(key, f"{what}: unknown '{name}'; known are {', '.join(sorted(allowed))}")
            found[name] = value
        return found

    def items(self, node: Any, what: str) -> list[Any]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self.wrong(node, f"{what}: expected a list with at least one entry")
        return list(node.value)

    def text(self, node: Any, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self.wrong(node, f"{what}: expected text")
        return str(node.value)

    def need(self, entries: dict[str, Any], name: str, what: str, node: Any) -> Any:
        if name not in entries:
            raise self.wrong(node, f"{what}: '{name}' is missing")
        return entries[name]

    # -- the parts of a mapping ----------------------------------------------------------------------------------------

    def mapping(self, root: Any) -> Mapping:
        top = self.entries(root, "the mapping", {"institution", "records", "codes", "lookups"})
        node = self.need(top, "institution", "the mapping", root)
        institution = self.text(node, "institution")
        if not INSTITUTION.fullmatch(institution):
            raise self.wrong(node, "institution: capital letters, digits and '-', 2 to 16 characters")
        if "codes" in top:
            for name, entry in self.entries(top["codes"], "codes").items():
                values = self.entries(entry, f"codes.{name}")
                self._codes[name] = {k: self.text(v, f"codes.{name}.{k}") for k, v in values.items()}
        if "lookups" in top:
            for name, entry in self.entries(top["lookups"], "lookups").items():
                self._lookups[name] = self.lookup(name, entry)
        records = []
        seen: dict[tuple[str, str], None] = {}
        for entry in self.items(self.need(top, "records", "the mapping", root), "records"):
            record = self.record(entry)
            if (record.entity, record.table) in seen and len(record.key) < 2:
                raise self.wrong(entry, f"{record.entity} from {record.table} stands twice and would have equal keys")
            seen[record.entity, record.table] = None
            records.append(record)
        return Mapping(institution, tuple(records), self._codes, self._lookups)

    def lookup(self, name: str, node: Any) -> Lookup:
        what = f"lookups.{name}"
        entry = self.entries(node, what, {"table", "key", "value"})
        key, value = (self.text(self.need(entry, n, what, node), f"{what}.{n}") for n in ("key", "value"))
        return Lookup(self.table(self.need(entry, "table", what, node), what), key, value)

    def table(self, node: Any, what: str) -> str:
        name = self.text(node, f"{what}.table")
        if not _TABLE.fullmatch(name):
            raise self.wrong(node, f"{what}: a table is named schema.table")
        return name if "." in name else f"public.{name}"

    def record(self, node: Any) -> RecordRule:
        entry = self.entries(node, "a record", {"entity", "table", "key", "fields"})
        entity_node = self.need(entry, "entity", "a record", node)
        entity = self.text(entity_node, "entity")
        if entity not in avro_schema.ENTITIES:
            raise self.wrong(entity_node, f"unknown entity '{entity}'; known are {', '.join(avro_schema.ENTITIES)}")
        table = self.table(self.need(entry, "table", entity, node), entity)
        key = self.key(self.need(entry, "key", entity, node), f"{entity}.key")
        if not any(part.column for part in key):
            raise self.wrong(entry["key"], f"{entity}.key: at least one part must be a column")
        declared = {field.name: field for field in avro_schema.fields(entity)}
        rules = self.entries(self.need(entry, "fields", entity, node), f"{entity}.fields", set(declared))
        fields = tuple(self.field(declared[name], rule, f"{entity}.{name}") for name, rule in rules.items())
        return RecordRule(entity, table, key, fields)

    def key(self, node: Any, what: str) -> tuple[Part, ...]:
        parts = []
        for item in self.items(node, what):
            if isinstance(item, yaml.ScalarNode):
                parts.append(Part(column=self.text(item, what)))
                continue
            entry = self.entries(item, what, {"constant", "column", "lookup"})
            if "constant" in entry and len(entry) == 1:
                parts.append(Part(constant=self.text(entry["constant"], what)))
            elif "column" in entry and "constant" not in entry:
                parts.append(Part(column=self.text(entry["column"], what), lookup=self.known_lookup(entry, what)))
            else:
                raise self.wrong(
                    item, f"{what}: a part is a column, or {{constant: text}}, or {{column: c, lookup: name}}"
                )
        return tuple(parts)

    def known_lookup(self, entry: dict[str, Any], what: str) -> str | None:
        if "lookup" not in entry:
            return None
        name = self.text(entry["lookup"], what)
        if name not in self._lookups:
            raise self.wrong(entry["lookup"], f"{what}: there is no look-up '{name}' under lookups")
        return name

    def known_codes(self, entry: dict[str, Any], field: avro_schema.Field, what: str) -> str | None:
        if "codes" not in entry:
            return None
        name = self.text(entry["codes"], what)
        if name not in self._codes:
            raise self.wrong(entry["codes"], f"{what}: there is no code map '{name}' under codes")
        for value in self._codes[name].values():
            if constant_value(field.kind, value) is None:
                raise self.wrong(entry["codes"], f"{what}: code map '{name}' gives '{value}', which is no {field.kind}")
        return name

    def field(self, field: avro_schema.Field, node: Any, what: str) -> FieldRule:
        if isinstance(node, yaml.ScalarNode):
            if field.kind == "reference":
                raise self.wrong(node, f"{what}: write {{reference: {field.refers_to}, key: [...]}}")
            return FieldRule(field.name, field.kind, column=self.text(node, what))
        entry = self.entries(node, what, _RULE_NAMES)
        kinds = [name for name in ("column", "constant", "join", "reference") if name in entry]
        if len(kinds) != 1:
            raise self.wrong(node, f"{what}: exactly one of column, constant, join, reference")
        allowed = {
            "column": {"column", "format", "lookup", "codes"},
            "constant": {"constant"},
            "join": {"join", "separator"},
            "reference": {"reference", "key"},
        }[kinds[0]]
        if extra := sorted(set(entry) - allowed):
            raise self.wrong(entry[extra[0]], f"{what}: '{extra[0]}' does not go with '{kinds[0]}'")
        if (kinds[0] == "reference") != (field.kind == "reference"):
            raise self.wrong(node, f"{what}: a {field.kind} field can't be given by '{kinds[0]}'")
        match kinds[0]:
            case "constant":
                constant = self.text(entry["constant"], what)
                if constant_value(field.kind, constant) is None:
                    raise self.wrong(entry["constant"], f"{what}: '{constant}' is no {field.kind}")
                return FieldRule(field.name, field.kind, constant=constant)
            case "join":
                if field.kind != "text":
                    raise self.wrong(node, f"{what}: only text can be joined")
                columns = tuple(self.text(item, what) for item in self.items(entry["join"], what))
                separator = str(entry["separator"].value) if "separator" in entry else " "
                return FieldRule(field.name, field.kind, join=columns, separator=separator)
            case "reference":
                target = self.text(entry["reference"], what)
                if target != field.refers_to:
                    raise self.wrong(entry["reference"], f"{what} refers to {field.refers_to}, not '{target}'")
                key = self.key(self.need(entry, "key", what, node), what)
                return FieldRule(field.name, field.kind, reference=target, key=key)
        form = self.text(entry["format"], what) if "format" in entry else ""
        if form and (field.kind != "date" or date_reader(form) is None):
            raise self.wrong(entry["format"], f"{what}: a date format holds YYYY, perhaps MM and DD, and separators")
        return FieldRule(
            field.name,
            field.kind,
            column=self.text(entry["column"], what),
            format=form,
            lookup=self.known_lookup(entry, what),
            codes=self.known_codes(entry, field, what),
        )
