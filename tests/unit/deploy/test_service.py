"""The systemd units."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[3] / "deploy" / "systemd"


@pytest.mark.parametrize("unit", ["hemis-agent.service", "hemis-board.service"])
def test_systemd_accepts_the_unit(tmp_path: Path, unit: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd on this machine")
    text = (UNITS / unit).read_text("utf-8")
    copy = tmp_path / unit
    # It must name a program that exists here.
    copy.write_text(text.replace("/opt/hemis/bin/hemis", sys.executable), "utf-8")
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    copy.write_text(copy.read_text("utf-8").replace("Restart=always", "Restart=sometimes"), "utf-8")
    wrong = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert "sometimes" in wrong.stderr, "the check can fail"
