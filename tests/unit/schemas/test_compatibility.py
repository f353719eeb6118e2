"""The compatibility matrix: which changes of a schema both sides survive."""

import json
from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_one

from schemas.avro_schema import canonical_text, full, subject, subjects
from schemas.compatibility import both_ways, matrix, problems, released

PERSON = subject("PersonChange")
Change = Callable[[dict[str, Any]], None]


def entity(schema: dict[str, Any]) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = schema["fields"][1]["type"]["fields"]
    return fields


def changed(change: Change) -> dict[str, Any]:
    schema = deepcopy(full(PERSON))
    change(schema)
    return schema


def add_with_default(schema: dict[str, Any]) -> None:
    entity(schema).append({"name": "email", "type": ["null", "string"], "default": None, "doc": "", "kind": "text"})


def add_without_default(schema: dict[str, Any]) -> None:
    entity(schema).append({"name": "email", "type": "string", "doc": "", "kind": "text"})


def remove_with_default(schema: dict[str, Any]) -> None:
    del entity(schema)[0]


def remove_without_default(schema: dict[str, Any]) -> None:
    del schema["fields"][0]["type"]["fields"][0]


def change_type(schema: dict[str, Any]) -> None:
    entity(schema)[0]["type"] = ["null", "long"]


def make_required(schema: dict[str, Any]) -> None:
    entity(schema)[0]["type"] = "string"


def widen(schema: dict[str, Any]) -> None:
    schema["fields"][0]["type"]["fields"][0]["type"] = "long"


def add_symbol(schema: dict[str, Any]) -> None:
    schema["fields"][0]["type"]["fields"][2]["type"]["symbols"].append("ERASE")


def rename_record(schema: dict[str, Any]) -> None:
    schema["name"] = "HumanChange"


def reorder(schema: dict[str, Any]) -> None:
    entity(schema).reverse()


@pytest.mark.parametrize("change", [add_with_default, remove_with_default, reorder])
def test_changes_that_both_sides_survive(change: Change) -> None:
    assert both_ways(changed(change), full(PERSON)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add_without_default, "email"),
        (remove_without_default, "epoch"),
        (change_type, "full_name"),
        (make_required, "full_name"),
        (widen, "epoch"),
        (add_symbol, "ERASE"),
        (rename_record, "HumanChange"),
    ],
)
def test_changes_that_break_one_side(change: Change, said: str) -> None:
    assert any(said in problem for problem in both_ways(changed(change), full(PERSON)))


def test_some_changes_break_only_one_direction() -> None:
    new, old = changed(add_without_default), full(PERSON)
    assert problems(new, old)
    assert problems(old, new) == []
    wider = changed(widen)
    assert problems(wider, old) == []
    assert problems(old, wider)


@pytest.mark.parametrize(
    "change", [add_with_default, remove_with_default, reorder, add_without_default, widen, change_type]
)
def test_fastavro_agrees(change: Change) -> None:
    """What it reads has no problems, and what has problems it does not read."""
    for reader, writer in ((changed(change), full(PERSON)), (full(PERSON), changed(change))):
        value = generate_one(writer)
        value["entity"] = {f["name"]: 7 if "long" in f["type"] else "x" for f in entity(writer)}
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, writer, value)
        buffer.seek(0)
        if problems(reader, writer):
            with pytest.raises(fastavro.read.SchemaResolutionError):
                fastavro.schemaless_reader(buffer, writer, reader)
        else:
            fastavro.schemaless_reader(buffer, writer, reader)


@pytest.mark.parametrize("name", subjects())
def test_every_schema_is_compatible_with_itself(name: str) -> None:
    assert both_ways(full(name), json.loads(canonical_text(name))) == []


def test_todays_schemas_follow_every_release() -> None:
    assert {at: found for at, found in matrix().items() if found} == {}


def test_a_release_is_held_against(tmp_path: Path) -> None:
    folder = tmp_path / "0.0.1"
    folder.mkdir()
    (folder / f"{PERSON}.avsc").write_text(json.dumps(changed(add_without_default)), "utf-8")
    (folder / f"{subject('Gone')}.avsc").write_text(canonical_text(subject("Sweep")), "utf-8")
    assert [(version, name) for version, name, _ in released(tmp_path)] == [
        ("0.0.1", subject("Gone")),
        ("0.0.1", PERSON),
    ]
    found = matrix(tmp_path)
    assert any("email" in one for one in found["0.0.1", PERSON])
    assert found["0.0.1", subject("Gone")] == ["the subject is gone"]
