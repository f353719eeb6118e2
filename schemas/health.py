"""The small web server of every process: /metrics, /healthz (is the process working?) and /readyz (is its work current?)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from schemas.metrics import STATUSES, declared

Check = Callable[[], dict[str, str]]
"""What is wrong, by name; empty when all is well. It must be cheap and must not wait."""

MISSED = 4
"""So many canaries in a row that did not come are no accident."""


class HealthServer:
    """Serves in a thread of its own. `port` 0 lets the system choose; `url` tells. `component` and `instance` are how
    hemis_health names this process.
    """

    def __init__(
        self,
        port: int,
        registry: CollectorRegistry,
        *,
        component: str,
        instance: str,
        alive: Check,
        ready: Check,
        host: str = "127.0.0.1",
    ) -> None:
        checks = {"/healthz": alive, "/readyz": ready}
        registry.register(_Health(component, instance, alive, ready))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif self.path in checks:
                    wrong = checks[self.path]()
                    self._answer(
                        503 if wrong else 200,
                        "application/json",
                        json.dumps({"status": "fail" if wrong else "pass", "wrong": wrong}).encode(),
                    )
                else:
                    self._answer(404, "text/plain", b"/metrics /healthz /readyz\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet when well."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.url = address(host, self._server.server_address[1])
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def address(host: str, port: int) -> str:
    """The base address of a server, as this machine reaches it."""
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"


class _Health:
    """hemis_health, asked at the scrape: a loop that stands still can't keep its last good word in a gauge."""

    def __init__(self, component: str, instance: str, alive: Check, ready: Check) -> None:
        self._labels = (component, instance)
        self._alive, self._ready = alive, ready

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        metric = declared("hemis_health")
        family = GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels)
        status = "dead" if self._alive() else "unready" if self._ready() else "healthy"
        for name in STATUSES:
            family.add_metric([*self._labels, name], float(name == status))
        yield family


def late(newest: float | None, now: float, interval: float) -> dict[str, str]:
    """What /readyz objects to if the newest canary (Unix time) is late for one every `interval` seconds."""
    if newest is None or now - newest <= MISSED * interval:
        return {}
    return {"canary": f"the newest is {now - newest:.0f} s old"}
