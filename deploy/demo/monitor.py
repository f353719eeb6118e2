"""The demo's Prometheus, with the rules that a ministry would load."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from deploy.demo.workers import Worker
from deploy.local.errors import StackError
from deploy.local.prometheus import Prometheus, Target, binaries
from deploy.local.stack import Say


class Monitor:
    """One demo's Prometheus. A demo works without one too."""

    def __init__(self, home: Path) -> None:
        self.server = Prometheus(home)

    def start(self, workers: list[Worker], say: Say) -> str:
        """Start it if there is one; its address, or nothing."""
        found = binaries(say)
        if found is None:
            return ""
        targets = [Target(w.name.partition("-")[0], w.name, urlsplit(w.metrics).netloc) for w in workers]
        try:
            url = self.server.start(found, targets)
        except StackError as error:
            say(f"no Prometheus: {error.message}")
            return ""
        say(f"Prometheus: {url}")
        return url

    def stop(self) -> None:
        self.server.stop()
