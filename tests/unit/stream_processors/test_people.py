"""PEOPLE: golden persons do not depend on the order of arrival (R01, R02), and every value knows its origin (P7)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from stream_processors.people import message
from stream_processors.people import unit as unit_of_people
from stream_processors.people.claim import glance, read_claim
from stream_processors.people.golden import agree, golden_persons
from stream_processors.people.verdict import judge
from tests.unit.stream_processors.people_bench import (
    ALL_KEYS,
    KEY,
    NUMBERS,
    People,
    claim,
    fact,
    person,
)


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path)


def test_one_claim_is_forwarded_without_what_is_never_spread(people: People) -> None:
    values = person(
        full_name="Trần Thị B",
        birth_date="2001-02-03",
        ethnicity="05",
        permanent_address="x" * 300,
    )
    people.take(claim("UNI-A/person/1", 4, values))
    (golden,) = people.live().values()
    assert golden["person"] == values | {"ethnicity": None}
    assert golden["origins"] == [
        {"institution": "UNI-A", "record_key": "UNI-A/person/1", "place": 4, "rule": "only", "fields": []}
    ]
    assert golden["claims"] == ["UNI-A/person/1"]


def test_two_agreeing_claims_are_one_person_with_the_origin_of_each_value(people: People) -> None:
    people.take(claim("UNI-A/person/1", 4, person(full_name="Nguyễn Hòa", birth_date="2001", sex="M"), at=100))
    people.take(claim("UNI-B/person/9", 7, person(full_name="NGUYỄN HOÀ", birth_date="2001-05-06"), at=200))
    (golden,) = people.live().values()
    assert golden["person"]["birth_date"] == "2001-05-06"
    assert golden["person"]["sex"] == "M"
    assert {o["record_key"]: o["fields"] for o in golden["origins"]} == {
        "UNI-A/person/1": ["sex"],
        "UNI-B/person/9": ["full_name", "birth_date", "citizen_number"],
    }
    assert not people.findings


def test_a_contradiction_goes_to_both_and_is_not_merged(people: People) -> None:
    people.take(claim("UNI-A/person/1", 4, person(full_name="Nguyễn Minh", birth_date="2001-05-06")))
    people.take(claim("UNI-B/person/9", 7, person(full_name="Trần Văn C", birth_date="1999-01-02")))
    assert len(people.live()) == 2
    assert all(value["conflict"] for value in people.live().values())
    assert {f["institution"] for f in people.findings.values()} == {"UNI-A", "UNI-B"}
    people.take(claim("UNI-B/person/9", 8, person(full_name="Nguyễn Minh", birth_date="2001-05-06")))
    assert list(people.live()) == [KEY]
    assert {f["status"] for f in people.findings.values()} == {"RESOLVED"}


def test_a_retraction_restores_the_other_person_exactly(people: People) -> None:
    people.take(claim("UNI-A/person/1", 4, person(full_name="Nguyễn Minh", birth_date="2001-05-06")))
    before = people.settled()
    people.take(claim("UNI-B/person/9", 7, person(full_name="Trần Văn C", birth_date="1999-01-02")))
    people.take(claim("UNI-B/person/9", 8, None))
    assert people.settled() == before
    people.take(claim("UNI-A/person/1", 9, None))
    assert people.live() == {}


def test_an_older_claim_changes_nothing_and_is_not_emitted(people: People) -> None:
    people.take(claim("UNI-A/person/1", 9, None))
    people.take(claim("UNI-A/person/1", 4, person(full_name="late")))
    assert people.live() == {}
    people.take(claim("UNI-A/person/1", 10, person(full_name="A")))
    emitted = people.emitted
    people.take(claim("UNI-A/person/1", 11, person(full_name="A")))
    assert people.emitted == emitted


@pytest.mark.parametrize("crowd", [100, 2, 1])
def test_any_order_of_arrival_gives_the_same_persons_and_findings(
    tmp_path: Path, crowd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_of_people, "CROWD", crowd)
    rng = random.Random(3)
    names = ["Nguyễn Văn Hòa", "Nguyễn Văn Hoà", "nguyen van hoa", "Trần Thị Lý", "Trần Thị Lí"]
    births = ["2001-05-06", "2001", "2001-05", None, "1999-01-02"]
    history = []
    for record in ("UNI-A/person/1", "UNI-A/person/2", "UNI-B/person/1", "UNI-C/person/5"):
        for place in range(1, 6):
            which = rng.randrange(2)
            values = person(
                citizen_number=NUMBERS[which],
                full_name=rng.choice(names),
                birth_date=rng.choice(births),
                sex=rng.choice(("M", "F", None)),
            )
            history.append(claim(record, 2 * place, values, ALL_KEYS[which], at=rng.randrange(1000)))
            history.append(claim(record, 2 * place, None, ALL_KEYS[1 - which], moved_to=ALL_KEYS[which]))
    settled = []
    for number in range(20):
        rng.shuffle(history)
        people = People(tmp_path / str(number))
        left = list(history)
        while left:
            size = rng.randrange(1, 6)
            people.take(*left[:size])
            left = left[size:]
        settled.append(people.settled())
        people.store.close()
    assert all(s == settled[0] for s in settled)
    assert settled[0]["golden"]


def test_a_number_in_many_records_stays_cheap_and_is_nobodys(people: People) -> None:
    def name(i: int) -> dict[str, Any]:
        return person(full_name=f"Person {i}", birth_date="2001-05-06")

    many = unit_of_people.CROWD + 5
    for i in range(many):
        people.take(claim(f"UNI-A/person/{i}", i, name(i)))
    assert [len(golden["claims"]) for golden in people.live().values()] == [1] * many
    assert all(golden["conflict"] for golden in people.live().values())
    assert sum(f["status"] == "OPEN" for f in people.findings.values()) == many
    assert people.partition.account.persons == 1
    emitted = people.emitted
    people.take(claim("UNI-A/person/3", 1000, name(4)))
    assert people.emitted == emitted + 1
    for i in range(1, many):
        people.take(claim(f"UNI-A/person/{i}", 2000 + i, None))
    assert list(people.live()) == [KEY]
    assert {f["status"] for f in people.findings.values()} == {"RESOLVED"}


def test_agreement() -> None:
    assert agree(person(full_name="NGUYỄN VĂN HÒA"), person(full_name="Nguyễn Văn Hoà"))
    assert agree(person(full_name="nguyen van hoa"), person(full_name="Nguyễn Văn Hòa"))
    assert not agree(person(full_name="Nguyễn Văn Hóa"), person(full_name="Nguyễn Văn Hòa"))
    assert not agree(person(full_name="A", birth_date="2001-05-06"), person(full_name="A", birth_date="2001-06"))


def test_a_group_does_not_hang_on_who_came_first() -> None:
    bare = {"place": 1, "phone": None, "email": None, "facts": []}
    a = {**bare, "record_key": "A", "changed_at": 1, "person": person(full_name="X", birth_date="2001-05-06")}
    b = {**bare, "record_key": "B", "changed_at": 2, "person": person(full_name="X", birth_date="2001-06-07")}
    c = {**bare, "record_key": "C", "changed_at": 3, "person": person(full_name="X", birth_date="2001")}
    keys = {
        tuple(g.person_key for g in golden_persons("n:1", order, lambda _: True))
        for order in ([a, b, c], [c, b, a], [b, c, a])
    }
    assert len(keys) == 1


def test_a_claim_is_read_as_the_codec_reads_it(people: People) -> None:
    facts = [fact("STUDY", "UNI-A/study_record/1", valid_from="2020", level="7"), fact("DEGREE", "UNI-A/degree/1")]
    for more in ({}, {"facts": facts, "phone": "0", "email": "a@b"}, {"moved_to": "n:2"}):
        for values in (person(full_name="A"), None):
            value = claim("UNI-A/person/1", 4, values, **more)
            raw = people.contract.encode("Claim", value)
            read = read_claim(raw)
            assert glance(raw) == (read.version, values is not None)
            assert read.value() == value
            assert (read.record_key, read.moved_to, read.body is None) == (
                "UNI-A/person/1",
                more.get("moved_to", ""),
                values is None,
            )
            assert read.is_plain() == ("facts" not in more)


def full_time(at: str, **more: str) -> list[dict[str, Any]]:
    return [
        fact(
            "CONTRACT",
            f"{at}/staff_contract/1",
            valid_from="2020-01-01",
            full_time="true",
            **{"status": "ACTIVE"} | more,
        )
    ]


def test_a_dispute_opens_at_both_and_closes_by_itself(people: People) -> None:
    values = person(full_name="A", birth_date="2001")
    people.take(claim("UNI-A/person/1", 1, values, facts=full_time("UNI-A")))
    assert people.open() == []
    people.take(claim("UNI-B/person/9", 2, values, facts=full_time("UNI-B")))
    assert people.open() == [
        ("R05", "UNI-A", "UNI-A/staff_contract/1", "UNI-B/staff_contract/1", "DISPUTED"),
        ("R05", "UNI-B", "UNI-B/staff_contract/1", "UNI-A/staff_contract/1", "DISPUTED"),
    ]
    assert people.live()[KEY]["disputes"] == ["R05"]
    emitted = people.emitted
    people.take(claim("UNI-B/person/9", 3, values, facts=full_time("UNI-B")))
    assert people.emitted == emitted
    people.take(claim("UNI-B/person/9", 4, values, facts=full_time("UNI-B", status="LEFT")))
    assert people.open() == []
    assert people.live()[KEY]["disputes"] == []


def test_a_third_institution_makes_it_no_pair_any_more(people: People) -> None:
    values = person(full_name="A", birth_date="2001")
    for place, at in enumerate(("UNI-A", "UNI-B", "UNI-C")):
        people.take(claim(f"{at}/person/1", place, values, facts=full_time(at)))
    assert people.open() == [
        ("R05", at, f"{at}/staff_contract/1", "", "DISPUTED") for at in ("UNI-A", "UNI-B", "UNI-C")
    ]
    people.take(claim("UNI-C/person/1", 9, None))
    assert [f[3] for f in people.open()] == ["UNI-B/staff_contract/1", "UNI-A/staff_contract/1"]


def test_two_contradicting_persons_are_judged_apart(people: People) -> None:
    people.take(claim("UNI-A/person/1", 1, person(full_name="A", birth_date="2001"), facts=full_time("UNI-A")))
    people.take(claim("UNI-B/person/9", 2, person(full_name="B", birth_date="1999"), facts=full_time("UNI-B")))
    assert people.open() == [
        ("R02", "UNI-A", "UNI-A/person/1", "UNI-B/person/9", "DISPUTED"),
        ("R02", "UNI-B", "UNI-B/person/9", "UNI-A/person/1", "DISPUTED"),
    ]
    assert [value["disputes"] for value in people.live().values()] == [["R02"], ["R02"]]


def test_a_contradiction_inside_one_institution_is_its_own(people: People) -> None:
    people.take(claim("UNI-A/person/1", 1, person(full_name="A")), claim("UNI-A/person/2", 2, person(full_name="B")))
    assert [(f[0], f[4]) for f in people.open()] == [("R02", "OPEN"), ("R02", "OPEN")]
    people.take(claim("UNI-B/person/1", 3, person(full_name="A")))
    assert [(f[3], f[4]) for f in people.open()] == [("", "DISPUTED")] * 3


def test_the_missing_side_is_told_without_having_a_record(people: People) -> None:
    """R09: the finding goes to the institution that owes the decision, about the record of the one that has its half."""
    half = fact("TRANSFER_OUT", "UNI-A/study_decision/1", valid_from="2021-09-01", other_institution="UNI-B")
    people.take(claim("UNI-A/person/1", 1, person(full_name="A"), facts=[half]))
    assert people.open() == [("R09", "UNI-B", "UNI-A/study_decision/1", "", "OPEN")]
    people.take(claim("UNI-B/person/9", 2, person(full_name="A")))
    assert people.open() == [("R09", "UNI-B", "UNI-B/person/9", "UNI-A/study_decision/1", "OPEN")]
    answer = fact("TRANSFER_IN", "UNI-B/study_decision/7", valid_from="2021-10-01", other_institution="UNI-A")
    people.take(claim("UNI-B/person/9", 3, person(full_name="A"), facts=[answer]))
    assert people.open() == []


def test_an_institution_that_is_not_on_the_bus_is_told_nothing(people: People) -> None:
    half = fact("TRANSFER_OUT", "UNI-A/study_decision/1", valid_from="2021-09-01", other_institution="NOWHERE")
    visit = fact("VISITING", "UNI-A/teaching_assignment/1", other_institution="NOWHERE")
    people.take(claim("UNI-A/person/1", 1, person(full_name="A"), facts=[half, visit]))
    assert people.findings == {}


def test_an_institution_that_has_left_the_bus_holds_nobody_up(people: People) -> None:
    """What it had been told is not taken back: the topic is gone, and a write to it would be tried for ever."""
    people.take(claim("UNI-A/person/1", 4, person(full_name="Nguyễn Minh", birth_date="2001-05-06")))
    people.take(claim("UNI-B/person/9", 7, person(full_name="Trần Văn C", birth_date="1999-01-02")))
    people.on_bus = [code for code in people.on_bus if code != "UNI-B"]
    people.take(claim("UNI-A/person/1", 8, person(full_name="Trần Văn C", birth_date="1999-01-02")))
    assert {f["institution"]: f["status"] for f in people.findings.values()} == {
        "UNI-A": "RESOLVED",
        "UNI-B": "DISPUTED",
    }


def test_a_corrected_number_moves_the_person_and_leaves_an_alias(people: People) -> None:
    """Merge and un-merge: both persons are restored exactly, and the wrong key leads to the right one while it has nobody."""
    a, b = person(full_name="A", birth_date="2001"), person(full_name="B", birth_date="1999")
    typo = a | {"citizen_number": NUMBERS[1]}
    people.take(claim("UNI-B/person/9", 1, b | {"citizen_number": NUMBERS[2]}, ALL_KEYS[2]))
    people.take(claim("UNI-A/person/1", 1, typo, ALL_KEYS[1]))
    apart = people.settled()
    # The number becomes the other's: a conflict at one key, and the former key leads there.
    people.take(claim("UNI-A/person/1", 2, a | {"citizen_number": NUMBERS[2]}, ALL_KEYS[2]))
    people.take(claim("UNI-A/person/1", 2, None, ALL_KEYS[1], moved_to=ALL_KEYS[2]))
    assert len(people.live()) == 2
    assert {f[0] for f in people.open()} == {"R02"}
    assert (people.golden[ALL_KEYS[1]]["live"], people.golden[ALL_KEYS[1]]["alias_of"]) == (False, ALL_KEYS[2])
    # And back again.
    people.take(claim("UNI-A/person/1", 3, None, ALL_KEYS[2], moved_to=ALL_KEYS[1]))
    people.take(claim("UNI-A/person/1", 3, typo, ALL_KEYS[1]))
    assert people.settled() == apart
    assert people.golden[ALL_KEYS[1]]["alias_of"] is None
    # What was one part of a conflict leads to the person that is left.
    parts = [value for key, value in people.golden.items() if "." in key]
    assert {value["alias_of"] for value in parts} == {ALL_KEYS[2]}


def test_a_key_whose_records_went_two_ways_leads_nowhere(people: People) -> None:
    people.take(*(claim(f"UNI-A/person/{n}", n, person(full_name="A")) for n in (1, 2)))
    people.take(*(claim(f"UNI-A/person/{n}", n + 9, None, moved_to=ALL_KEYS[n]) for n in (1, 2)))
    assert (people.golden[KEY]["live"], people.golden[KEY]["alias_of"]) == (False, None)
    people.take(claim("UNI-A/person/1", 20, person(full_name="A")))
    people.take(claim("UNI-A/person/1", 21, None, moved_to=ALL_KEYS[2]))
    assert people.golden[KEY]["alias_of"] == ALL_KEYS[2]


def test_more_facts_than_a_life_has_are_not_looked_at(people: People) -> None:
    values = person(full_name="A", birth_date="2001")
    people.take(claim("UNI-A/person/1", 1, values, facts=full_time("UNI-A")))
    many = [fact("STUDY", f"UNI-B/study_record/{n}", valid_from="2020-01-01") for n in range(8000)]
    people.take(claim("UNI-B/person/9", 2, values, facts=[*full_time("UNI-B"), *many]))
    assert people.open() == []
    assert people.live()[KEY]["claims"] == ["UNI-A/person/1", "UNI-B/person/9"]
    people.take(claim("UNI-B/person/9", 3, values, facts=full_time("UNI-B")))
    assert len(people.open()) == 2


def test_the_bytes_of_a_plain_claim_and_of_a_judged_one_are_the_same(people: People) -> None:
    values = person(full_name="A", birth_date="2001", ethnicity="01", permanent_address="x" * 200)
    one = read_claim(people.contract.encode("Claim", claim("UNI-A/person/1", 4, values, phone="1")))
    verdict = judge(KEY, [one.value()], lambda _: True, lambda _: True)
    assert message.judged(verdict.persons[0], conflict=False) == message.plain(one)


def test_the_state_is_not_searched_for_claims_that_are_in_hand(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.take(claim("UNI-A/person/1", 1, person(full_name="A")), claim("UNI-B/person/1", 1, person(full_name="A")))
    searched: list[bytes] = []
    scan = people.store.scan
    monkeypatch.setattr(people.store, "scan", lambda prefix: searched.append(prefix) or scan(prefix))
    people.take(claim("UNI-A/person/1", 2, person(full_name="B")), claim("UNI-B/person/1", 2, person(full_name="B")))
    assert searched == []
    people.take(claim("UNI-A/person/1", 3, person(full_name="A")))
    assert len(searched) == 1
