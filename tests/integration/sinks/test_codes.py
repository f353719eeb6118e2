"""Code tables against a real national database: labels by SQL, and what a new list would break."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploy.local.stack import Stack
from schemas import envelope
from schemas.codes import SHIPPED
from sinks import migrate
from sinks.base import Partition, Run
from sinks.postgresql.sink import PostgresSink
from sinks.writers import Writers
from tests.conformance.sinks.events import Events, offline_registry
from tests.conformance.sinks.subjects import national_database

pytestmark = pytest.mark.real

PEOPLE = [
    ("UNI-A/person/1", {"full_name": "Nguyễn Văn An", "ethnicity": "01", "ward_code": "00004", "birth_province": "02"}),
    ("UNI-A/person/2", {"full_name": "Lò Thị Bình", "ethnicity": "03", "ward_code": "00004", "birth_province": "14"}),
    ("UNI-A/person/3", {"full_name": "Vi Văn Cường", "ethnicity": "03", "ward_code": None, "birth_province": "14"}),
    ("UNI-B/person/1", {"full_name": "Lò Văn Dũng", "ethnicity": "03", "ward_code": "00097", "birth_province": "02"}),
]


@pytest.fixture
def national(stack: Stack, tmp_path: Path) -> Iterator[sa.Engine]:
    """Four live people of two institutions, and one whose record was cancelled."""
    with national_database(stack) as engine:
        migrate.migrate(engine)
        sink = PostgresSink(engine, Writers(offline_registry(tmp_path)))
        events, partition = Events(), Partition("hemis.clean.person", 0, "t")
        messages = [events.change(key, place, **fields) for place, (key, fields) in enumerate(PEOPLE)]
        messages.append(events.change("UNI-B/person/9", 8, ethnicity="03"))
        messages.append(events.change("UNI-B/person/9", 9, envelope.CANCEL))
        sink.places([partition])
        sink.apply([Run(partition, 0, len(messages), messages)])
        sink.close()
        yield engine


def preview(engine: sa.Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.command", "codes", "preview", *arguments, "--json"],
        env=os.environ | {"HEMIS_NATIONAL_DSN": engine.url.render_as_string(hide_password=False)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def told(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str, str, str, int]]:
    assert done.returncode in (0, 1), done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return [(one["institution"], one["place"], one["code"], one["why"], one["records"]) for one in found]


def edited(folder: Path, name: str, before: str, after: str) -> str:
    text = (SHIPPED / f"{name}.csv").read_text("utf-8")
    assert before in text
    (folder / "new.csv").write_text(text.replace(before, after), "utf-8")
    return str(folder / "new.csv")


def test_preview_counts_live_records_per_institution(national: sa.Engine, tmp_path: Path) -> None:
    same = preview(national, "ethnicity", str(SHIPPED / "ethnicity.csv"))
    assert (same.returncode, same.stdout) == (0, "")
    removed = preview(national, "ethnicity", edited(tmp_path, "ethnicity", "03,Thái,Thai\n", ""))
    assert removed.returncode == 1
    assert told(removed) == [
        ("UNI-A", "person.ethnicity", "03", "removed", 2),
        ("UNI-B", "person.ethnicity", "03", "removed", 1),
    ]
    assert "Lò" not in removed.stdout + removed.stderr


def test_preview_judges_by_the_day(national: sa.Engine, tmp_path: Path) -> None:
    before = "00004,01,Phường Ba Đình,2025-07-01,,\n"
    file = edited(tmp_path, "commune", before, before.replace("01,,", "01,2027-12-31,"))
    assert told(preview(national, "commune", file, "--on", "2027-12-31")) == []
    assert told(preview(national, "commune", file, "--on", "2028-01-01")) == [
        ("UNI-A", "person.ward_code", "00004", "expired", 2)
    ]


def test_a_database_that_is_away_is_transient() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.command", "codes", "preview", "sex", str(SHIPPED / "sex.csv")],
        env=os.environ | {"HEMIS_NATIONAL_DSN": "postgresql://nobody:geheim@127.0.0.1:9/none"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    assert "E501" in done.stderr
    assert "geheim" not in done.stderr


def test_sql_users_join_labels(national: sa.Engine) -> None:
    query = sa.text(
        "SELECT p.full_name, e.vi, w.vi, w.parent FROM person_live p"
        " JOIN code e ON e.table_name = 'ethnicity' AND e.code = p.ethnicity AND e.former = 0"
        " JOIN code w ON w.table_name = 'commune' AND w.code = p.ward_code AND w.former = 0"
        " WHERE p.institution = 'UNI-A' ORDER BY p.record_key"
    )
    past = sa.text(
        "SELECT vi FROM code WHERE table_name = 'commune' AND code = '00004'"
        " AND daterange(valid_from, valid_to, '[]') @> date '2020-05-01'"
    )
    with national.connect() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [
            ("Nguyễn Văn An", "Kinh", "Phường Ba Đình", "01"),
            ("Lò Thị Bình", "Thái", "Phường Ba Đình", "01"),
        ]
        assert connection.scalar(past) == "Phường Trúc Bạch"
        assert connection.scalar(sa.text("SELECT count(*) FROM code WHERE table_name = 'province'")) == 98
