"""The measures on a real national database, by counting on one's fingers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from schemas.errors import HemisError
from schemas.names import canonical_key
from sinks.quality.compute import compute, store
from sinks.quality.days import Day, today
from sinks.quality.job import measure, unfinished
from sinks.quality.measures import Row
from sinks.quality.reading import overview, stored
from tests.integration.sinks.nation import Nation

pytestmark = pytest.mark.real

PERSON: dict[str, Any] = {
    "full_name": "Nguyễn Văn Hoà",
    "birth_date": "2001-05-17",
    "sex": "M",
    "nationality": "VN",
    "citizen_number": "001201012345",
    "birth_province": "01",
    "permanent_address": "Số 1",
    "ward_code": "00001",
}
Found = dict[tuple[str, str, str], Row]


def computed(national: Nation, day: Day | None = None) -> Found:
    with national.engine.connect() as connection:
        rows = compute(connection, day or today())
    return {(row.institution, row.scope, row.measure): row for row in rows}


def figures(row: Row) -> tuple[int, int, int]:
    return row.numerator, row.denominator, row.not_assessed


def test_an_empty_nation_has_no_measures(national: Nation) -> None:
    assert computed(national) == {}
    with pytest.raises(HemisError, match="E848"):
        stored(national.engine)


def test_correct_compares_with_authorities(national: Nation) -> None:
    national.record("UNI-A/person/1", **PERSON)
    national.record("UNI-B/person/1", **PERSON | {"full_name": "NGUYỄN VĂN HÒA", "birth_date": "2001-05-18"})
    national.record("UNI-B/person/2", full_name="Lê An", sex="F")
    national.golden("n:1", ["UNI-A/person/1", "UNI-B/person/1"], full_name="Nguyễn Văn Hoà")
    found = computed(national)
    # At A: sex and birth year agree with the number; name and sex with B's, the birth date not.
    row = found["UNI-A", "person", "correct"]
    assert figures(row) == (4, 5, 0)
    assert row.value == pytest.approx(0.8)
    assert row.facts["lower"] == pytest.approx(0.3755, abs=1e-3)
    assert row.facts["coverage"] == 1.0
    # At B: the same, and a person without a number and without another claim: her name, and her sex twice, wait.
    assert figures(found["UNI-B", "all", "correct"]) == (4, 5, 3)
    assert found["UNI-B", "all", "correct"].facts["comparisons"]["birth_date and other institutions"] == [0, 1, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nguyễn Văn Hoà", "NGUYỄN  VĂN HÒA"),
        ("Ðặng Thúy Vy", "Đặng Thuý Vi"),
        ("Phạm Hồng Quý", "Pha\u0323m Hồng Quí"),
        ("Minh", "Mính"),
        ("Lê Tân", "Lê Tấn"),
        ("Đỗ Ước", "Đỗ Uớc"),
    ],
)
def test_names_are_compared_as_the_stream_does(national: Nation, one: str, other: str) -> None:
    query = "SELECT hemis_name_key(:one) = hemis_name_key(:other)"
    assert national.rows(query, one=one, other=other) == [(canonical_key(one) == canonical_key(other),)]


def test_register_and_decisions_are_authorities(national: Nation) -> None:
    national.record("UNI-A/person/1", **PERSON)
    national.record("UNI-A/programme/1", code="P", level="7", major_code="7480201")
    national.record("UNI-A/learner/1", person="UNI-A/person/1")
    study = {"learner": "UNI-A/learner/1", "programme": "UNI-A/programme/1", "status": "GRADUATED", "status_date": "2025-06-30"}  # fmt: skip
    national.record("UNI-A/study_record/1", **study)
    national.record("UNI-A/study_record/2", **study)
    decision = {"study_record": "UNI-A/study_record/1", "kind": "GRADUATION", "decision_number": "7/QD"}
    national.record("UNI-A/study_decision/1", **decision, decision_date="2025-06-25", effective_date="2025-06-30")
    degree = {"person": "UNI-A/person/1", "study_record": "UNI-A/study_record/1", "full_name": "Nguyễn Văn Hòa"}
    national.record("UNI-A/degree/1", **degree, birth_date="2001-05-17", level="7", major_code="7480202", decision_number="7/QD")  # fmt: skip
    contract = {"person": "UNI-A/person/1", "highest_degree": "7"}
    national.record("UNI-A/staff_contract/1", **contract)
    national.golden("n:1", ["UNI-A/person/1"], full_name="Nguyễn Văn Hoà")
    found = computed(national)
    assert figures(found["UNI-A", "study_record", "correct"]) == (1, 1, 1)
    assert figures(found["UNI-A", "degree", "correct"]) == (4, 5, 0)
    assert figures(found["UNI-A", "staff_contract", "correct"]) == (1, 1, 0)


def test_complete_is_fill_times_coverage(national: Nation) -> None:
    national.record("UNI-A/person/1", **PERSON)
    national.record("UNI-A/person/2", **PERSON | {"permanent_address": " - ", "citizen_number": "0123456789"})
    foreign = {"nationality": "LA", "citizen_number": None, "ward_code": None, "birth_province": None}
    national.record("UNI-A/person/3", **PERSON | foreign | {"document_type": "PASSPORT", "document_number": "P1"})
    national.record("UNI-A/person/4", untyped={"birth_date": "17 tháng 5"}, full_name="Lê An")
    national.record("UNI-A/person/5", **PERSON)
    national.cancel("UNI-A/person/5")
    found = computed(national)
    # 8 + 8 + 7 + 8 cells; two placeholders, and the last one has a name and an unreadable birth date only.
    assert figures(found["UNI-A", "person", "fill"]) == (8 + 6 + 7 + 2, 31, 0)
    complete = found["UNI-A", "person", "complete"]
    assert (complete.value, complete.not_assessed) == (None, 4)
    national.record("UNI-A/manifest/person", entity="person", expected=5)
    national.record("UNI-A/manifest/learner", entity="learner", expected=2)
    found = computed(national)
    assert figures(found["UNI-A", "person", "coverage"]) == (4, 5, 0)
    assert found["UNI-A", "person", "complete"].value == pytest.approx(23 / 31 * 4 / 5)
    assert figures(found["UNI-A", "all", "coverage"]) == (4, 7, 0)
    assert figures(found["UNI-A", "learner", "coverage"]) == (0, 2, 0)


def test_waived_findings_stay_in_the_denominator_and_are_counted(national: Nation) -> None:
    for number in range(1, 5):
        national.record(f"UNI-A/person/{number}", **PERSON)
    national.finding("f1", record_key="UNI-A/person/1", rule="V04")
    national.finding("f2", record_key="UNI-A/person/1", rule="V01")
    national.finding("f3", record_key="UNI-A/person/2", rule="V12", status="WAIVED", waived_until="2099-01-01")
    national.finding("f4", record_key="UNI-A/person/3", rule="V26", severity="WARNING", status="DISPUTED")
    national.finding("f5", record_key="UNI-A/person/4", rule="V04", status="RESOLVED")
    found = computed(national)
    assert figures(found["UNI-A", "all", "clean"]) == (2, 4, 0)
    assert figures(found["UNI-A", "all", "valid"]) == (3, 4, 0)
    assert figures(found["UNI-A", "person", "waived"]) == (1, 4, 0)
    assert found["UNI-A", "all", "clean"].facts == {"waived": 1}


def test_live_is_the_least_of_what_is_assessed(national: Nation) -> None:
    now = datetime.now(UTC)
    late = int((now - timedelta(hours=1)).timestamp() * 1e6)
    national.record("UNI-A/person/1", **PERSON)
    national.record("UNI-A/person/1", changed_at=late, **PERSON | {"sex": "F"})
    national.record("UNI-A/programme/1", changed_at=late, code="a day is allowed here")
    national.record("UNI-A/person/2", snapshot=True, changed_at=late, **PERSON)
    found = computed(national)
    assert figures(found["UNI-A", "all", "changes"]) == (2, 3, 0)
    live = found["UNI-A", "all", "live"]
    assert (live.value, live.not_assessed) == (pytest.approx(2 / 3), 2)
    assert live.facts["difference"] is None
    assert found["UNI-A", "all", "heartbeat"].value is None
    assert found["UNI-A", "all", "difference"].not_assessed == 1


def slot(day: Day, number: int) -> int:
    return int((day.begin + timedelta(minutes=15 * number, seconds=30)).timestamp() * 1e6)


def test_heartbeats_are_counted_per_quarter_of_an_hour(national: Nation) -> None:
    """The day's first 90 slots are over; beats begin in slot 80 and miss two."""
    day = replace(today(), now=today().begin + timedelta(minutes=15 * 90, seconds=5))
    for number in (80, 81, 81, 84, 85, 86, 87, 88, 89):
        national.record("UNI-A/canary/agent", changed_at=slot(day, number), interval_seconds=60)
    national.do(
        f"UPDATE canary SET applied_at = '{day.begin}'", f"UPDATE canary_history SET applied_at = '{day.begin}'"
    )
    assert figures(computed(national, day)["UNI-A", "all", "heartbeat"]) == (8, 10, 0)
    # The running slot counts once it has its beat.
    national.record("UNI-A/canary/agent", changed_at=slot(day, 90) - 27_000_000, interval_seconds=60)
    national.do(
        f"UPDATE canary SET applied_at = '{day.begin}'", f"UPDATE canary_history SET applied_at = '{day.begin}'"
    )
    assert figures(computed(national, day)["UNI-A", "all", "heartbeat"]) == (9, 11, 0)


def test_business_lag_is_from_the_decision_to_its_commit(national: Nation) -> None:
    from schemas.envelope import NEW

    day = today().day
    for number, days in enumerate((1, 3, 90)):
        decided = (day - timedelta(days=days)).isoformat()
        national.record(f"UNI-A/study_decision/{number}", NEW, kind="WITHDRAWAL", decision_date=decided)
    national.record("UNI-A/study_decision/9", NEW, kind="WITHDRAWAL", decision_date="2024")
    row = computed(national)["UNI-A", "all", "business_lag"]
    assert (row.numerator, row.value, row.facts) == (3, 3.0, {"p50": 3.0, "p95": pytest.approx(81.3)})


def test_a_day_that_is_over_gives_the_same_again(national: Nation) -> None:
    """Whatever came later: new records, cancelled ones, findings closed, heartbeats deleted."""
    national.record("UNI-A/person/1", **PERSON)
    national.record("UNI-A/person/2", **PERSON | {"sex": "F"})
    national.record("UNI-A/canary/agent", interval_seconds=60)
    national.record("UNI-A/manifest/person", entity="person", expected=3)
    national.finding("f1", record_key="UNI-A/person/1", rule="V04")
    for table in ("person", "canary", "manifest", "finding"):
        national.do(f"UPDATE {table} SET applied_at = applied_at - interval '1 day', changed_at = changed_at - interval '1 day'"
                    if table != "finding" else "UPDATE finding SET applied_at = applied_at - interval '1 day'")  # fmt: skip
    yesterday = replace(today(), day=today().day - timedelta(days=1))
    first = measure(national.engine, yesterday)
    assert {row.facts.get("final") for row in first if row.measure == "records" and row.scope == "all"} == {True}
    national.record("UNI-A/person/3", **PERSON)
    national.cancel("UNI-A/person/1")
    national.finding("f1", record_key="UNI-A/person/1", rule="V04", status="RESOLVED")
    later = replace(yesterday, now=yesterday.end + timedelta(days=2, hours=1))
    assert _comparable(measure(national.engine, later)) == _comparable(first)
    national.do("DELETE FROM canary", "DELETE FROM canary_history")
    assert _comparable(measure(national.engine, later)) == _comparable(first)
    assert figures(computed(national)["UNI-A", "all", "clean"]) == (2, 2, 0)


def _comparable(rows: list[Row]) -> list[str]:
    return sorted(json.dumps(vars(row), sort_keys=True, default=str) for row in rows)


def test_days_that_a_sink_missed_are_made_up_for(national: Nation) -> None:
    national.record("UNI-A/person/1", **PERSON)
    now = today()
    with national.engine.begin() as connection:
        assert unfinished(connection, now) == []
        old = replace(now, day=now.day - timedelta(days=3), now=now.now - timedelta(days=3))
        store(connection, old, [Row("UNI-A", "all", "records", 1, 1, 0, 1.0, {"final": False})])
        missed = unfinished(connection, now)
    assert [day.day for day in missed] == [now.day - timedelta(days=n) for n in (3, 2, 1)]
    for day in missed:
        measure(national.engine, day)
    with national.engine.connect() as connection:
        # The record was not there on these days, so nothing was to be stored; only the first day had been begun.
        assert unfinished(connection, now) == [] or {d.day for d in unfinished(connection, now)} <= {
            d.day for d in missed
        }


def test_the_stored_measures_are_shown_with_the_least_marked(national: Nation) -> None:
    national.record("UNI-A/person/1", **PERSON)
    national.finding("f1", record_key="UNI-A/person/1", rule="V04")
    measure(national.engine, today())
    rows = stored(national.engine, measures=("correct", "complete", "clean", "live"))
    lines = list(overview(rows, "vi").lines())
    marked = [line for line in lines if "◄" in line]
    assert len(marked) == 1
    assert marked[0].split()[2] == "Sạch:"
    days = (date(2020, 1, 1), date(2020, 12, 31))
    with pytest.raises(HemisError, match="E848"):
        stored(national.engine, days=days)
    with national.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(DISTINCT measure) FROM quality_day WHERE value IS NULL")) > 0
