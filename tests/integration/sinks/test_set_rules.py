"""Rules over sets: what they find, and that each finding opens, is waived and closes once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from schemas.findings import finding_of
from sinks.quality import set_job
from sinks.quality.days import today
from sinks.quality.waivers import keep, waiver
from tests.integration.sinks.nation import Nation

pytestmark = pytest.mark.real

TODAY = today().day
DAYS = (("set_waiver", "until"), ("finding", "waived_until"))


class Topic:
    """Takes what a run publishes; `deliver` brings it to the national table, as the sink does."""

    def __init__(self, national: Nation) -> None:
        self._national = national
        self.published: list[dict[str, Any]] = []

    def put(self, finding: dict[str, Any]) -> None:
        self.published.append(finding)

    def flush(self) -> None:
        pass

    def run(self) -> list[dict[str, Any]]:
        self.published = []
        with self._national.engine.begin() as connection:
            set_job.run(connection, self)
        for finding in self.published:
            known = {name: finding[name] for name in finding if name not in ("finding_id", "institution", "place")}
            self._national.finding(finding["finding_id"], finding["institution"], **known)
        return self.published


@pytest.fixture
def run(national: Nation) -> Callable[[], list[dict[str, Any]]]:
    return Topic(national).run


def degree(national: Nation, key: str, number: int | str, **more: Any) -> None:
    fields = {"register_number": str(number), "register_year": 2025, "kind": "BACHELOR"} | more
    national.record(f"UNI-A/degree/{key}", **fields)


def said(findings: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return sorted((f["rule"], f["record_key"], f["status"]) for f in findings)


def test_a_gap_in_the_register_opens_and_closes(national: Nation, run: Callable[[], list[dict[str, Any]]]) -> None:
    for number in ("01/2025", "02/2025", "05/2025", "06/2025"):
        degree(national, number[:2], number)
    degree(national, "other-year", "9/2024", register_year=2024)
    found = run()
    assert said(found) == [("V18", "UNI-A/degree/05", "OPEN")]
    assert found[0]["details"] == {
        "case": "gap", "year": "2025", "kind": "BACHELOR", "first": "2", "last": "5", "missing": "2",
    }  # fmt: skip
    assert found[0]["other_record"] == "UNI-A/degree/02"
    assert run() == []
    degree(national, "03", "03/2025")
    degree(national, "04", "04/2025")
    assert said(run()) == [("V18", "UNI-A/degree/05", "RESOLVED")]
    assert run() == []


def test_an_age_at_entry_is_judged_over_three_records(
    national: Nation, run: Callable[[], list[dict[str, Any]]]
) -> None:
    national.record("UNI-A/person/1", birth_date="2010-09-06")
    national.record("UNI-A/learner/1", person="UNI-A/person/1")
    for number, day in enumerate(("2025-09-05", "2025-09-06", "2025")):
        national.record(f"UNI-A/study_record/{number}", learner="UNI-A/learner/1", enrolment_date=day)
    found = run()
    assert said(found) == [("V05", "UNI-A/study_record/0", "OPEN")]
    assert found[0]["details"] == {"case": "entry_age", "age": "14"}
    assert said(run()) == []
    national.record("UNI-A/person/1", birth_date="1945-09-06")
    assert said(run()) == [("V05", "UNI-A/study_record/0", "RESOLVED")]
    national.record("UNI-A/person/1", birth_date="1944-09-06")
    assert said(run()) == [("V05", "UNI-A/study_record/1", "OPEN")]
    national.record("UNI-A/person/1", birth_date="2010-09-05")
    assert said(run()) == [("V05", "UNI-A/study_record/1", "RESOLVED")]


def test_a_cohort_without_a_year_has_the_year_of_nearly_all(
    national: Nation, run: Callable[[], list[dict[str, Any]]]
) -> None:
    for number in range(20):
        year = {0: 2018, 1: 2020}.get(number, 2021)
        national.record(f"UNI-A/study_record/{number:02}", cohort="K66", enrolment_date=f"{year}-09-05")
        national.record(f"UNI-B/study_record/{number:02}", cohort="K66", enrolment_date=f"20{10 + number}")
    found = run()
    assert said(found) == [("V16", "UNI-A/study_record/00", "OPEN")]
    assert found[0]["details"] == {"case": "peers", "usual": "2021"}
    national.record("UNI-A/study_record/00", cohort="K63", enrolment_date="2018-09-05")
    assert said(run()) == [("V16", "UNI-A/study_record/00", "RESOLVED")]


def test_numbers_that_are_no_series_say_nothing(national: Nation, run: Callable[[], list[dict[str, Any]]]) -> None:
    for number in (17, 90_210, 4_711, 123_456):
        degree(national, str(number), number)
    degree(national, "none", "không số")
    assert run() == []


def test_one_value_on_many_people(national: Nation, run: Callable[[], list[dict[str, Any]]]) -> None:
    for number in range(12):
        national.record(f"UNI-A/learner/{number:02}", phone="0900000000", code=str(number))
        national.record(f"UNI-B/learner/{number:02}", phone=f"09{number:08}", code=str(number))
    found = run()
    assert said(found) == [("V25", "UNI-A/learner/00", "OPEN")]
    assert found[0]["details"] == {"case": "crowd", "persons": "12", "length": "10"}
    assert found[0]["other_record"] == "UNI-A/learner/01"
    national.cancel("UNI-A/learner/11")
    national.record("UNI-A/learner/10", phone="0911111111", code="10")
    assert said(run()) == [("V25", "UNI-A/learner/00", "RESOLVED")]


def test_too_many_people_born_on_new_years_day(national: Nation, run: Callable[[], list[dict[str, Any]]]) -> None:
    for number in range(60):
        day = "01-01" if number < 20 else f"0{1 + number % 9}-1{number % 10}"
        national.record(f"UNI-A/person/{number:02}", birth_date=f"2001-{day}")
    found = run()
    assert said(found) == [("V25", "UNI-A/person/00", "OPEN")]
    assert found[0]["details"]["persons"] == "20"


def study(national: Nation, key: str, years: float, status: str = "STUDYING", left: float | None = None) -> None:
    since = TODAY - timedelta(days=365 * (years if left is None else left))
    national.record(
        f"UNI-A/study_record/{key}",
        enrolment_date=(TODAY - timedelta(days=365 * years)).isoformat(),
        status=status,
        status_date=since.isoformat(),
    )


def test_a_stock_that_grew_beyond_the_band(national: Nation, run: Callable[[], list[dict[str, Any]]]) -> None:
    for number in range(100):
        study(national, f"old-{number}", 2)
    for number in range(21):
        study(national, f"new-{number}", 0.5)
    assert said(run()) == [("V27", "UNI-A/institution/UNI-A", "OPEN")]
    study(national, "old-0", 2, "WITHDRAWN", left=0.2)
    assert said(run()) == [("V27", "UNI-A/institution/UNI-A", "RESOLVED")]


def test_the_flow_identity_needs_each_leaver_decided(national: Nation, run: Callable[[], list[dict[str, Any]]]) -> None:
    for number in range(6):
        study(national, str(number), 2)
    for number in range(2):
        study(national, str(number), 2, "WITHDRAWN", left=0.5)
    decided = {"kind": "WITHDRAWAL", "effective_date": (TODAY - timedelta(days=180)).isoformat()}
    national.record("UNI-A/study_decision/0", study_record="UNI-A/study_record/0", **decided)
    national.record("UNI-A/institution/x", code="UNI-A")
    found = run()
    assert said(found) == [("V28", "UNI-A/institution/x", "OPEN")]
    assert found[0]["details"] == {
        "case": "unequal", "before": "6", "in": "0", "out by decision": "1", "now": "4", "difference": "-1",
    }  # fmt: skip
    national.record("UNI-A/study_decision/1", study_record="UNI-A/study_record/1", **decided)
    assert said(run()) == [("V28", "UNI-A/institution/x", "RESOLVED")]


def test_one_serial_at_two_institutions_and_persons(national: Nation, run: Callable[[], list[dict[str, Any]]]) -> None:
    national.record("UNI-A/degree/1", serial="DH 000001", person="UNI-A/person/1")
    national.record("UNI-B/degree/1", serial="dh 000001", person="UNI-B/person/1")
    national.record("UNI-A/degree/2", serial="DH 000002", person="UNI-A/person/2")
    national.record("UNI-B/degree/2", serial="DH 000002", person="UNI-B/person/2")
    national.golden("n:2", ["UNI-A/person/2", "UNI-B/person/2"])
    # The second pair is one person's: PEOPLE sees it.
    assert said(run()) == [("R10", "UNI-A/degree/1", "OPEN"), ("R10", "UNI-B/degree/1", "OPEN")]
    national.record("UNI-B/degree/1", serial="DH 000003", person="UNI-B/person/1")
    assert said(run()) == [("R10", "UNI-A/degree/1", "RESOLVED"), ("R10", "UNI-B/degree/1", "RESOLVED")]


def test_a_waiver_holds_until_its_day_and_can_be_ended(
    national: Nation, run: Callable[[], list[dict[str, Any]]]
) -> None:
    degree(national, "1", 1)
    degree(national, "3", 3)
    finding = finding_of(run()[0])
    given = waiver("số 2 in hỏng, đã hủy phôi", "Vụ GDĐH", (TODAY + timedelta(days=30)).isoformat(), TODAY)
    keep(national.engine, finding, given, TODAY)
    waived = run()
    assert (waived[0]["status"], waived[0]["waiver"]) == ("WAIVED", "Vụ GDĐH: số 2 in hỏng, đã hủy phôi")
    assert run() == []
    national.do(*(f"UPDATE {table} SET {column} = current_date - 2" for table, column in DAYS))
    assert [f["status"] for f in run()] == ["OPEN"]
    keep(national.engine, finding, given, TODAY)
    assert [f["status"] for f in run()] == ["WAIVED"]
    keep(national.engine, finding, None, TODAY)
    assert [f["status"] for f in run()] == ["OPEN"]
    national.cancel("UNI-A/degree/3")
    assert [f["status"] for f in run()] == ["RESOLVED"]


def test_an_older_copy_learns_from_the_topic_what_was_decided_since(
    national: Nation, run: Callable[[], list[dict[str, Any]]]
) -> None:
    """Decisions on set rules stand in the database only, and one that is restored lacks the last ones; what followed from them
    has come with the findings' topic."""
    degree(national, "1", 1)
    degree(national, "3", 3)
    finding = finding_of(run()[0])
    until = (TODAY + timedelta(days=30)).isoformat()
    keep(national.engine, finding, waiver("số 2 in hỏng, đã hủy phôi", "Vụ GDĐH", until, TODAY), TODAY)
    assert [f["status"] for f in run()] == ["WAIVED"]
    kept = "CREATE TABLE IF NOT EXISTS yesterday AS SELECT * FROM set_waiver"
    national.do(kept, "DELETE FROM set_waiver")
    assert run() == [], "the waiver holds"
    degree(national, "2", 2)
    assert [(f["status"], f["waived_until"]) for f in run()] == [("RESOLVED", until)]
    national.cancel("UNI-A/degree/2")
    assert [(f["status"], f["waived_until"]) for f in run()] == [("WAIVED", until)], "and is remembered"
    keep(national.engine, finding, None, TODAY)
    assert [f["status"] for f in run()] == ["OPEN"]
    national.do("DELETE FROM set_waiver", "INSERT INTO set_waiver SELECT * FROM yesterday")
    assert run() == [], "it was ended since"
