"""The whole demo, small: the installed command's check must end with every row equal, and again on the kept data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.demo.workers import PROJECT
from deploy.local.prometheus import binaries
from deploy.local.state import State
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

LIMIT_SECONDS = 400.0


def hemis(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.command", *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TERM": "dumb"},
    )


def test_check_resume_interrupt_and_clean(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    check = ("demo", "--check", "--home", str(home), "--seconds", "10")
    process = hemis(*check, "--learners", "900")
    output, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, output
    assert "not found" not in output
    assert "unexplained" not in output
    assert " 0 overlooked" in output
    for part in ("findings: ", "TRUNCATE:", "filled again:", "ALTER TABLE:", "one transaction:", "in flight"):
        assert part in output

    # The second run goes on with the data of the first, and can be interrupted at any time.
    process = hemis("demo", "--home", str(home))
    processes = State(home / "processes")
    wait_until(
        lambda: len(processes.read().processes) == 9 and (home / "processes" / "sink.log").exists(), "all run", 120
    )
    monitor = State(home / "prometheus")
    if binaries() is not None:
        wait_until(lambda: monitor.read().processes, "a Prometheus runs", 120)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, output
    assert "made" not in output.split("processes started")[0]
    assert processes.read().processes == monitor.read().processes == {}

    for file in (home / "settings").iterdir():
        assert file.stat().st_mode & 0o077 == 0
    assert (home / "pgpass").stat().st_mode & 0o077 == 0

    process = hemis("demo", "--clean", "--home", str(home))
    output, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, output
    assert not home.exists()
