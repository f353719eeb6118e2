"""Findings as people read them."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from schemas.errors import HemisError
from schemas.findings import Finding, finding_of, findings_table, short_table
from schemas.rules import explain
from schemas.tables import Table, write_xlsx

RECORD = {
    "finding_id": "f1",
    "institution": "DHA",
    "rule": "V01",
    "severity": "ERROR",
    "record_key": "DHA/person/nh/7",
    "fields": ["citizen_number"],
    "other_record": "",
    "status": "OPEN",
    "at": 1_750_000_000_000_000,
    "details": {"length": "9"},
    "waived_until": None,
    "waiver": None,
}


def test_the_stream_and_the_table_give_the_same_finding() -> None:
    found = finding_of(RECORD)
    assert found.at == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
    assert found == finding_of(RECORD | {"at": found.at, "fields": tuple(RECORD["fields"])})  # type: ignore[call-overload]
    assert found.entity == "person"


@pytest.mark.parametrize("language", ["en", "vi"])
def test_people_read_the_rules_own_sentences(language: str) -> None:
    finding = finding_of(RECORD)
    assert language in ("en", "vi")
    row = findings_table([finding], language).rows[0]
    told = explain("V01", finding.details, language)
    assert (row[6], row[8]) == (told.wrong, told.todo)
    assert told.todo
    assert row[7] == "length: 9"
    assert finding.as_dict()["todo_vi"] == explain("V01", {}, "vi").todo


def test_a_rule_of_a_later_program_is_shown_without_its_sentence() -> None:
    finding = finding_of(RECORD | {"rule": "X99"})
    assert findings_table([finding], "en").rows[0][6] == ""
    assert finding.as_dict()["rule"] == "X99"


def test_text_is_aligned_by_what_is_seen() -> None:
    table = Table("t", ("tên", "n"), [["Hoa\u0300", 1000], ["Bình", 2], ["", None]])
    assert list(table.lines()) == ["tên   n", "Hoa\u0300   1,000", "Bình      2", "      –"]


def test_xlsx_holds_text_as_text(tmp_path: Path) -> None:
    file = tmp_path / "findings.xlsx"
    hostile = finding_of(RECORD | {"details": {"=1+1": "=cmd()"}, "record_key": "=DHA/person/1"})
    write_xlsx(file, [findings_table([hostile], "vi"), Table("second", ("a", "b"), [[1, 2.5]], ("note",))])
    with zipfile.ZipFile(file) as book:
        first = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        second = book.read("xl/worksheets/sheet2.xml").decode()
        strings = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    names = {element.tag.rpartition("}")[2] for element in first.iter()}
    assert "f" not in names
    texts = [element.text for element in strings.iter() if element.tag.endswith("}t")]
    assert "=DHA/person/1" in texts
    assert explain("V01", {}, "vi").todo in texts
    assert "<v>2.5</v>" in second
    assert "note" in texts


def test_a_folder_that_is_not_there_is_e201(tmp_path: Path) -> None:
    with pytest.raises(HemisError, match="E201"):
        write_xlsx(tmp_path / "no" / "file.xlsx", [short_table([], "en")])


def test_a_finding_is_immutable() -> None:
    finding: Finding = finding_of(RECORD)
    with pytest.raises(AttributeError):
        finding.status = "RESOLVED"  # type: ignore[misc]
