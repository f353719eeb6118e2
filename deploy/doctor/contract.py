"""The registry: does it answer, and do its ids mean what the messages in the topics mean by them?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy import registry_copy
from deploy.doctor.broker import listed
from deploy.doctor.checks import Result, failed, passed, skipped, warned
from schemas.avro_schema import subjects
from schemas.errors import HemisError
from schemas.registry import COMPATIBILITY, Registry, RegistryUnavailable
from schemas.settings import OperatorSettings

AFTER_ANSWER = ("registry.schemas", "registry.ids", "registry.compatibility")


def examine(settings: OperatorSettings) -> Iterator[Result]:
    url = settings.registry_url.rstrip("/")
    try:
        found = registry_copy.listed(url)
        level = registry_copy.compatibility(url)
    except RegistryUnavailable as error:
        yield failed("registry.answers", f"{error.code} {error.detail}")
        for name in AFTER_ANSWER:
            yield skipped(name, "no answer")
        return
    yield passed("registry.answers", f"{len(found)} versions")
    yield _schemas(url)
    yield _ids(Path(settings.data) / "schemas", {entry.id: json.loads(entry.schema) for entry in found})
    if level != COMPATIBILITY:
        yield failed("registry.compatibility", f"{level or 'none'}, not {COMPATIBILITY}")
    else:
        yield passed("registry.compatibility", level)


def _schemas(url: str) -> Result:
    """Asked without what this machine remembers."""
    unknown = []
    with TemporaryDirectory() as fresh:
        registry = Registry(url, Path(fresh))
        for name in subjects():
            try:
                registry.id_of(name)
            except HemisError as error:
                if error.transient:
                    return warned("registry.schemas", f"{name}: {error.code}")
                unknown.append(name)
    return failed("registry.schemas", listed(unknown)) if unknown else passed("registry.schemas")


def _ids(cache: Path, known: dict[int, Any]) -> Result:
    """What this machine has learnt from the registry before must still be so."""
    wrong, seen = [], 0
    for kept in sorted(cache.glob("*.avsc")):
        number, schema = int(kept.stem), json.loads(kept.read_text("utf-8"))
        seen += 1
        if number not in known:
            wrong.append(f"{number} is unknown")
        elif _name(known[number]) != _name(schema):
            wrong.append(f"{number} was {_name(schema)}, is {_name(known[number])}")
    for kept in sorted(cache.glob("*.id")):
        number, name = int(kept.read_text()), kept.name.rsplit(".", 2)[0]
        seen += 1
        if number not in known:
            wrong.append(f"{number} is unknown")
        elif _name(known[number]) != name:
            wrong.append(f"{number} was {name}, is {_name(known[number])}")
    if wrong:
        return failed("registry.ids", listed(wrong))
    return (
        passed("registry.ids", f"{seen} that this machine knew")
        if seen
        else skipped("registry.ids", "none known here yet")
    )


def _name(schema: Any) -> str:
    return f"{schema.get('namespace')}.{schema.get('name')}" if isinstance(schema, dict) else str(schema)
