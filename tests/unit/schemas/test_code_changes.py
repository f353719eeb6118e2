"""A new version of a code table: what differs, what breaks, and how it is taken in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import codes
from schemas.codes import SHIPPED, CodeTable, importing, table
from schemas.codes.differences import differences, loss
from schemas.codes.importing import candidate, install
from schemas.codes.read import parse
from schemas.errors import HemisError


@pytest.fixture(autouse=True)
def _shipped_again() -> Iterator[None]:
    yield
    codes.use(None)


def version(rows: str, complete: str = "yes") -> CodeTable:
    header = f"# table: t\n# vi: Bảng\n# en: Table\n# source: nobody\n# complete: {complete}\n"
    return parse(f"{header}code,parent,vi,en,valid_from,valid_to,successors,weight\n{rows}\n", "t", "t")


OLD = version("a,1,A,A,,,,\nb,1,B,B,,,,\nc,1,C,C,,,,\nd,1,D,D,,,,\ne,1,E,E,,,,\nf,1,F,F,,,,")
NEW = version("a,1,A,A,,,,\nb,1,B mới,B,,,,\nc,2,C,C,,,,\nd,1,D,D,,2025-06-30,a,\ne,1,E,E,,,,7\ng,1,G,G,,,,")


def test_each_kind_of_difference_is_named() -> None:
    found = [(d.kind, d.code) for d in differences(OLD, NEW)]
    assert found == [
        ("renamed", "b"),
        ("moved", "c"),
        ("dates", "d"),
        ("facts", "e"),
        ("removed", "f"),
        ("added", "g"),
    ]
    assert list(differences(OLD, OLD)) == []
    assert next(d for d in differences(OLD, NEW) if d.code == "d").after == "… – 2025-06-30"


@pytest.mark.parametrize(
    ("code", "on", "why"),
    [
        ("a", "2025-07-01", None),
        ("b", "2025-07-01", None),
        ("d", "2025-07-01", "expired"),
        ("d", "2025-06-30", None),
        ("d", "2025", None),
        ("f", "2025-06-30", "removed"),
        ("g", "2025-06-30", None),
        ("z", "2025-06-30", None),
    ],
)
def test_what_breaks(code: str, on: str, why: str | None) -> None:
    assert loss(OLD, NEW, code, on) == why


def test_a_list_that_becomes_complete_breaks_what_neither_knows() -> None:
    assert loss(version("a,1,A,A,,,,", "no"), NEW, "z", "2025-07-01") == "unknown"


def edited(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = (SHIPPED / f"{name}.csv").read_text("utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    return tmp_path / f"{name}.csv"


def test_an_import_replaces_the_shipped_table(tmp_path: Path) -> None:
    folder = tmp_path / "imported"
    codes.use(folder)
    assert not table("sex").known("X")
    install("sex", edited(tmp_path, "sex", ("F,Nữ,Female", "F,Nữ,Female\nX,Khác,Other")), folder)
    assert table("sex").known("X")
    assert [path.name for path in folder.iterdir()] == ["sex.csv"]


def test_parents_that_children_still_need_can_not_be_taken_away(tmp_path: Path) -> None:
    file = edited(tmp_path, "level", ("9,Tiến sĩ,Doctor\n", ""))
    with pytest.raises(HemisError, match="E815") as raised:
        candidate("level", file)
    assert "parent '9' is unknown" in raised.value.detail


def test_children_can_not_name_unknown_parents(tmp_path: Path) -> None:
    with pytest.raises(HemisError, match="E815"):
        candidate("major", edited(tmp_path, "major", ("7480201,74802", "7480201,74899")))


def test_a_refused_import_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "imported"
    install("sex", edited(tmp_path, "sex", ("Female", "Woman")), folder)
    before = (folder / "sex.csv").read_bytes()
    with pytest.raises(HemisError, match="E814"):
        install("sex", edited(tmp_path, "sex", ("F,Nữ,Female", "M,Nữ,Female")), folder)
    assert (folder / "sex.csv").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["sex.csv"]


def test_an_import_that_dies_half_way_leaves_the_former_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "imported"
    codes.use(folder)
    install("sex", edited(tmp_path, "sex", ("Female", "Woman")), folder)

    def dies(_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(importing.os, "fsync", dies)
    with pytest.raises(HemisError, match="E817"):
        install("sex", edited(tmp_path, "sex", ("Female", "Girl")), folder)
    assert table("sex").label("F", "en") == "Woman"
    assert [path.name for path in folder.iterdir()] == ["sex.csv"]


def test_a_folder_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HemisError, match="E817"):
        install("sex", SHIPPED / "sex.csv", tmp_path / "file")
