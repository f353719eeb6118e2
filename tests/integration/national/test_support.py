"""`hemis bundle` of a real system with secrets and personal data in it, and of one whose every part is away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from schemas.topics import DEAD_LETTERS
from tests.integration.national.test_doctor import CODE, ROOT, Patient, patient
from tests.unit.deploy.test_support import PERSONAL, content

__all__ = ["patient"]
pytestmark = pytest.mark.real

AWAY = {
    "kafka_bootstrap": "127.0.0.1:9",
    "registry_url": "http://127.0.0.1:9",
    "national_dsn": "postgresql://nobody:hidden-word@127.0.0.1:9/none",
}
MOST_SECONDS = 90.0


def bundled(patient: Patient, log: Path, **more: object) -> dict[str, str]:
    archive = patient.folder / "bundle.tar.gz"
    command = [sys.executable, "-m", "deploy.command", "bundle", "--output", str(archive), "--log", str(log)]
    done = subprocess.run(
        [*command, "--settings", str(patient.settings(**more))],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=patient.folder, capture_output=True, text=True, check=False, timeout=2 * MOST_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return content(archive)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log into which everything has slipped that must not."""
    file = tmp_path / "sink.log"
    lines = [json.dumps({"event": "slipped", "detail": text}, ensure_ascii=False) for text in PERSONAL[:3]]
    lines += [
        json.dumps(
            {"event": "kept", "key": f"{CODE}/person/{PERSONAL[3]}", "person": f"n:{PERSONAL[4]}", "code": "E501"}
        )
    ]
    file.write_text("\n".join([*lines, "not ours: " + " ".join(PERSONAL), ""]), "utf-8")
    return file


def test_a_system_that_is_well(patient: Patient, log: Path, stack: Stack) -> None:
    patient.national.record(f"{CODE}/person/{PERSONAL[3]}", full_name=PERSONAL[0], citizen_number=PERSONAL[1])
    letter = {
        "institution": CODE, "topic": f"hemis.changes.{CODE}", "partition": 0, "offset": 1, "code": "E101", "reason": "torn", "found_at": 1,
        "attempts": 0, "key": None, "value": " ".join(PERSONAL).encode(),
    }  # fmt: skip
    patient.write(DEAD_LETTERS.name, CODE.encode(), "DeadLetter", letter)
    found = bundled(patient, log)
    assert json.loads(found["incomplete.json"]) == {}
    clocks = json.loads(found["clock.json"])
    assert set(clocks) == {"broker", "national database"}
    assert all(abs(one["ahead_seconds"]) <= one["doubt_seconds"] + 0.5 for one in clocks.values()), clocks
    assert {"check", "state", "detail"} <= set(json.loads(found["doctor.json"])[0])
    assert f"hemis.changes.{CODE}" in json.loads(found["topics.json"])["topics"]
    assert ["person", 1] in [row[:2] for row in json.loads(found["database.json"])["tables"]] or "person" in found[
        "database.json"
    ]
    assert {"institution": CODE, "code": "E101", "reason": "torn", "letters": 1} in json.loads(
        found["dead-letters.json"]
    )
    kept = json.loads(found["logs/sink.log"].splitlines()[3])
    assert kept == {"event": "kept", "key": f"{CODE}/person/***", "person": "n:***", "code": "E501"}
    assert found["logs/sink.log"].splitlines()[-1] == "# 1 other lines left out"
    secrets = [stack.secret("kafka.hemis.operator"), str(patient.national.engine.url.password)]
    for secret in (*secrets, *PERSONAL):
        assert not [name for name, text in found.items() if secret in text], secret


def test_a_system_of_which_nothing_answers(patient: Patient, log: Path) -> None:
    began = time.monotonic()
    found = bundled(patient, log, **AWAY)
    assert time.monotonic() - began < MOST_SECONDS
    wrong = json.loads(found["incomplete.json"])
    assert wrong["topics.json"]["error"] == wrong["institutions.json"]["error"] == "E401"
    assert wrong["database.json"]["error"] == "E501"
    assert {one["error"] for one in json.loads(found["clock.json"]).values()} == {"E401", "E501"}
    states = {one["check"]: one["state"] for one in json.loads(found["doctor.json"])}
    assert states["broker.login"] == states["registry.answers"] == states["database.login"] == "fail"
    assert json.loads(found["logs/sink.log"].splitlines()[3])["code"] == "E501"
    assert not [name for name, text in found.items() if "hidden-word" in text]
