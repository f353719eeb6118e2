"""PEOPLE: golden persons do not depend on the order of arrival (R01, R02), and every value knows its origin (P7)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from stream_processors.people import unit as unit_of_people
from stream_processors.people.claim import read_claim
from stream_processors.people.golden import agree, golden_persons
from tests.unit.stream_processors.people_bench import ALL_KEYS, KEY, NUMBER, NUMBERS, ON_BUS, People, claim, fact, person

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
                citizen_number=NUMBERS[which], full_name=rng.choice(names), birth_date=rng.choice(births), sex=rng.choice(("M", "F", None))
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
    keys = {tuple(g.person_key for g in golden_persons("n:1", order, lambda _: True)) for order in ([a, b, c], [c, b, a], [b, c, a])}
    assert len(keys) == 1


def test_a_claim_is_read_as_the_codec_reads_it(people: People) -> None:
    facts = [fact("STUDY", "UNI-A/study_record/1", valid_from="2020", level="7"), fact("DEGREE", "UNI-A/degree/1")]
    for more in ({}, {"facts": facts, "phone": "0", "email": "a@b"}, {"moved_to": "n:2"}):
        for values in (person(full_name="A"), None):
            value = claim("UNI-A/person/1", 4, values, **more)
            read = read_claim(people.contract.encode("Claim", value))
            assert read.value() == value
            assert (read.record_key, read.moved_to, read.body is None) == ("UNI-A/person/1", more.get("moved_to", ""), values is None)
            assert read.is_plain() == ("facts" not in more)
