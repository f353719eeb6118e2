"""A real Prometheus: the machine's own, or Debian's package unpacked into the user's cache, without root.

The package comes through the user's own apt, which knows its addresses and verifies what it fetches. No hash is pinned
here: Debian replaces the file with each correction.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.local import processes
from deploy.local.artifacts import cache_folder
from deploy.local.ports import HOST, free_port
from deploy.local.state import State

OBSERVABILITY = Path(__file__).parents[1] / "observability"
FILES = ("prometheus.yaml", "recording.yaml", "alerts.yaml")
PACKAGE = "prometheus"
FETCH_SECONDS = 120.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Binaries:
    """`assets`: the folder of its web pages; empty where the binary knows its own."""

    prometheus: Path
    promtool: Path
    assets: str = ""


def binaries(say: Say = lambda _: None) -> Binaries | None:
    """Prometheus and promtool, fetched if need be; None, and a word why, where there is no way to them."""
    server, tool = shutil.which("prometheus"), shutil.which("promtool")
    if server and tool:
        return Binaries(Path(server), Path(tool))
    folder = cache_folder() / PACKAGE
    if not folder.exists():
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            say("no Prometheus: none is installed, and there is no apt to fetch it with")
            return None
        if wrong := _unpacked(folder):
            say(f"no Prometheus: {wrong}; install Debian's package {PACKAGE}, or run apt-get update")
            return None
    found = folder / "usr" / "bin"
    return Binaries(found / "prometheus", found / "promtool", str(folder / "usr/share/prometheus/web"))


def _unpacked(folder: Path) -> str:
    """Fetch the package and unpack it; what went wrong."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix="prometheus-") as work:
        for command in (["apt-get", "download", "-q", PACKAGE], None):
            packages = [str(path) for path in Path(work).glob("*.deb")]
            try:
                done = subprocess.run(
                    command or ["dpkg-deb", "-x", *packages, "whole"],
                    cwd=work,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=FETCH_SECONDS,
                )
            except subprocess.TimeoutExpired:
                return "fetching the package took too long"
            if done.returncode:
                return f"{(command or ['dpkg-deb'])[0]} ended with {done.returncode}"
        try:
            os.rename(Path(work) / "whole", folder)
        except OSError:
            if not folder.exists():  # else another process was faster
                return "the cache folder can't be written"
    return ""


@dataclass(frozen=True)
class Target:
    """A process to scrape: `job` is its role."""

    job: str
    instance: str
    address: str


class Prometheus:
    """One server under a folder, with the project's own configuration and rules."""

    def __init__(self, home: Path) -> None:
        self._state = State(home)
        self.url = ""

    def start(self, found: Binaries, targets: list[Target], rules: Mapping[str, str] = {}) -> str:
        """Start, and wait until it serves; its address. `rules`: texts in place of the project's own files, by name."""
        self.stop()
        home = self._state.home
        for name in FILES:
            (home / name).write_text(rules.get(name) or (OBSERVABILITY / name).read_text("utf-8"), "utf-8")
        listed = [{"targets": [t.address], "labels": {"job": t.job, "instance": t.instance}} for t in targets]
        (home / "targets.json").write_text(json.dumps(listed), "utf-8")
        address = f"{HOST}:{free_port()}"
        self.url = f"http://{address}"
        command = [
            str(found.prometheus),
            f"--config.file={home / 'prometheus.yaml'}",
            f"--storage.tsdb.path={home / 'data'}",
            "--storage.tsdb.retention.time=2d",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ]
        if found.assets:
            command.append(f"--web.local-assets={found.assets}")
        record = processes.spawn(self._state, "prometheus", command)
        processes.wait_ready(self._state, "prometheus", record, lambda: self._read("/-/ready"))
        return self.url

    def stop(self) -> None:
        """End it, also one that a killed program left running. The data stays."""
        record = self._state.read().processes.get("prometheus")
        if record is not None:
            processes.stop(record, signal.SIGTERM)
            with self._state.change() as facts:
                facts.processes.pop("prometheus", None)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression, now.

        Raises:
            OSError: it refuses the expression, or does not answer.
        """
        answer = json.loads(self._read("/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def _read(self, path: str) -> bytes:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise OSError(f"{error.code}: {error.read().decode()[:300]}") from None
        return body
