"""The registry's client: what it caches, and what an outage is."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from schemas.avro_schema import canonical_text, full, subject, subjects
from schemas.errors import HemisError
from schemas.registry import COMPATIBILITY, Registry, RegistryUnavailable

ORDER = subject("Order")


class Fake:
    """A registry of the Confluent API, as small as the client needs. `status` answers all calls with an error."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.versions: dict[str, list[int]] = {}
        self.status: int | None = None
        self.calls: list[str] = []
        self.settings: dict[str, Any] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            do_PUT = do_POST

            def _answer(self, body: Any) -> None:
                fake.calls.append(f"{self.command} {self.path}")
                status, answer = (fake.status, {}) if fake.status else fake.answer(self.command, self.path, body)
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        match method, parts:
            case "PUT", ["config"]:
                self.settings = body
                return 200, body
            case "POST", ["subjects", name, "versions"]:
                number = self.ids.setdefault(body["schema"], len(self.ids) + 1)
                versions = self.versions.setdefault(name, [])
                versions += [] if number in versions else [number]
                return 200, {"id": number}
            case "GET", ["subjects", name, "versions"]:
                return (200, list(range(1, len(self.versions[name]) + 1))) if name in self.versions else (404, {})
            case "GET", ["subjects", name, "versions", version]:
                return 200, {"id": self.versions[name][int(version) - 1]}
            case "POST", ["subjects", _]:
                number = self.ids.get(body["schema"])
                return (200, {"id": number}) if number else (404, {})
            case "POST", ["compatibility", *_]:
                return 200, {"is_compatible": "vn.hemis" in body["schema"] or '"vn.hemis"' in body["schema"]}
            case "GET", ["schemas", "ids", number]:
                found = [text for text, known in self.ids.items() if known == int(number)]
                return (200, {"schema": found[0]}) if found else (404, {})
        return 500, {}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake() -> Iterator[Fake]:
    running = Fake()
    yield running
    running.close()


@pytest.fixture
def registry(fake: Fake, tmp_path: Path) -> Registry:
    return Registry(fake.url, tmp_path)


def test_registering_is_idempotent_and_sets_compatibility(fake: Fake, registry: Registry) -> None:
    ids = registry.register_all()
    assert set(ids) == set(subjects())
    assert registry.register_all() == ids
    assert fake.settings == {"compatibility": COMPATIBILITY}


def test_a_cache_on_disk_outlives_process_and_registry(fake: Fake, registry: Registry, tmp_path: Path) -> None:
    registry.register_all()
    number = registry.id_of(ORDER)
    assert registry.schema_of(number) == full(ORDER)
    fake.status = 503
    later = Registry(fake.url, tmp_path)
    asked = len(fake.calls)
    assert later.id_of(ORDER) == number
    assert later.schema_of(number) == full(ORDER)
    assert len(fake.calls) == asked


def test_memory_answers_the_second_time(fake: Fake, registry: Registry) -> None:
    registry.register_all()
    number = registry.id_of(ORDER)
    registry.schema_of(number)
    asked = len(fake.calls)
    registry.id_of(ORDER)
    registry.schema_of(number)
    assert len(fake.calls) == asked


@pytest.mark.parametrize("status", [401, 500, 503])
def test_an_outage_is_back_pressure(fake: Fake, registry: Registry, status: int) -> None:
    fake.status = status
    for act in (lambda: registry.schema_of(1), lambda: registry.id_of(ORDER), registry.register_all):
        with pytest.raises(RegistryUnavailable) as refused:
            act()
        assert refused.value.transient


def test_nobody_listening_is_an_outage(tmp_path: Path) -> None:
    fake = Fake()
    fake.close()
    with pytest.raises(RegistryUnavailable):
        Registry(fake.url, tmp_path, timeout=1.0).schema_of(1)


def test_only_a_healthy_registry_knows_nothing(registry: Registry, tmp_path: Path) -> None:
    assert registry.schema_of(77) is None
    assert list(tmp_path.iterdir()) == [], "what is unknown today may be known tomorrow"


def test_a_schema_that_is_not_registered_is_terminal(registry: Registry) -> None:
    with pytest.raises(HemisError) as refused:
        registry.id_of(ORDER)
    assert refused.value.code == "E406"
    assert not refused.value.transient


@pytest.mark.parametrize("status", [409, 422])
def test_an_incompatible_schema_is_terminal(fake: Fake, registry: Registry, status: int) -> None:
    fake.status = status
    with pytest.raises(HemisError) as refused:
        registry.register_all()
    assert refused.value.code == "E406"


def test_compatibility_is_asked(fake: Fake, registry: Registry) -> None:
    assert registry.compatible(ORDER, canonical_text(ORDER))
    assert not registry.compatible(ORDER, '"string"')
    fake.status = 404
    assert registry.compatible(ORDER, '"string"'), "a subject without versions takes any"


def test_all_versions_of_a_type_each_asked_for_once(fake: Fake, registry: Registry) -> None:
    assert registry.ids_of(ORDER) == frozenset()
    number = registry.register_all()[ORDER]
    assert registry.ids_of(ORDER) == {number}
    fake.versions[ORDER].append(77)
    fake.calls.clear()
    assert registry.ids_of(ORDER) == {number, 77}
    assert fake.calls == [f"GET /subjects/{ORDER}/versions", f"GET /subjects/{ORDER}/versions/2"]
    fake.status = 503
    with pytest.raises(RegistryUnavailable):
        registry.ids_of(ORDER)
