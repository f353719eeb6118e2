"""The registry as a file, and back: every version with its id, since the ids stand in the messages of every topic.

The Confluent interface lists everything, and takes ids back in its mode IMPORT. Apicurio ignores them there and counts on, so an
empty Apicurio gets its own export instead; what a registry lacks at its end it gets in the order of ids. Whatever was done, the ids
are compared afterwards.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from schemas.errors import HemisError
from schemas.registry import COMPATIBILITY, RegistryUnavailable

LIST = "registry.jsonl"
EXPORT = "registry.zip"
_JSON = "application/vnd.schemaregistry.v1+json"
_SECONDS = 30.0


@dataclass(frozen=True, order=True)
class Entry:
    """A registered version. Ordered as ids were given."""

    id: int
    subject: str
    version: int
    schema: str


def save(url: str, folder: Path) -> list[Path]:
    """Write what the registry holds; the files.

    Raises:
        RegistryUnavailable.
    """
    entries = listed(url)
    files = [folder / LIST]
    files[0].write_text("".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries), "utf-8")
    if (archive := _call("GET", _apicurio(url, "export"), accept="application/zip")) is not None:
        files.append(folder / EXPORT)
        files[1].write_bytes(archive)
    return files


def give_back(url: str, folder: Path) -> int:
    """Bring what the registry lacks; how many versions. Repeating it changes nothing.

    Raises:
        RegistryUnavailable. HemisError E863: the registry gave one of the ids to another schema.
    """
    wanted = read(folder / LIST)
    before = listed(url)
    require_equal(wanted, before)
    if not before and (folder / EXPORT).exists():
        _call("POST", _apicurio(url, "import"), (folder / EXPORT).read_bytes(), kind="application/zip")
    known = {(entry.subject, entry.version) for entry in listed(url)}
    missing = [entry for entry in wanted if (entry.subject, entry.version) not in known]
    if missing:
        _call("PUT", f"{url}/mode", {"mode": "IMPORT"})
        try:
            for entry in missing:
                said = {"schema": entry.schema, "id": entry.id, "version": entry.version}
                _call("POST", f"{url}/subjects/{quote(entry.subject)}/versions", said)
                require_equal([entry], listed(url, entry.subject))
        finally:
            _call("PUT", f"{url}/mode", {"mode": "READWRITE"})
        _call("PUT", f"{url}/config", {"compatibility": COMPATIBILITY})
    require_equal(wanted, listed(url))
    return len(wanted) - len(before)


def require_equal(wanted: list[Entry], found: list[Entry]) -> None:
    """What both have must have the same id.

    Raises:
        HemisError E863.
    """
    ids = {(entry.subject, entry.version): entry.id for entry in found}
    names = {entry.id: _content(entry) for entry in found}
    for entry in wanted:
        if ids.get((entry.subject, entry.version), entry.id) != entry.id:
            raise HemisError("E863", subject=entry.subject, version=entry.version, id=entry.id)
        if names.get(entry.id, _content(entry)) != _content(entry):
            raise HemisError("E863", subject=entry.subject, version=entry.version, id=entry.id)


def listed(url: str, subject: str = "") -> list[Entry]:
    """Every version, or those of a subject, in the order of ids.

    Raises:
        RegistryUnavailable.
    """
    names = [subject] if subject else json.loads(_call("GET", f"{url}/subjects") or b"[]")
    return sorted(entry for name in names for entry in _versions(url, name))


def compatibility(url: str) -> str:
    """The level that the registry holds new versions against.

    Raises:
        RegistryUnavailable.
    """
    return str(json.loads(_call("GET", f"{url}/config") or b"{}").get("compatibilityLevel", ""))


def read(file: Path) -> list[Entry]:
    """Raises HemisError E860."""
    try:
        return sorted(Entry(**json.loads(line)) for line in file.read_text("utf-8").splitlines())
    except (OSError, ValueError, TypeError) as error:
        raise HemisError("E860", type(error).__name__, file=file) from error


def _versions(url: str, subject: str) -> Iterator[Entry]:
    for number in json.loads(_call("GET", f"{url}/subjects/{quote(subject)}/versions") or b"[]"):
        said = json.loads(_call("GET", f"{url}/subjects/{quote(subject)}/versions/{number}") or b"null")
        if said is not None:
            yield Entry(said["id"], subject, number, said["schema"])


def _content(entry: Entry) -> Any:
    """Registries may write a schema's text anew."""
    return json.loads(entry.schema)


def _apicurio(url: str, what: str) -> str:
    return f"{url.partition('/apis/')[0]}/apis/registry/v3/admin/{what}"


def _call(
    method: str, address: str, body: dict[str, Any] | bytes | None = None, *, kind: str = _JSON, accept: str = _JSON
) -> bytes | None:
    """The answer; None if there is no such thing."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    headers = {"Content-Type": kind, "Accept": accept}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, data, headers, method=method), timeout=_SECONDS
        ) as a:
            answer: bytes = a.read()
            return answer
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (404, 405):
                return None
            raise RegistryUnavailable(f"HTTP {error.code}") from error
    except OSError as error:
        raise RegistryUnavailable(type(error).__name__) from error
