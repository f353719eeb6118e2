"""Where a rule's limit lies: the last value that is right and the first that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.avro_schema import field_names
from schemas.rules import check, related

TODAY = "2026-10-01"


def cases(entity: str, **values: Any) -> set[str]:
    return {f"{one.rule} {one.case}" for one in check(entity, dict.fromkeys(field_names(entity)) | values, {}, TODAY)}


@pytest.mark.parametrize(
    ("last", "short"), [("2026-08-31", False), ("2026-08-30", True), ("2026", False), ("2027-09-01", False)]
)
def test_v22_twelve_months(last: str, short: bool) -> None:
    found = cases("staff_contract", valid_from="2025-09-01", valid_to=last, full_time=True, permanent=False)
    assert found == ({"V22 too_short"} if short else set())


@pytest.mark.parametrize(("start", "end"), [("2024-02-29", "2025-02-27"), ("2025-01-31", "2026-01-30")])
def test_v22_twelve_months_from_a_last_day_of_month(start: str, end: str) -> None:
    assert cases("staff_contract", valid_from=start, valid_to=end, full_time=True, permanent=False) == set()


def test_v22_a_contract_of_one_day_does_not_end_after_it_starts() -> None:
    assert cases("staff_contract", valid_from="2025-09-01", valid_to="2025-09-01") == {"V22 end_before_start"}
    assert cases("staff_contract", valid_from="2025-09", valid_to="2025-09") == set()


@pytest.mark.parametrize(
    ("born", "found"),
    [("2011-10-01", set()), ("2011-10-02", {"V05 too_young"}), ("2011", set()), ("1906-10-02", set())],
)
def test_v05_age_on_the_day_of_judgement(born: str, found: set[str]) -> None:
    assert cases("person", birth_date=born) == found


@pytest.mark.parametrize(
    ("year", "found"),
    [(0, {"V16 range"}), (1, set()), (4, set()), (5, {"V16 ahead"}), (15, {"V16 ahead"}), (16, {"V16 range"})],
)
def test_v16_year_of_study(year: int, found: set[str]) -> None:
    assert cases("study_record", year_of_study=year, enrolment_date="2024-09-05") == found


@pytest.mark.parametrize(("entered", "found"), [("2018-10-01", False), ("2018-09-30", True)])
def test_v15_twice_the_standard(entered: str, found: bool) -> None:
    study = {"status": "STUDYING", "enrolment_date": entered}
    assert (related.study_time(study, {"duration_months": 48}, TODAY) is not None) == found


@pytest.mark.parametrize(
    ("sex", "born", "retired"),
    [("M", "1965-03-31", True), ("M", "1965-04-02", False), ("F", "1969-09-30", True), ("F", "1969-10-02", False)],
)
def test_v23_the_age_of_2026(sex: str, born: str, retired: bool) -> None:
    """Men 61 years and 6 months, women 57: 723 + 5 × 3 months and 664 + 5 × 4 months."""
    contract = {"permanent": True, "status": "ACTIVE"}
    assert (related.working_age(contract, {"birth_date": born, "sex": sex}, TODAY) is not None) == retired


def test_v12_a_day_that_is_not_over_is_not_the_future() -> None:
    assert cases("study_record", status="SUSPENDED", status_date=TODAY) == set()
    assert cases("study_record", status="SUSPENDED", status_date="2026") == set()
    assert cases("study_record", status="SUSPENDED", status_date="2026-10-02") == {"V12 future"}


def test_v10_the_day_of_the_decision_counts() -> None:
    programme = {"major_code": "7480201", "level": "7"}

    def licensed(decided: str | None) -> bool:
        licence = programme | {"decision_date": decided}
        return related.licensed_before_enrolment({"enrolment_date": "2024-09-05"}, programme, [licence]) is None

    assert [licensed(day) for day in ("2024-09-05", "2024-09-06", "2024", None)] == [True, False, True, True]
