"""The small web server of every process: /metrics, /healthz (is the process working?) and /readyz (is its work current?)."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Check = Callable[[], dict[str, str]]
"""What is wrong, by name; empty when all is well. It must be cheap and must not wait."""


class HealthServer:
    """Serves on 127.0.0.1 in a thread of its own. `port` 0 lets the system choose; `url` tells."""

    def __init__(self, port: int, registry: CollectorRegistry, *, alive: Check, ready: Check) -> None:
        checks = {"/healthz": alive, "/readyz": ready}

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

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
