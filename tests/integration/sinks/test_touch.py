"""Who is due on a day is found in sets, ordered once, and not all at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.errors import HemisError
from sinks.quality import touch
from sinks.quality.days import today
from tests.integration.sinks.nation import Nation

pytestmark = pytest.mark.real

NOW = datetime(2026, 10, 1, 3, tzinfo=UTC)
LATER = datetime(2027, 3, 1, 3, tzinfo=UTC)
ENROLLED = {"status": "STUDYING", "enrolment_date": "2018-11-05", "programme": "UNI-A/programme/1"}


class Orders:
    """Takes orders; `refuse`: the broker is away."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str, str]] = []
        self.refuse = False

    def touch(self, institution: str, record: str, causes: str, at_micros: int) -> None:
        self.given.append((institution, record, causes))

    def flush(self) -> None:
        if self.refuse:
            raise HemisError("E407")


def due(national: Nation, at: datetime) -> set[tuple[str, str]]:
    """Record and cause of what is noted by this day and was not noted before."""
    with national.engine.begin() as connection:
        touch.look(connection, today(at))
    before = getattr(national, "noted", set())
    noted = {(str(key), str(cause)) for key, cause in national.rows("SELECT record_key, cause FROM touch")}
    national.noted = noted  # type: ignore[attr-defined]
    return noted - before


def ordered(national: Nation, orders: Orders, most: int = 100) -> list[tuple[str, str, str]]:
    orders.given.clear()
    with national.engine.begin() as connection:
        touch.give(connection, orders, today(LATER), most)
    return sorted(orders.given)


def programme(national: Nation) -> None:
    national.record("UNI-A/programme/1", duration_months=48)


def record(national: Nation, key: str, **values: Any) -> None:
    national.record(key, changed_at=round(NOW.timestamp() * 1e6), **values)


def test_a_study_becomes_too_long_on_its_day(national: Nation) -> None:
    programme(national)
    record(national, "UNI-A/study_record/1", **ENROLLED)
    record(national, "UNI-A/study_record/2", **ENROLLED | {"status": "GRADUATED"})
    record(national, "UNI-A/study_record/3", **ENROLLED | {"enrolment_date": "2018"})
    record(national, "UNI-A/study_record/4", **ENROLLED | {"enrolment_date": "9999-12"})
    assert due(national, datetime(2026, 11, 4, 20, tzinfo=UTC)) == {("UNI-A/study_record/3", "V15")}
    assert due(national, datetime(2026, 11, 5, 20, tzinfo=UTC)) == {("UNI-A/study_record/1", "V15")}
    assert due(national, LATER) == set()


def test_what_is_found_already_is_not_due(national: Nation) -> None:
    programme(national)
    record(national, "UNI-A/study_record/1", **ENROLLED)
    national.finding("f1", rule="V15", record_key="UNI-A/study_record/1")
    assert due(national, LATER) == set()
    national.finding("f1", rule="V15", record_key="UNI-A/study_record/1", status="RESOLVED")
    assert due(national, LATER) == {("UNI-A/study_record/1", "V15")}


def test_somebody_reaches_the_age_of_retirement(national: Nation) -> None:
    contract = {"permanent": True, "status": "ACTIVE"}
    for number, (sex, born) in enumerate(
        (("M", "1965-08-20"), ("F", "1969-08-20"), ("F", "1969-08"), (None, "1940-01-01"))
    ):
        record(national, f"UNI-A/person/{number}", sex=sex, birth_date=born)
        record(national, f"UNI-A/staff_contract/{number}", person=f"UNI-A/person/{number}", **contract)
    # In 2027: 61 years and 9 months for men, 57 years and 4 months for women.
    assert due(national, datetime(2026, 12, 1, tzinfo=UTC)) == {("UNI-A/staff_contract/1", "V23")}
    assert due(national, datetime(2027, 5, 20, tzinfo=UTC)) == {("UNI-A/staff_contract/0", "V23")}


def test_a_decision_takes_effect(national: Nation) -> None:
    record(national, "UNI-A/study_record/1", status="STUDYING")
    record(national, "UNI-A/study_record/2", status="WITHDRAWN")
    for number in (1, 2):
        decision = {"kind": "WITHDRAWAL", "decision_date": "2026-09-20", "effective_date": "2026-11-01"}
        record(national, f"UNI-A/study_decision/{number}", study_record=f"UNI-A/study_record/{number}", **decision)
    assert due(national, NOW) == set()
    assert due(national, datetime(2026, 11, 1, tzinfo=UTC)) == {("UNI-A/study_record/1", "V13")}


def test_grace_and_waivers_end(national: Nation) -> None:
    said = {"rule": "V26", "at": round(NOW.timestamp() * 1e6)}
    national.finding("f1", record_key="UNI-A/learner/1", details={"case": "waiting"}, **said)
    national.finding("f2", record_key="UNI-A/learner/2", details={"case": "overdue"}, **said)
    national.finding("f3", record_key="UNI-A/degree/1", status="WAIVED", waived_until="2026-10-01", rule="V19")
    national.finding(
        "f4", record_key="UNI-A/degree/2", status="WAIVED", waived_until="2026-10-01", rule="V18", generation=-1
    )
    assert due(national, NOW + timedelta(hours=14)) == {
        ("UNI-A/degree/1", "waiver")
    }  # in Vietnam the next day has begun
    assert due(national, NOW + timedelta(hours=25)) == {("UNI-A/learner/1", "V26")}


def test_each_institution_gets_a_few_orders_at_a_time_and_none_twice(national: Nation) -> None:
    programme(national)
    for number in range(5):
        record(national, f"UNI-A/study_record/{number}", **ENROLLED | {"enrolment_date": f"2017-01-0{number + 1}"})
    record(national, "UNI-B/study_record/1", **ENROLLED)
    due(national, LATER)
    orders = Orders()
    assert ordered(national, orders, 2) == [
        ("UNI-A", "UNI-A/study_record/0", "V15"),
        ("UNI-A", "UNI-A/study_record/1", "V15"),
        ("UNI-B", "UNI-B/study_record/1", "V15"),
    ]
    orders.refuse = True
    with pytest.raises(HemisError, match="E407"):
        ordered(national, orders, 2)
    orders.refuse = False
    assert [one[1][-1] for one in ordered(national, orders, 2)] == ["2", "3"]
    assert [one[1][-1] for one in ordered(national, orders, 2)] == ["4"]
    due(national, LATER)
    assert ordered(national, orders) == []
    assert due(national, LATER + timedelta(days=touch.KEEP_DAYS + 1)) == set()
    assert len(ordered(national, orders)) == 6  # RECORDS has found nothing: it is asked again, once


def test_a_record_that_is_due_twice_gets_one_order(national: Nation) -> None:
    programme(national)
    record(national, "UNI-A/study_record/1", **ENROLLED)
    national.finding("f1", record_key="UNI-A/study_record/1", status="WAIVED", waived_until="2026-10-01", rule="V16")
    due(national, LATER)
    orders = Orders()
    assert ordered(national, orders) == [("UNI-A", "UNI-A/study_record/1", "V15,waiver")]
    assert ordered(national, orders) == []
