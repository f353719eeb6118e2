"""The schema registry (Confluent API): look-ups cached in memory and on disk, registration by the ministry only.

A registry that can't be reached is back-pressure (`RegistryUnavailable`, transient): nobody makes a dead letter of it. Only
a healthy registry's "not found" does (`None`).
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any, cast

from schemas.avro_schema import canonical_text, spelled_out, subjects
from schemas.errors import HemisError

COMPATIBILITY = "FULL_TRANSITIVE"
_TYPE = "application/vnd.schemaregistry.v1+json"


class RegistryUnavailable(HemisError):
    def __init__(self, detail: str) -> None:
        super().__init__("E405", detail)


class Registry:
    """A client of one registry. `cache` is a folder that survives restarts, so that a registry outage stops nothing known."""

    def __init__(self, url: str, cache: Path, *, user: str = "", password: str = "", timeout: float = 5.0) -> None:
        self._url = url.rstrip("/")
        self._cache = cache
        self._timeout = timeout
        self._headers = {"Content-Type": _TYPE, "Accept": _TYPE}
        if user:
            self._headers["Authorization"] = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
        self._ids: dict[str, int] = {}
        self._schemas: dict[int, dict[str, Any]] = {}
        self._versions: dict[str, dict[int, int]] = {}
        cache.mkdir(parents=True, exist_ok=True)

    def id_of(self, full_name: str) -> int:
        """The id of this program's schema of a named type.

        Raises:
            RegistryUnavailable: try again. HemisError E406: the registry does not know this schema.
        """
        if full_name not in self._ids:
            kept = self._cache / f"{full_name}.{_fingerprint(full_name)}.id"
            if kept.exists():
                self._ids[full_name] = int(kept.read_text())
            else:
                found = self._call("POST", f"/subjects/{full_name}", {"schema": canonical_text(full_name)})
                if found is None:
                    raise HemisError("E406", subject=full_name)
                self._keep(kept, str(found["id"]))
                self._ids[full_name] = int(found["id"])
        return self._ids[full_name]

    def schema_of(self, schema_id: int) -> dict[str, Any] | None:
        """The schema behind an id; None if a healthy registry does not know the id.

        Raises:
            RegistryUnavailable: try again.
        """
        if schema_id not in self._schemas:
            kept = self._cache / f"{schema_id}.avsc"
            if kept.exists():
                text = kept.read_text("utf-8")
            else:
                found = self._call("GET", f"/schemas/ids/{schema_id}")
                if found is None:
                    return None
                text = found["schema"]
                self._keep(kept, text)
            schema = json.loads(text)
            self._schemas[schema_id] = spelled_out(schema) if isinstance(schema, dict) else {"type": schema}
        return self._schemas[schema_id]

    def ids_of(self, full_name: str) -> frozenset[int]:
        """The ids of all versions of a type that the registry has now; of each version it is asked once.

        Raises:
            RegistryUnavailable: try again.
        """
        versions: Any = self._call("GET", f"/subjects/{full_name}/versions") or ()
        known = self._versions.setdefault(full_name, {})
        for version in versions:
            if version not in known and (found := self._call("GET", f"/subjects/{full_name}/versions/{version}")):
                known[version] = int(found["id"])
        return frozenset(known[version] for version in versions if version in known)

    def register_all(self) -> dict[str, int]:
        """Register every subject of the contract under FULL_TRANSITIVE; idempotent.

        Raises:
            RegistryUnavailable: try again. HemisError E406: incompatible with an earlier version.
        """
        self._call("PUT", "/config", {"compatibility": COMPATIBILITY})
        ids = {}
        for name in subjects():
            answer = self._call("POST", f"/subjects/{name}/versions", {"schema": canonical_text(name)})
            ids[name] = int(cast(dict[str, Any], answer)["id"])
        return ids

    def compatible(self, full_name: str, schema_text: str) -> bool:
        """Would the registry take this schema as the subject's next version?"""
        answer = self._call("POST", f"/compatibility/subjects/{full_name}/versions", {"schema": schema_text})
        return answer is None or bool(answer["is_compatible"])

    def _keep(self, path: Path, text: str) -> None:
        part = path.with_name(f"{path.name}.{os.getpid()}.{get_ident()}.part")
        part.write_text(text)
        part.replace(path)

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any] | None:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._url + path, data, self._headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return cast(dict[str, Any], json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                if error.code in (409, 422):
                    raise HemisError("E406", path=path) from error
                raise RegistryUnavailable(f"HTTP {error.code}") from error
        except (OSError, ValueError) as error:
            raise RegistryUnavailable(type(error).__name__) from error


def _fingerprint(full_name: str) -> str:
    return sha256(canonical_text(full_name).encode()).hexdigest()[:16]
