"""The board as its installed command serves it."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.board.access import Role, Viewer
from deploy.board.links import token
from deploy.local.ports import free_port
from deploy.local.state import write_private
from schemas.settings import Secret
from tests.support.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[3]
SECRET = "a secret of this test"


@dataclass(frozen=True)
class Served:
    url: str
    metrics: str
    pid: int

    def link(self, role: Role, institution: str = "") -> str:
        viewer = Viewer("le.b", role, institution)
        return f"{self.url}/sign-in?token={token(Secret(SECRET), viewer, time.time() + 3600)}"


@contextmanager
def served(folder: Path, national_dsn: str, **more: Any) -> Iterator[Served]:
    """A board in a process of its own."""
    port, metrics = free_port(), free_port()
    known = {"national_dsn": national_dsn, "board_port": port, "board_link_secret": SECRET, "metrics_port": metrics}
    file = folder / "board.yaml"
    write_private(file, yaml.safe_dump(known | more))
    log = folder / "board.log"
    command = [sys.executable, "-m", "deploy.command", "board", "run", "--settings", str(file)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/sign-in"), "the board answers", 60)
        yield Served(url, f"http://127.0.0.1:{metrics}", process.pid)
        assert process.poll() is None, log.read_text("utf-8")
    finally:
        process.terminate()
        process.wait(20)
    said = log.read_text("utf-8")
    assert "a page failed" not in said, said


def answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
