"""Reads the rule directory and refuses what a typo would make of it: each fault has a code, E820 to E829."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, cast

import yaml

from schemas.avro_schema import ENTITIES, Field, field_names, fields
from schemas.errors import HemisError
from schemas.rules.catalogue import (
    RULE_IDS,
    SEVERITIES,
    STAGES,
    STATUSES,
    TOLERANCE_NAMES,
    Case,
    Example,
    Rule,
    Text,
)

_NEEDED = ("id", "stage", "fields", "severity", "status", "title", "explanation", "todo", "source", "good", "bad")
_ALLOWED = (*_NEEDED, "reason", "limits", "tolerance", "valid_from", "valid_to", "waivable", "waiver", "cases")
_OF_KIND = {"int": int, "bool": bool}
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Plain(_Base):  # type: ignore[misc]
    """YAML 1.2's few plain values: a date stays text, and `no`, `on`, `NO` are words."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _form, _first in (
    ("bool", "true|false", "tf"),
    ("null", "null|~|", "n~"),
    ("int", "-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?[0-9]+\.[0-9]+", "-0123456789"),
):
    _Plain.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), [*_first])


def load(path: Path) -> tuple[Rule, ...]:
    """Every rule of the directory, in its order.

    Raises:
        HemisError E820 to E829.
    """
    try:
        entries = yaml.load(path.read_text("utf-8"), _Plain)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise HemisError("E820", type(error).__name__, file=path.name) from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise HemisError("E820", "a list of rules is expected", file=path.name)
    rules = tuple(_rule(entry) for entry in entries)
    if missing := [rule for rule in RULE_IDS if rule not in {one.id for one in rules}]:
        raise HemisError("E822", "missing", rules=", ".join(missing))
    _refuse_overlaps(rules)
    return rules


def _rule(entry: dict[str, Any]) -> Rule:
    name = str(entry.get("id", "?"))
    if name not in RULE_IDS:
        raise HemisError("E822", _like(name, RULE_IDS), rule=name)
    for key in entry:
        if key not in _ALLOWED:
            raise HemisError("E821", _like(str(key), _ALLOWED), rule=name, key=key)
    for key in _NEEDED:
        if key not in entry:
            raise HemisError("E821", "missing", rule=name, key=key)
    stage = _word(name, "stage", entry["stage"], STAGES)
    cases = {case: _case(name, case, what, stage) for case, what in _mapping(name, "cases", entry.get("cases", {}))}
    return Rule(
        id=name,
        stage=cast(Any, stage),
        fields=_fields(name, entry["fields"]),
        severity=cast(Any, _word(name, "severity", entry["severity"], SEVERITIES)),
        title=_text(name, "title", entry["title"]),
        explanation=_text(name, "explanation", entry["explanation"]),
        todo=_text(name, "todo", entry["todo"]),
        source=_text(name, "source", entry["source"]),
        good=tuple(_example(name, example, {}) for example in _several(name, "good", entry["good"])),
        bad=tuple(_example(name, example, cases) for example in _several(name, "bad", entry["bad"])),
        cases=cases,
        tolerance=_tolerance(name, entry.get("tolerance", {})),
        valid_from=_day(name, "valid_from", entry.get("valid_from")),
        valid_to=_day(name, "valid_to", entry.get("valid_to")),
        waiver=_waiver(name, entry),
        not_yet=_not_yet(name, entry),
        limits=_text(name, "limits", entry["limits"]) if "limits" in entry else None,
    )


def _text(rule: str, key: str, value: Any) -> Text:
    said = value if isinstance(value, dict) else {}
    for language in ("vi", "en"):
        if not isinstance(said.get(language), str) or not said[language].strip():
            raise HemisError("E823", rule=rule, key=key, language=language)
    if extra := said.keys() - {"vi", "en"}:
        raise HemisError("E821", rule=rule, key=f"{key}.{sorted(extra)[0]}")
    return Text(said["vi"].strip(), said["en"].strip())


def _case(rule: str, name: str, value: Any, stage: str) -> Case:
    said = dict(_mapping(rule, f"cases.{name}", value))
    if unknown := said.keys() - {"severity", "stage", "vi", "en", "reason"}:
        raise HemisError("E821", rule=rule, key=f"cases.{name}.{sorted(unknown)[0]}")
    return Case(
        severity=cast(Any, _word(rule, f"cases.{name}.severity", said.get("severity"), SEVERITIES)),
        text=_text(rule, f"cases.{name}", {language: said.get(language) for language in ("vi", "en")}),
        stage=cast(Any, _word(rule, f"cases.{name}.stage", said.get("stage", stage), STAGES)),
        not_yet=_text(rule, f"cases.{name}.reason", said["reason"]) if "reason" in said else None,
    )


def _word(rule: str, key: str, value: Any, words: tuple[str, ...]) -> str:
    if value not in words:
        raise HemisError("E826", _like(str(value), words), rule=rule, key=key, value=value)
    return str(value)


def _fields(rule: str, value: Any) -> dict[str, tuple[str, ...]]:
    named: dict[str, tuple[str, ...]] = {}
    for entity, names in _mapping(rule, "fields", value):
        if entity not in (*ENTITIES, "*"):
            raise HemisError("E827", _like(entity, ENTITIES), rule=rule, entity=entity)
        known = ("*",) if entity == "*" else (*field_names(entity), "*")
        for name in names if isinstance(names, list) else [names]:
            if name not in known:
                raise HemisError("E827", _like(str(name), known), rule=rule, entity=entity, field=name)
        named[entity] = tuple(names)
    if not named:
        raise HemisError("E827", "none", rule=rule)
    return named


def _tolerance(rule: str, value: Any) -> dict[str, float]:
    said = dict(_mapping(rule, "tolerance", value))
    known = TOLERANCE_NAMES.get(rule, frozenset())
    if wrong := said.keys() ^ known:
        name = sorted(wrong)[0]
        raise HemisError("E828", _like(name, tuple(known)) if name in said else "missing", rule=rule, tolerance=name)
    for name, number in said.items():
        if type(number) not in (int, float) or number < 0:
            raise HemisError("E828", "a number of 0 or more is expected", rule=rule, tolerance=name)
    return said


def _day(rule: str, key: str, value: Any) -> str | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise HemisError("E825", "a day as YYYY-MM-DD is expected", rule=rule, key=key) from None


def _waiver(rule: str, entry: Mapping[str, Any]) -> Text | None:
    waivable = entry.get("waivable", False)
    if type(waivable) is not bool:
        raise HemisError("E826", _like(str(waivable), ("true", "false")), rule=rule, key="waivable", value=waivable)
    if waivable != ("waiver" in entry):
        raise HemisError("E824", "waivable goes with a waiver's reason, and only then", rule=rule)
    return _text(rule, "waiver", entry["waiver"]) if waivable else None


def _not_yet(rule: str, entry: Mapping[str, Any]) -> Text | None:
    if _word(rule, "status", entry["status"], STATUSES) == "kept":
        if "reason" in entry:
            raise HemisError("E821", "only for a rule that is not kept yet", rule=rule, key="reason")
        return None
    return _text(rule, "reason", entry.get("reason"))


def _several(rule: str, key: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise HemisError("E829", "at least one is expected", rule=rule, key=key)
    return value


def _example(rule: str, value: Any, cases: Mapping[str, Case]) -> Example:
    said = dict(_mapping(rule, "example", value))
    finds = tuple(said.pop("finds", ()))
    if finds and cases and finds[0] not in cases:
        raise HemisError("E829", _like(finds[0], tuple(cases)), rule=rule, case=finds[0])
    if said.keys() == {"text"}:
        return Example(text=_text(rule, "example", said["text"]), finds=finds)
    if said.keys() == {"of", "arguments"}:
        return Example(of=str(said["of"]), arguments=dict(_mapping(rule, "arguments", said["arguments"])), finds=finds)
    if (
        not {"entity", "values"} <= said.keys() <= {"entity", "values", "untyped", "on"}
        or said["entity"] not in ENTITIES
    ):
        raise HemisError("E829", "entity and values, of and arguments, or text", rule=rule)
    entity, values = said["entity"], dict(_mapping(rule, "values", said["values"]))
    untyped = dict(_mapping(rule, "untyped", said.get("untyped", {})))
    kinds = {field.name: field for field in fields(entity)}
    for name, given in (*values.items(), *untyped.items()):
        if name not in kinds or (name in values and not _fits(kinds[name], given)):
            raise HemisError("E829", _like(name, tuple(kinds)), rule=rule, entity=entity, field=name)
    return Example(entity, values, untyped, str(said.get("on", "2026-10-01")), finds=finds)


def _fits(field: Field, value: Any) -> bool:
    return value is None or type(value) is _OF_KIND.get(field.kind, str)


def _mapping(rule: str, key: str, value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise HemisError("E821", "names and values are expected", rule=rule, key=key)
    return value.items()


def _like(word: str, words: tuple[str, ...]) -> str:
    near = get_close_matches(word, words, 1)
    return f"did you mean {near[0]}?" if near else ""


def _refuse_overlaps(rules: tuple[Rule, ...]) -> None:
    last: dict[str, Rule] = {}
    for rule in sorted(rules, key=lambda one: one.valid_from or ""):
        if rule.valid_to is not None and rule.valid_to < (rule.valid_from or ""):
            raise HemisError("E825", "it ends before it begins", rule=rule.id)
        before = last.get(rule.id)
        if before is not None and (before.valid_to is None or before.valid_to >= (rule.valid_from or "")):
            raise HemisError("E825", "two versions hold on one day", rule=rule.id, day=rule.valid_from or "always")
        last[rule.id] = rule
