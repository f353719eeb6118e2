"""Rules over institutions by example: what breaks each, what does not, and who is told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from schemas.rules import RULES
from schemas.rules.people import MOST, Addressed, Held, check_person
from schemas.rules.periods import days, may_overlap, surely_overlap

RECORDS = {"A": "A/person/1", "B": "B/person/1"}


def held(kind: str, record: str, begin: str | None = None, end: str | None = None, **more: str) -> Held:
    status = more.pop("status", None)
    return Held(record.partition("/")[0], kind, record, begin, end, status, more)


def post(at: str, begin: str | None, end: str | None = None, **more: str) -> Held:
    return held("CONTRACT", f"{at}/staff_contract/1", begin, end, **{"full_time": "true", "status": "ACTIVE"} | more)


def study(at: str, number: int = 1, **more: str) -> Held:
    return held("STUDY", f"{at}/study_record/{number}", **{"form_of_study": "FULL_TIME", "status": "STUDYING"} | more)


def degree(at: str, serial: str = "", **more: str) -> Held:
    return held("DEGREE", f"{at}/degree/1", **({"serial": serial} if serial else {}) | more)


def transfer(kind: str, at: str, other: str, day: str | None) -> Held:
    named = {"other_institution": other} if other else {}
    return held(f"TRANSFER_{kind}", f"{at}/study_decision/{kind}", day, **named)


def visit(at: str, home: str, begin: str | None = None, end: str | None = None) -> Held:
    return held("VISITING", f"{at}/teaching_assignment/1", begin, end, other_institution=home)


def found(*facts: Held, records: dict[str, str] = RECORDS, on_bus: str = "ABC") -> list[Addressed]:
    out = check_person(reversed(facts), records, on_bus.__contains__)
    assert out == check_person(facts, records, on_bus.__contains__)
    assert all(RULES[one.rule].stage == "people" for one in out)
    return out


def told(*facts: Held, **more: Any) -> list[tuple[str, str, str, str]]:
    return [(one.rule, one.institution, one.record, one.other) for one in found(*facts, **more)]


def test_r05_both_are_told_and_named_to_each_other() -> None:
    cases = found(post("A", "2020-01-01"), post("B", "2020-06-01", "2020-08-31"))
    assert [(c.rule, c.institution, c.other) for c in cases] == [
        ("R05", "A", "B/staff_contract/1"),
        ("R05", "B", "A/staff_contract/1"),
    ]
    assert all(c.disputed for c in cases)
    assert cases[0].details == (("institutions", "B"),)


def test_r05_three_are_told_without_a_pair() -> None:
    assert told(post("A", "2020"), post("B", "2020"), post("C", "2020")) == [
        ("R05", at, f"{at}/staff_contract/1", "") for at in "ABC"
    ]


@pytest.mark.parametrize(
    "other",
    [
        post("B", "2020-06-01", "2020-08-30"),
        post("B", "2020-06-01", "2020-08"),
        post("B", "2020", "2020"),
        post("B", None, "2020-12-31"),
        post("B", "2020-06-01", full_time="false"),
        post("B", "2020-06-01", status="LEFT"),
        post("A", "2020-06-01"),
        post("B", "not a date"),
    ],
)
def test_r05_is_no_dispute(other: Held) -> None:
    assert told(post("A", "2020-01-01", "2021-12-31"), other) == []


def test_r07_two_institutions_but_not_two_programmes_of_one() -> None:
    assert told(study("A"), study("B")) == [
        ("R07", "A", "A/study_record/1", "B/study_record/1"),
        ("R07", "B", "B/study_record/1", "A/study_record/1"),
    ]
    assert told(study("A"), study("A", 2)) == []
    assert told(study("A"), study("B", status="GRADUATED")) == []
    assert told(study("A"), study("B", form_of_study="PART_TIME")) == []


def test_r09_the_missing_side_is_told() -> None:
    out, come = transfer("OUT", "A", "B", "2021-09-01"), transfer("IN", "B", "A", "2021-09-01")
    assert told(out, come) == []
    assert told(out) == [("R09", "B", "B/person/1", "A/study_decision/OUT")]
    assert told(out, records={"A": "A/person/1"}) == [("R09", "B", "A/study_decision/OUT", "")]
    assert told(come) == [("R09", "A", "A/person/1", "B/study_decision/IN")]
    assert dict(found(out)[0].details) == {"institutions": "A", "missing": "TRANSFER_IN"}


def test_r09_dates_are_in_order() -> None:
    out, early = transfer("OUT", "A", "B", "2021-09-02"), transfer("IN", "B", "A", "2021-09-01")
    assert [one[1] for one in told(out, early)] == ["B", "A"]
    for day in ("2021-09", "2021", None):
        assert told(out, transfer("IN", "B", "A", day)) == []


def test_r09_of_whom_does_not_report_nothing_is_missing() -> None:
    out = transfer("OUT", "A", "B", "2021")
    assert told(out, on_bus="A") == []
    assert told(transfer("OUT", "A", "", "2021")) == []
    assert told(transfer("OUT", "A", "A", "2021")) == []


def test_r09_one_entry_answers_one_exit() -> None:
    first = held("TRANSFER_OUT", "A/study_decision/1", "2019", other_institution="B")
    second = held("TRANSFER_OUT", "A/study_decision/2", "2021", other_institution="B")
    come = transfer("IN", "B", "A", "2019-09-01")
    assert told(first, second, come) == [("R09", "B", "B/person/1", "A/study_decision/2")]
    unnamed = transfer("IN", "B", "", "2020")
    assert told(first, unnamed) == []


def test_r10_one_serial_at_two_institutions() -> None:
    assert told(degree("A", "QH 123456"), degree("B", "qh123456")) == [
        ("R10", "A", "A/degree/1", "B/degree/1"),
        ("R10", "B", "B/degree/1", "A/degree/1"),
    ]
    assert told(degree("A", "1"), degree("B", "2"), degree("C")) == []


def test_r12_a_degree_above_the_register() -> None:
    doctor = post("A", "2020", level="9")
    assert told(doctor) == [("R12", "A", "A/staff_contract/1", "")]
    assert told(doctor, degree("B", level="8")) == [("R12", "A", "A/staff_contract/1", "")]
    assert told(doctor, degree("B", level="9", status="2")) == [("R12", "A", "A/staff_contract/1", "")]
    assert told(doctor, degree("B", level="9", status="4")) == []
    assert told(post("A", "2020", level="9", status="RETIRED")) == []
    assert told(post("A", "2020", level="?")) == []


def test_r13_both_are_told_of_a_visit_without_a_contract() -> None:
    assert told(visit("A", "B")) == [
        ("R13", "A", "A/teaching_assignment/1", "B/person/1"),
        ("R13", "B", "B/person/1", "A/teaching_assignment/1"),
    ]
    assert told(visit("A", "C")) == [
        ("R13", "A", "A/teaching_assignment/1", ""),
        ("R13", "C", "A/teaching_assignment/1", ""),
    ]
    assert told(visit("A", "B", "2021"), post("B", "2020")) == []
    assert [one[0] for one in told(visit("A", "B", "2021"), post("B", "2019", "2020-12-31"))] == ["R13", "R13"]
    assert told(visit("A", "X")) == told(visit("A", "")) == told(visit("A", "A")) == []


def test_very_many_facts_are_not_all_compared() -> None:
    many = [study(at, n) for at in "AB" for n in range(1000)]
    assert len(found(*many)) <= MOST


def test_dates_of_reduced_precision() -> None:
    assert days("2020-02") == (date(2020, 2, 1), date(2020, 2, 29))
    assert days("2020") == (date(2020, 1, 1), date(2020, 12, 31))
    for text in (None, "", "2020-13", "2020-02-30", "0000", "99999", "x", "2020-01-01-01", "2020-"):
        assert days(text) is None


def test_overlaps() -> None:
    assert surely_overlap(("2020-01-01", None), ("2020-06-15", None), 3) == (date(2020, 6, 15), date.max)
    assert surely_overlap(("2020-01-01", "2020-03-31"), ("2019", None), 3) == (date(2020, 1, 1), date(2020, 3, 31))
    assert surely_overlap(("2020-01-01", "2020-03-30"), ("2019", None), 3) is None
    assert surely_overlap(("9999-12-01", None), ("2019", None), 3)
    assert may_overlap((None, None), (None, None))
    assert may_overlap(("2020", None), (None, "2020-01-01"))
    assert not may_overlap(("2020", "2020"), ("2021-01-01", None))
