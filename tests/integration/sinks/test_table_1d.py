"""Table 1D and the indicators, on people that one can count."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from schemas.errors import HemisError
from schemas.tables import Table, write_xlsx
from sinks.quality.days import today
from sinks.quality.table_1d import tables
from tests.integration.sinks.nation import Nation

pytestmark = pytest.mark.real

DAY = today().day
"""The reporting day of the running year."""
YEAR_BEGIN = date(DAY.year, 1, 1)


def contract(national: Nation, key: str, institution: str = "UNI-A", **more: object) -> None:
    fields = {"valid_from": "2015-01-01", "full_time": True, "permanent": True, "contract_form": "PERMANENT", "title": "LECTURER",
              "highest_degree": "8", "person": f"{institution}/person/{key}"}  # fmt: skip
    national.record(f"{institution}/staff_contract/{key}", **fields | more)


def study(national: Nation, key: str, came: date, status: str = "STUDYING", since: date | None = None) -> None:
    national.record(
        f"UNI-A/study_record/{key}",
        programme="UNI-A/programme/1",
        enrolment_date=came.isoformat(),
        status=status,
        status_date=(since or came).isoformat(),
    )


def indicators(national: Nation) -> dict[str, tuple[int, int]]:
    found = next(t for t in tables(national.engine, DAY.year, "en") if t.name == "indicators")
    return {str(row[1]): (int(str(row[4])), int(str(row[5]))) for row in found.rows if row[0] == "UNI-A"}


def test_full_time_lecturers(national: Nation) -> None:
    """Permanent; or twelve full-time months and no three months elsewhere, where elsewhere is told by the golden person."""
    fixed = {"permanent": False, "contract_form": "FIXED_TERM"}
    ahead = (DAY + timedelta(days=200)).isoformat()
    contract(national, "permanent", highest_degree="9")
    contract(national, "a-year", **fixed, valid_from=(DAY - timedelta(days=200)).isoformat(), valid_to=ahead)
    contract(national, "short", **fixed, valid_from=(DAY - timedelta(days=20)).isoformat(), valid_to=ahead)
    contract(national, "ended", valid_to=(DAY - timedelta(days=1)).isoformat())
    contract(national, "part-time", full_time=False)
    contract(national, "visiting", contract_form="VISITING")
    contract(national, "two-places", **fixed, valid_from="2015-01-01", valid_to=ahead)
    contract(national, "two-places", "UNI-B", **fixed, valid_from="2015-01-01", valid_to=ahead)
    national.golden("n:2", ["UNI-A/person/two-places", "UNI-B/person/two-places"])
    national.record("UNI-A/programme/1", level="7", duration_months=48)
    for number in range(3):
        study(national, str(number), date(DAY.year - 1, 9, 1))
    study(national, "away", date(DAY.year - 1, 9, 1), "SUSPENDED")
    found = indicators(national)
    assert found["2.1"] == (3, 2)
    assert found["2.2"] == (1, 2)
    assert found["2.3"] == (1, 2)
    assert found["2.1-2.3 R05"] == (0, 2)


def test_who_is_disputed_counts_at_neither_and_is_shown_apart(national: Nation) -> None:
    contract(national, "here")
    for institution in ("UNI-A", "UNI-B"):
        contract(national, "both", institution)
        national.finding(
            f"f-{institution}",
            institution,
            rule="R05",
            record_key=f"{institution}/staff_contract/both",
            status="DISPUTED",
        )
    national.golden("n:2", ["UNI-A/person/both", "UNI-B/person/both"])
    found = indicators(national)
    assert found["2.2"] == (1, 1)
    assert found["2.1-2.3 R05"] == (1, 2)
    national.finding("f-UNI-A", "UNI-A", rule="R05", record_key="UNI-A/staff_contract/both", status="RESOLVED")
    assert indicators(national)["2.2"] == (2, 2)


def test_dropout_graduation_and_growth(national: Nation) -> None:
    national.record("UNI-A/programme/1", level="7", duration_months=48)
    spring = YEAR_BEGIN + timedelta(days=5)
    for number in range(8):
        study(national, f"stay-{number}", date(DAY.year - 2, 9, 1))
    for number in range(2):
        study(national, f"left-{number}", date(DAY.year - 2, 9, 1), "WITHDRAWN", spring)
    study(national, "left-before", date(DAY.year - 2, 9, 1), "WITHDRAWN", date(DAY.year - 1, 9, 1))
    study(national, "first-year", date(DAY.year - 1, 9, 1), "WITHDRAWN", spring)
    study(national, "first-year-stays", date(DAY.year - 1, 9, 1))
    study(national, "this-year", spring)
    due = date(DAY.year - 4, 1, 15)
    study(national, "on-time", due, "GRADUATED", YEAR_BEGIN)
    study(national, "late", due)
    old = date(DAY.year - 6, 1, 15)
    study(national, "two-years-late", old, "GRADUATED", date(DAY.year - 1, 9, 1))
    study(national, "never", old)
    found = indicators(national)
    assert found["5.2b"] == (1, 3)
    assert found["5.2a"][0] == 3
    assert found["5.3b"] == (1, 2)
    assert found["5.3a"] == (1, 2)
    # One came this year; 13 in the three years before, which is four a year.
    assert found["5.1b"] == (1 - 4, 4)


def test_the_file_names_what_is_not_computed(national: Nation, tmp_path: Path) -> None:
    national.record("UNI-A/person/1", full_name="A", sex="M")
    for language in ("en", "vi"):
        made = tables(national.engine, DAY.year, language)  # type: ignore[arg-type]
        file = tmp_path / f"{language}.xlsx"
        write_xlsx(file, made)
        assert file.read_bytes().startswith(b"PK")
        assert [table.name for table in made] == ["1D", "indicators", "not computed"]
        assert all(row[-1] for row in made[2].rows)
    first: Table = made[0]
    assert first.rows[0][:3] == ["UNI-A", "nhân thân", 1]
    assert first.rows[0][3] is None, "no manifest: completeness is not assessed, not 0"
    with pytest.raises(HemisError, match="E847"):
        tables(national.engine, DAY.year + 1, "en")
