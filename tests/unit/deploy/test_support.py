"""What leaves the house in a bundle, and what does not."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.support.collect import KINDS, secrets_in
from deploy.support.command import bundle
from deploy.support.scrub import Scrubber, settings

SECRETS = ("s3cret-password", "another one")
PERSONAL = ["Nguyễn Bí Mật", "079205998877", "an.nguyen@truong.edu.vn", "SV-2024-0001", "0123abcd4567"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("postgresql://hemis:pa55@host/db", "postgresql://hemis:***@host/db"),
        ("host=db password='a b' user=x", "host=db password=*** user=x"),
        ("login with s3cret-password failed", "login with *** failed"),
        ("citizen 079205998877", "citizen ***"),
        ("mail an.nguyen@truong.edu.vn now", "mail *** now"),
        ("record DHA/person/SV-2024-0001, place 7", "record DHA/person/***, place 7"),
        ("person n:0123abcd4567", "person n:***"),
        ("hemis.changes.DHA at 12345678", "hemis.changes.DHA at 12345678"),
    ],
)
def test_text_loses_what_has_the_form_of_a_secret_or_a_person(text: str, wanted: str) -> None:
    assert Scrubber(SECRETS).text(text) == wanted


def test_a_log_keeps_our_lines_and_where_a_program_broke() -> None:
    scrubber = Scrubber(SECRETS)
    line = {
        "at": "2026-11-28T19:00:00Z",
        "level": "error",
        "event": "it broke",
        "key": "DHA/person/SV-2024-0001",
        "name": "Nguyễn Bí Mật",
        "offset": 42,
    }
    assert json.loads(scrubber.log_line(json.dumps(line, ensure_ascii=False)) or "") == line | {
        "key": "DHA/person/***",
        "name": "***",
    }
    assert scrubber.log_line('  File "sinks/service.py", line 7, in run') == 'File "sinks/service.py", line 7, in run'
    assert scrubber.log_line("ValueError: Nguyen Bi Mat is no date") == "ValueError"
    assert scrubber.log_line("    row = Nguyen Bi Mat") is None


def test_metrics_keep_their_figures() -> None:
    text = '# HELP x\nhemis_agent_position_bytes{institution="DHA"} 123456789012\nodd{key="DHA/person/1"} 1\n'
    assert Scrubber().exposition(text) == text.replace("DHA/person/1", "DHA/person/***")


def test_settings_are_masked_by_their_declaration() -> None:
    found = {
        "kafka_user": "u",
        "kafka_password": "p",
        "kafka_password_file": "f",
        "national_dsn": "postgresql://…",
        "unknown": 1,
    }
    shown = settings(found, KINDS)
    assert shown == {
        "kafka_user": "u",
        "kafka_password": "***",
        "kafka_password_file": "f",
        "national_dsn": "***",
        "unknown": "***",
    }


def test_every_secret_of_a_settings_file_is_known(tmp_path: Path) -> None:
    file = tmp_path / "operator.yaml"
    (tmp_path / "kafka").write_text("from-a-file\n")
    file.write_text("kafka_password_file: kafka\nnational_dsn: postgresql://u:in%2Fside@host/db\n")
    assert {"from-a-file", "postgresql://u:in%2Fside@host/db", "in%2Fside", "in/side"} <= secrets_in([file])


def content(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as opened:
        return {
            member.name.removeprefix("hemis-bundle/"): kept.read().decode()
            for member in opened
            if (kept := opened.extractfile(member)) is not None
        }


def test_nothing_works_and_there_is_a_bundle_all_the_same(tmp_path: Path) -> None:
    """No settings that can be read, no process, a log that is not there, one that is not text."""
    torn, gone = tmp_path / "torn.log", tmp_path / "gone.log"
    torn.write_bytes(b"\xff\xfe" + json.dumps({"event": "x"}).encode() + b"\n{half")
    (tmp_path / "operator.yaml").write_text("kafka_password: s3cret-password\nnonsense: [")
    archive = tmp_path / "out.tar.gz"
    arguments = [
        "--output",
        str(archive),
        "--log",
        str(torn),
        "--log",
        str(gone),
        "--settings",
        str(tmp_path / "operator.yaml"),
    ]
    told = CliRunner().invoke(bundle, [*arguments, "--urls", str(tmp_path / "nowhere")])
    assert told.exit_code == 0, told.output
    assert archive.stat().st_mode & 0o077 == 0
    found = content(archive)
    wrong = json.loads(found["incomplete.json"])
    assert wrong["settings"]["error"] == wrong["processes"]["error"] == "E201"
    assert wrong["logs/gone.log"]["error"] == "FileNotFoundError"
    assert "hemis-bus" in json.loads(found["about.json"])["distributions"]
    assert not [name for name, text in found.items() if "s3cret-password" in text]
