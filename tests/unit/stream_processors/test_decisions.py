"""Orders of MATCHER and the ministry: who a record is, waivers, days that have come."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.envelope import CANCEL, UPDATE
from schemas.errors import HemisError
from stream_processors.records.institution import Institution
from tests.unit.stream_processors.bench_of_records import CODE, NOW, Bench

PERSON = f"{CODE}/person/1"
KEY = PERSON.encode()
OWN, OTHER, NUMBER = f"i:{PERSON}", "i:UNI-B/person/7", "001202012345"
DAY = 86_400_000_000
BEFORE, AFTER = (datetime.fromtimestamp((NOW + n * DAY) / 1e6, UTC).date().isoformat() for n in (-2, 2))


def claims(bench: Bench) -> dict[str, bool]:
    """Person keys of the last unit's claims, and whether each is one or a retraction."""
    return {claim["person_key"]: claim["person"] is not None for claim in bench.claims()}


def person(bench: Bench, version: int, **more: Any) -> None:
    operation = UPDATE if version > 10 else 0
    values = {"full_name": "Nguyễn Văn An", "birth_date": "2002-03-01"} | more
    bench.change("person", 1, version, operation=operation, **values)


def test_a_record_is_claimed_for_whom_it_was_decided_to_be(bench: Bench) -> None:
    person(bench, 10)
    assert claims(bench) == {OWN: True}
    bench.order("SAME_PERSON", argument=OTHER, key=KEY)
    assert claims(bench) == {OTHER: True, OWN: False}
    bench.institution = Institution(CODE, bench.store)  # remembered over restarts
    person(bench, 11, birth_date="2002-03-02")
    assert claims(bench) == {OTHER: True}
    bench.order("OTHER_PERSON", argument=OTHER, key=KEY)
    assert claims(bench) == {OWN: True, OTHER: False}
    bench.order("SAME_PERSON", argument=OTHER, key=KEY)
    assert OTHER not in claims(bench)


def test_a_decision_may_come_before_its_record(bench: Bench) -> None:
    bench.order("SAME_PERSON", argument=OTHER, key=KEY)
    assert claims(bench) == {}
    person(bench, 10)
    assert claims(bench) == {OTHER: True}


def test_a_plausible_number_wins_over_a_decision(bench: Bench) -> None:
    person(bench, 10)
    bench.order("SAME_PERSON", argument=OTHER, key=KEY)
    person(bench, 11, citizen_number=NUMBER)
    (new,) = [key for key, live in claims(bench).items() if live]
    assert new.startswith("n:")
    bench.order("OTHER_PERSON", argument=new, key=KEY)
    assert claims(bench) == {OTHER: True, new: False}
    person(bench, 12, citizen_number="000000000000")
    assert claims(bench) == {OTHER: True}


@pytest.mark.parametrize(
    ("argument", "key"),
    [("n:", KEY), ("x:1", KEY), ("", KEY), (OTHER, b"UNI-B/person/1"), (OTHER, f"{CODE}/learner/1".encode()), (OTHER, None), (OTHER, b"\xff")],
)  # fmt: skip
def test_a_decision_about_nobody_is_refused(bench: Bench, argument: str, key: bytes | None) -> None:
    with pytest.raises(HemisError, match="E111"):
        bench.order("SAME_PERSON", argument=argument, key=key)
    assert bench.account.decisions == 0


def waiver(**more: Any) -> str:
    return json.dumps(
        {"rule": "V21", "fields": ["full_name"], "other_record": "", "reason": "đổi tên", "until": AFTER} | more
    )


@pytest.fixture
def flawed(bench: Bench) -> Bench:
    """A degree with another name than its person's."""
    person(bench, 10)
    bench.change(
        "degree", 1, 10, person=PERSON, full_name="Trần Văn An", birth_date="2002-03-01", study_record=f"{CODE}/study_record/1", decision_number="1", decision_date="2024-06-20",
    )  # fmt: skip
    assert said(bench)["V21"][:2] == ("OPEN", "WARNING")
    return bench


DEGREE = f"{CODE}/degree/1".encode()


def said(bench: Bench) -> dict[str, tuple[str, str, str | None, str | None]]:
    """What the last unit said of the degree."""
    return {
        f["rule"]: (f["status"], f["severity"], f["waived_until"], f["waiver"])
        for f in bench.decoded_findings()
        if f["record_key"].encode() == DEGREE
    }


def test_a_finding_is_waived_until_a_day(flawed: Bench) -> None:
    count = flawed.account.findings_open
    flawed.order("WAIVE", argument=waiver(), key=DEGREE)
    assert said(flawed) == {"V21": ("WAIVED", "WARNING", AFTER, "ministry: đổi tên")}
    assert flawed.account.findings_open == count - 1
    flawed.institution = Institution(CODE, flawed.store)
    flawed.order("TOUCH", key=DEGREE, ordered_at=NOW + DAY)
    assert said(flawed) == {}
    flawed.order("TOUCH", key=DEGREE, ordered_at=NOW + 3 * DAY)
    assert said(flawed)["V21"][:2] == ("OPEN", "WARNING")
    assert flawed.account.findings_open == count


def test_a_waiver_is_taken_back_and_outlives_its_finding(flawed: Bench) -> None:
    flawed.order("WAIVE", argument=waiver(), key=DEGREE)
    person(flawed, 11, full_name="Trần Văn An")
    assert said(flawed)["V21"][0] == "RESOLVED"
    person(flawed, 12)
    assert said(flawed)["V21"][0] == "WAIVED"
    flawed.order("UNWAIVE", argument=waiver(reason="", until=""), key=DEGREE)
    assert said(flawed)["V21"][0] == "OPEN"
    assert flawed.account.waivers == 0


@pytest.mark.parametrize(
    ("about", "actor", "detail"),
    [
        (waiver(reason=" "), "ministry", "reason"), (waiver(), " ", "approver"), (waiver(until=""), "ministry", "until"), (waiver(until="31/12/2026"), "ministry", "until"),
        (waiver(until=BEFORE), "ministry", "passed"), (waiver(rule="V99"), "ministry", "RECORDS"), (waiver(rule="R05"), "ministry", "RECORDS"), ("{", "ministry", "JSON"),
        ("[]", "ministry", "rule or fields"), (waiver(rule="V26"), "ministry", "waived"),
    ],
)  # fmt: skip
def test_a_waiver_without_reason_approver_or_day_is_refused(flawed: Bench, about: str, actor: str, detail: str) -> None:
    with pytest.raises(HemisError, match=f"E112.*{detail}"):
        flawed.order("WAIVE", argument=about, actor=actor, key=DEGREE)
    assert flawed.account.waivers == 0


def test_what_is_missing_for_too_long_is_an_error(bench: Bench) -> None:
    learner = f"{CODE}/learner/1".encode()
    bench.change("learner", 1, 10, code="SV1", person=PERSON, changed_at=NOW)

    def told() -> list[tuple[str, str, str]]:
        return [(f["rule"], f["status"], f["severity"]) for f in bench.decoded_findings()]

    assert told() == [("V26", "OPEN", "WARNING")]
    bench.order("TOUCH", key=learner, ordered_at=NOW + DAY // 24)
    assert told() == []
    bench.order("TOUCH", key=learner, ordered_at=NOW + 40 * DAY)
    assert told() == [("V26", "OPEN", "ERROR")]
    bench.institution = Institution(CODE, bench.store)
    bench.change("learner", 1, 11, code="SV2", person=PERSON, operation=UPDATE)
    assert told() == []
    person(bench, 10)
    assert told() == [("V26", "RESOLVED", "ERROR")]


def test_a_touch_of_what_is_not_there_changes_nothing(bench: Bench) -> None:
    bench.order("TOUCH", key=b"UNI-A/person/9")
    bench.order("TOUCH", key=None)
    person(bench, 10)
    bench.change("person", 1, 11, operation=CANCEL)
    bench.order("TOUCH", key=KEY)
    assert bench.last.outputs == {}


def test_a_touch_of_a_person_claims_it_again(bench: Bench) -> None:
    person(bench, 10)
    bench.order("TOUCH", key=KEY)
    assert claims(bench) == {OWN: True}
