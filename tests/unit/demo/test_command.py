"""The root command: quick, and clear about a missing extra."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from deploy import command
from schemas.errors import HemisError


def test_help_needs_no_extra() -> None:
    code = (
        "import sys, json; import deploy.command; print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    )
    modules = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"psycopg", "sqlalchemy", "faust", "confluent_kafka", "rich"}.intersection(modules)


def test_every_part_can_be_loaded() -> None:
    for name in command.PARTS:
        result = CliRunner().invoke(command.root, [name, "--help"])
        assert result.exit_code == 0, (name, result.output)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'faust'", name="faust")

    monkeypatch.setattr("deploy.command.importlib.import_module", absent)
    result = CliRunner().invoke(command.root, ["processor", "run", "records"])
    assert isinstance(result.exception, HemisError)
    assert result.exception.code == "E205"
    assert "[processor]" in result.exception.screen()


def test_an_error_of_our_own_is_not_taken_for_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'sinks.gone'", name="sinks.gone")

    monkeypatch.setattr("deploy.command.importlib.import_module", absent)
    assert isinstance(CliRunner().invoke(command.root, ["sink"]).exception, ModuleNotFoundError)
