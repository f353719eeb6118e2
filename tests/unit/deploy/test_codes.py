"""`hemis codes`: what each command prints, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from deploy.command import root
from schemas import codes
from schemas.codes import SHIPPED, TABLES
from sinks import migrate
from sinks.codes import fill
from sinks.model import CODE, ENTITIES


@pytest.fixture(autouse=True)
def _shipped_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("HEMIS_NATIONAL_DSN", raising=False)
    codes.use(None)
    yield
    codes.use(None)


def hemis(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["codes", *arguments])


def edited(folder: Path, name: str, before: str, after: str) -> Path:
    text = (SHIPPED / f"{name}.csv").read_text("utf-8")
    assert before in text
    (folder / f"new-{name}.csv").write_text(text.replace(before, after), "utf-8")
    return folder / f"new-{name}.csv"


def test_list_names_every_table_and_its_source() -> None:
    found = json.loads(hemis("list", "--json").stdout)
    assert [one["table"] for one in found] == list(TABLES)
    assert all(one["source"] and one["origin"] == "shipped" for one in found)
    assert "not complete" in hemis("list").stdout


def test_show_by_code_and_date() -> None:
    assert "→ 08" in hemis("show", "province", "--code", "02").stdout
    assert hemis("show", "province", "--code", "02", "--on", "2026").exit_code == 1
    assert json.loads(hemis("show", "sex", "--code", "M", "--json").stdout)["vi"] == "Nam"
    assert hemis("show", "sex", "--file").stdout == (SHIPPED / "sex.csv").read_text("utf-8")


def test_diff(tmp_path: Path) -> None:
    assert hemis("diff", "sex", str(SHIPPED / "sex.csv")).exit_code == 0
    found = hemis("diff", "sex", str(edited(tmp_path, "sex", "Female", "Woman")))
    assert found.exit_code == 1
    assert "renamed" in found.stdout


def test_preview_against_a_mapping(tmp_path: Path) -> None:
    mapping = Path("deploy/demo/universities/DHA/mapping.yaml").resolve()
    file = edited(tmp_path, "form_of_study", "DISTANCE,", "ONLINE,")
    found = hemis("preview", "form_of_study", str(file), "--mapping", str(mapping), "--json")
    assert found.exit_code == 1
    told = [json.loads(line) for line in found.stdout.splitlines()]
    assert {one["code"] for one in told} == {"DISTANCE"}
    assert {one["why"] for one in told} == {"removed"}
    assert all(one["institution"] == "DHA" and "form[TX]" in one["place"] for one in told)


def test_preview_needs_something_to_look_at() -> None:
    assert hemis("preview", "sex", str(SHIPPED / "sex.csv")).exit_code == 2


def test_preview_of_a_wrong_file_says_why(tmp_path: Path) -> None:
    found = hemis("preview", "sex", str(edited(tmp_path, "sex", "F,Nữ", "M,Nữ")), "--mapping", "none.yaml")
    assert getattr(found.exception, "code", None) == "E814"


def test_import_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "imported"
    file = edited(tmp_path, "sex", "F,Nữ,Female", "F,Nữ,Female\nX,Khác,Other")
    assert getattr(hemis("import", "sex", str(file)).exception, "code", None) == "E817"
    done = hemis("import", "sex", str(file), "--into", str(folder), "--json")
    assert json.loads(done.stdout) == {"file": str(folder / "sex.csv"), "differences": {"added": 1}}
    assert "X" in hemis("show", "sex").stdout


def test_the_national_table_follows_the_tables(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/national.db")
    assert any(line.startswith("codes: ") for line in migrate.migrate(engine))
    with engine.begin() as connection:
        assert fill(connection) == []
        newest = sa.select(CODE.c.vi).where(CODE.c.table_name == "province", CODE.c.code == "15", CODE.c.former == 0)
        assert connection.scalar(newest) == "Tỉnh Lào Cai"
        assert connection.scalar(newest.where(CODE.c.valid_from.is_(None))) is None
    install = edited(tmp_path, "sex", "Female", "Woman")
    hemis("import", "sex", str(install), "--into", str(tmp_path / "imported"))
    with engine.begin() as connection:
        assert fill(connection) == ["codes: 1 rows written, 1 taken away"]
    engine.dispose()
    assert "code" not in ENTITIES
