"""The reference pages, generated from the declarations; `python -m deploy.reference_pages` or `make docs` writes them anew.

A page is never edited: its sentences are owned by settings, metrics, error codes, topics, rules, commands and schemas.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from deploy import rule_page
from deploy.codes_page import body as _codes
from deploy.command import root
from deploy.doctor.checks import CHECKS
from schemas.avro_schema import FOLDER, NAMESPACE, RECORD_TYPES, record_name
from schemas.avro_schema import fields as entity_fields
from schemas.errors import CATALOGUE, Exit
from schemas.metrics import METRICS
from schemas.rules.survivorship import ONLY, SURVIVORSHIP
from schemas.settings import ROLES, KafkaSettings, Secret
from schemas.topics import DAY_MS, FOR_EVER, TOPICS, Topic

REFERENCE = Path(__file__).parent / "reference"
WIDTH = 100
"""Columns that click wraps help at, whatever the terminal."""


def pages() -> dict[str, str]:
    """Every page's text, by file name."""
    return {f"{name}.md": _page(title, source, body()) for name, (title, source, body) in _PAGES.items()}


def stale(folder: Path = REFERENCE) -> list[str]:
    """Pages whose file is missing or differs, and files that are no page."""
    wanted = pages()
    there = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write(folder: Path = REFERENCE) -> None:
    """Write every page; take away files that are no page."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, "utf-8")


def _page(title: str, source: str, body: Iterable[str]) -> str:
    lines = [f"# {title}", "", f"Generated from {source} by `make docs`; edits are lost.", "", *body]
    return "\n".join(lines).rstrip() + "\n"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    yield _row(heads)
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield _row(row)
    yield ""


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _code(text: object) -> str:
    return f"`{text}`"


# -- settings, metrics, errors ----------------------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    yield "A setting is read from the YAML file that `--settings` names; its environment variable wins over the file. A value"
    yield "may lie in a file of its own: `<name>_file`, relative to the settings file. Secrets are never given on a command line."
    yield ""
    inherited: set[str] = set()
    for role, kind in ROLES.items():
        yield f"## {role}"
        yield ""
        doc = kind.__doc__ or ""
        if not doc.startswith(f"{kind.__name__}("):  # what dataclass writes where there is none
            yield " ".join(doc.split())
            yield ""
        own = [f for f in fields(kind) if f.name not in inherited]
        yield from _table(
            ("setting", "environment", "type", "default", "meaning"),
            (
                (_code(f.name), _code(f"HEMIS_{f.name.upper()}"), _type(f.type), _default(f.default), f.metadata["doc"])
                for f in own
            ),
        )
        if kind is KafkaSettings:
            inherited = {f.name for f in own}


def _type(kind: Any) -> str:
    return {Secret.__name__: "secret", "str": "text", "float": "number", "int": "whole number"}[str(kind)]


def _default(value: object) -> str:
    if value is MISSING:
        return "required"
    return _code(value) if value != "" else "empty"


def _metrics() -> Iterator[str]:
    yield "Every process serves `/metrics`, `/healthz` (is it working?) and `/readyz` (is its work current?). Units"
    yield "are in the name. A `_timestamp_seconds` is a Unix time: its age is `time() - …` at query time."
    yield ""
    yield from _table(
        ("metric", "kind", "labels", "meaning"),
        ((_code(m.name), m.kind, ", ".join(m.labels) or "–", m.doc) for m in METRICS),
    )


def _errors() -> Iterator[str]:
    yield "`data`: the event becomes a dead letter, the stream goes on. `transient`: it is tried again. `terminal`: a person is"
    yield f"needed. Exit codes: {', '.join(f'{code.value} {code.name.lower()}' for code in Exit)}."
    yield ""
    yield from _table(
        ("code", "nature", "meaning", "what to do", "ý nghĩa", "cách xử lý"),
        ((d.code, d.nature.value, d.en, d.hint_en, d.vi, d.hint_vi) for d in CATALOGUE.values()),
    )


# -- topics, rules, entities ------------------------------------------------------------------------------------------


def _topics() -> Iterator[str]:
    yield "`{institution}`: one topic per institution. P: the partitions of national topics, chosen when the cluster is set up and"
    yield "never changed. Whoever is not named can neither read nor write."
    yield ""
    yield from _table(
        ("topic", "holds", "partitions", "cleanup", "kept", "readers", "writers", "dense offsets", "other settings"),
        (
            (
                _code(t.name),
                t.doc,
                t.partitions or "P",
                t.cleanup,
                _kept(t),
                ", ".join(t.readers),
                ", ".join(t.writers),
                "yes" if t.dense else "no",
                ", ".join(f"{name}={value}" for name, value in t.config.items()) or "–",
            )
            for t in TOPICS
        ),
    )


def _kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "newest per key"
    return "for ever" if topic.retention_ms == FOR_EVER else f"{topic.retention_ms // DAY_MS} days"


def _rules() -> Iterator[str]:
    yield from rule_page.lines()


def _survivorship() -> Iterator[str]:
    yield "Which institution a golden person's values come from. The authorities of an owner are asked in this order; the first that"
    yield "has the value gives it, and its id stands in the value's origin. Within an authority the newest change wins. Fields that are"
    yield "joined by + are taken from one record together. A fuller spelling of the same name or date goes before a shorter one."
    yield f"A person with one record has its values, with the rule `{ONLY.id}`."
    yield ""
    yield from _table(
        ("fields", "what", "authorities, in order", "nội dung", "thẩm quyền, theo thứ tự"),
        (
            (
                ", ".join(" + ".join(map(_code, part)) for part in owner.fields) or "–",
                owner.en,
                "; ".join(
                    f"`{a.id}` {a.en}" + ("" if a.carried else " (no event says so yet)") for a in owner.authorities
                ),
                owner.vi,
                "; ".join(a.vi + ("" if a.carried else " (chưa có dữ liệu)") for a in owner.authorities),
            )
            for owner in SURVIVORSHIP
        ),
    )


def _entities() -> Iterator[str]:
    yield "Every field may be null. A date is ISO 8601 text with reduced precision; a reference is a record key of the same"
    yield "institution. A change event is the envelope followed by the entity."
    yield ""
    done = {"Envelope"}
    for entity in RECORD_TYPES:
        name = record_name(entity)
        done |= {name, f"{name}Change"}
        yield f"## {entity}"
        yield ""
        yield _schema(name)["doc"]
        yield ""
        yield from _table(
            ("field", "kind", "codes or target", "meaning"),
            ((_code(f.name), f.kind, f.codes or f.refers_to or "–", f.doc) for f in entity_fields(entity)),
        )
    others = sorted(path.stem.removeprefix(f"{NAMESPACE}.") for path in FOLDER.glob("*.avsc"))
    for name in ["Envelope", *(other for other in others if other not in done)]:
        schema = _schema(name)
        yield f"## {name}"
        yield ""
        yield schema["doc"]
        yield ""
        yield from _table(
            ("field", "type", "meaning"), ((_code(f["name"]), _avro(f["type"]), f["doc"]) for f in schema["fields"])
        )


def _schema(name: str) -> Any:
    return json.loads((FOLDER / f"{NAMESPACE}.{name}.avsc").read_text("utf-8"))


def _avro(kind: Any) -> str:
    if isinstance(kind, list):
        return " or ".join(_avro(part) for part in kind)
    if isinstance(kind, str):
        return kind.removeprefix(f"{NAMESPACE}.")
    match kind["type"]:
        case "enum":
            return ", ".join(kind["symbols"])
        case "array":
            return f"list of {_avro(kind['items'])}"
        case "map":
            return f"map of {_avro(kind['values'])}"
    return str(kind.get("logicalType", kind.get("name", kind["type"])))


# -- commands ---------------------------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield "Exit codes: " + ", ".join(f"{code.value} {code.name.lower()}" for code in Exit) + "."
    yield ""
    yield from _command(root, "hemis", None)


def _command(command: click.Command, path: str, parent: click.Context | None) -> Iterator[str]:
    # Options and usage wrap by width alone; a terminal's width would make the page differ from machine to machine.
    with click.Context(
        command, parent, info_name=path.rpartition(" ")[2], terminal_width=WIDTH, max_content_width=WIDTH
    ) as context:
        yield f"## {path}"
        yield ""
        yield "```"
        yield from command.get_help(context).splitlines()
        yield "```"
        yield ""
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                if child is not None and not child.hidden:
                    yield from _command(child, f"{path} {name}", context)


def _checks() -> Iterator[str]:
    yield "What `hemis doctor` looks at. Each ends as pass, warn, fail or skip (with the reason why it could not be looked at). Exit code"
    yield "0: nothing fails; 1: something does."
    yield ""
    yield from _table(
        ("check", "all is well if", "tốt khi", "what mends it", "page"),
        (
            (_code(c.id), c.en, c.vi, _code(c.mend), f"[{Path(c.page).stem}](../{c.page})" if c.page else "–")
            for c in CHECKS.values()
        ),
    )


_PAGES: dict[str, tuple[str, str, Callable[[], Iterable[str]]]] = {
    "settings": ("Settings", "`schemas/settings.py`", _settings),
    "metrics": ("Metrics", "`schemas/metrics.py`", _metrics),
    "checks": ("Checks", "`deploy/doctor/checks.py`", _checks),
    "errors": ("Errors", "`schemas/errors.py`", _errors),
    "topics": ("Topics", "`schemas/topics.py`", _topics),
    "rules": ("Danh mục quy tắc · Rule directory", "`schemas/rules/directory.yaml`", _rules),
    "survivorship": ("Survivorship", "`schemas/rules/survivorship.py`", _survivorship),
    "codes": ("Code tables · Bảng mã", "`schemas/codes/`", _codes),
    "commands": ("Commands", "the commands' own help", _commands),
    "entities": ("Entities and messages", "`schemas/avro/`", _entities),
}


if __name__ == "__main__":
    write()
