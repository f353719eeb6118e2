"""Any order of arrival, in any units of work, gives the same golden persons and the same findings."""

from __future__ import annotations

import random
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.rules import is_plausible_citizen_number
from stream_processors.people import unit as unit_of_people
from tests.unit.stream_processors.people_bench import KEYS, NUMBERS, ON_BUS, People, claim, fact, person

Claims = list[dict[str, Any]]
NAMES = ("Nguyễn Văn Hòa", "Nguyễn Văn Hoà", "nguyen van hoa", "Trần Thị Lý", "Trần Thị Lí")
BIRTHS = ("2001-05-06", "2001", "2001-05", None, "1999-01-02")
CROWDED = "092301012399"
ORDERS = 20
RULES_BY_CROWD = {100: ("R02", "R05", "R07", "R09", "R10", "R12", "R13")}


class Records:
    """Institutions' person records as RECORDS claims them: each change under the person key of its number, or under the one
    that an order names, and retracted from the former."""

    def __init__(self) -> None:
        self.claims: Claims = []
        self._keys: dict[str, str] = {}
        self._places = count(1)

    def say(self, record: str, values: dict[str, Any] | None, *, decided: str = "", at: int = 0, **more: Any) -> None:
        place, before = next(self._places), self._keys.get(record, "")
        key = ""
        if values is not None:
            number = values["citizen_number"]
            own = KEYS.of_number(number) if is_plausible_citizen_number(number) else KEYS.of_record(record)
            key = self._keys[record] = decided or own
            self.claims.append(claim(record, place, values, key, at=at or place, **more))
        if before and before != key:
            self.claims.append(claim(record, place, None, before, at=at or place, moved_to=key or None))
            if not key:
                del self._keys[record]


def facts_of(rng: random.Random, institution: str, number: int) -> list[dict[str, Any]]:
    """Some of what can hang from a record, so that every rule over institutions opens and closes."""
    other = rng.choice([code for code in (*ON_BUS, "UNI-X") if code != institution])
    day = f"20{rng.randrange(18, 24)}-0{rng.randrange(1, 10)}-01"
    possible = [
        fact(
            "STUDY", f"{institution}/study_record/{number}", valid_from=day, form_of_study=rng.choice(("FULL_TIME", "FULL_TIME", "PART_TIME")),
            status=rng.choice(("STUDYING", "STUDYING", "GRADUATED")),
        ),
        fact(
            "CONTRACT", f"{institution}/staff_contract/{number}", valid_from=day, valid_to=rng.choice((None, "2024-01-01")),
            status=rng.choice(("ACTIVE", "ACTIVE", "LEFT")), full_time=rng.choice(("true", "true", "false")), level=rng.choice("789"),
        ),
        fact("DEGREE", f"{institution}/degree/{number}", valid_from=day, status="1", level=rng.choice("789"), serial=rng.choice("ab")),
        fact("TRANSFER_OUT", f"{institution}/study_decision/{number}", valid_from=day, other_institution=other),
        fact("TRANSFER_IN", f"{institution}/study_decision/i{number}", valid_from=day, other_institution=other),
        fact("VISITING", f"{institution}/teaching_assignment/{number}", valid_from=day, other_institution=other),
    ]  # fmt: skip
    return [one for one in possible if rng.random() < 0.6]


def history(seed: int) -> Claims:
    rng = random.Random(seed)
    records = Records()
    for _ in range(160):  # ordinary persons: corrected, contradicted, moved, deleted, come back
        institution, number = rng.choice(ON_BUS), rng.randrange(4)
        values = person(
            citizen_number=rng.choice((*NUMBERS, None)), full_name=rng.choice(NAMES), birth_date=rng.choice(BIRTHS),
            sex=rng.choice(("M", "F", None)), permanent_address=rng.choice((None, "x", "y")), ward_code=rng.choice((None, "1")),
        )  # fmt: skip
        more = {"phone": rng.choice((None, "1", "2")), "facts": facts_of(rng, institution, number)}
        decided = rng.choice(("", "", "", KEYS.of_number(NUMBERS[0])))
        record = f"{institution}/person/{number}"
        records.say(record, None if rng.random() < 0.15 else values, decided=decided, at=rng.randrange(1, 1000), **more)
    busy = person(citizen_number="001188012345", full_name="Phạm Thị Bận", birth_date="1988-08-08")
    for n in range(32):  # one person, without doubt, who studies and works everywhere
        institution = ON_BUS[n % 4]
        records.say(f"{institution}/person/busy", busy, facts=facts_of(rng, institution, n))
    for institution, number in zip((*ON_BUS, "UNI-A"), NUMBERS, strict=True):  # one person with five citizen numbers
        records.say(
            f"{institution}/person/five", person(citizen_number=number, full_name="Lê Văn Năm", birth_date="1990-09-09")
        )
    for n, name in enumerate(("Lê Một", "Lê Hai", "Lê Ba", "Lê Bốn", "Lê Sáu")):  # one number shared by five people
        records.say(
            f"{ON_BUS[n % 4]}/person/shared{n}", person(citizen_number=NUMBERS[4], full_name=name, birth_date=f"19{n}0")
        )
    for n in range(unit_of_people.CROWD + 8):  # one number in more records than one person can have
        values = person(citizen_number=CROWDED, full_name=f"Người {n % 7}", birth_date="2000-01-01")
        records.say(f"{ON_BUS[n % 4]}/person/c{n}", values, facts=facts_of(rng, ON_BUS[n % 4], n))
        if n % 20 == 0:
            records.say(f"{ON_BUS[n % 4]}/person/c{n}", None)
    return records.claims


def settled(folder: Path, claims: Claims, rng: random.Random, size: int) -> People:
    people = People(folder)
    left = list(claims)
    while left:
        n = rng.randrange(1, size)
        people.take(*left[:n])
        left = left[n:]
    people.store.close()
    return people


@pytest.mark.parametrize("crowd", [100, 5])
def test_twenty_orders(tmp_path: Path, crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_of_people, "CROWD", crowd)
    rng = random.Random(crowd)
    claims = history(3)
    in_order = settled(tmp_path / "in order", claims, rng, 30)
    for number in range(ORDERS):
        rng.shuffle(claims)
        people = settled(tmp_path / str(number), claims, rng, 60)
        if people.digest() != in_order.digest():
            assert people.settled() == in_order.settled()
    said = {(value["rule"], value["status"] == "RESOLVED") for value in in_order.findings.values()}
    assert said >= {(rule, closed) for rule in RULES_BY_CROWD.get(crowd, ("R02",)) for closed in (False, True)}
    assert crowd < 100 or {value["conflict"] for value in in_order.live().values()} == {True, False}


EVENT = st.tuples(
    st.sampled_from(("UNI-A/person/1", "UNI-B/person/1", "UNI-C/person/1", "UNI-A/person/2")),
    st.sampled_from((None, *NUMBERS[:2], "gone")),
    st.sampled_from(NAMES),
    st.sampled_from(BIRTHS),
    st.integers(0, 5),
    st.booleans(),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENT, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_hypothesis_finds_no_order_that_differs(
    tmp_path_factory: pytest.TempPathFactory, events: list[Any], rng: random.Random
) -> None:
    records = Records()
    for record, number, name, born, seed, decided in events:
        values = person(citizen_number=number, full_name=name, birth_date=born)
        found = facts_of(random.Random(seed), record.partition("/")[0], seed)
        to = KEYS.of_number(NUMBERS[1]) if decided else ""
        records.say(record, None if number == "gone" else values, decided=to, facts=found)
    folder = tmp_path_factory.mktemp("orders")
    in_order = settled(folder / "1", records.claims, rng, 3)
    claims = list(records.claims)
    rng.shuffle(claims)
    assert settled(folder / "2", claims, rng, 5).settled() == in_order.settled()


def test_the_newest_claims_alone_give_the_same(tmp_path: Path) -> None:
    """A golden person is a function of what the institutions say now, not of what they once said."""
    claims = history(11)
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for one in claims:
        newest[one["person_key"], one["record_key"]] = one
    whole = settled(tmp_path / "whole", claims, random.Random(1), 50)
    assert settled(tmp_path / "newest", list(newest.values()), random.Random(2), 50).settled() == whole.settled()
