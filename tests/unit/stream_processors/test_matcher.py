"""MATCHER without a broker: who is proposed to whom, and what a decision changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.codec import HEADER_SIZE, codec
from stream_processors.contract import Contract
from stream_processors.matcher.memory import Memory, pair
from stream_processors.matcher.unit import Unit
from stream_processors.store import Store
from tests.benchmarks.identity import claims
from tests.unit.stream_processors.bench_of_records import registry
from tests.unit.stream_processors.people_bench import claim, person

A, B, C = "UNI-A/person/1", "UNI-B/person/1", "UNI-C/person/1"


class Matching:
    """What was said last of each finding."""

    def __init__(self, folder: Path) -> None:
        self.contract = Contract(registry(folder / "schemas"))
        self.store = Store(folder / "state")
        self.memory = Memory(self.store)
        self.findings: dict[str, dict[str, Any]] = {}
        self.place = 0

    def take(self, *messages: dict[str, Any], written: bool = True) -> None:
        """One unit of work; if it is not `written`, the broker did not take it."""
        unit = Unit(self.memory, self.store, self.contract, lambda _: True)
        for message in messages:
            if "kind" in message:
                unit.order(self.contract.encode("Order", message))
            else:
                unit.claim(self.contract.encode("Claim", message))
            unit.account.places["hemis.claims|0"] = unit.account.places.get("hemis.claims|0", 0) + 1
        unit.settle()
        if not written:
            unit.undo()
            return
        self.store.write(unit.store_changes())
        self.memory.account = unit.account
        for (topic, _), said in unit.outputs.items():
            for key, raw in said:
                assert raw is not None
                value = codec("vn.hemis.Finding").decode(raw, HEADER_SIZE)[0]
                assert topic == f"hemis.findings.{value['institution']}"
                self.findings[key.decode()] = value

    def start_again(self) -> None:
        self.memory = Memory(self.store)

    def say(self, record: str, values: dict[str, Any] | None, key: str = "", **more: Any) -> None:
        self.place += 1
        self.take(claim(record, self.place, values, key or f"i:{record}", **more))

    def order(self, kind: str, record: str, argument: str) -> None:
        more = {"actor": "tester", "ordered_at": 1, "payload": None}
        self.take({"kind": kind, "key": record.encode(), "argument": argument, **more})

    def open(self) -> list[tuple[str, str, str]]:
        found = [
            (f["rule"], f["record_key"], f["other_record"]) for f in self.findings.values() if f["status"] == "OPEN"
        ]
        return sorted(found)


AN = person(full_name="Khúc Hữu Tân", birth_date="2001-05-12", sex="M", birth_province="34", citizen_number=None)


@pytest.fixture
def matching(tmp_path: Path) -> Matching:
    """It has seen some other people."""
    made = Matching(tmp_path)
    for number, (row, whose) in enumerate(claims.make(8, people=150, claims=150)):
        values = person(**{name: row[name] or None for name in ("full_name", "birth_date", "sex", "birth_province")})
        made.say(f"UNI-Z/person/{number}", values | {"citizen_number": None}, f"n:{whose}", phone=row["phone"] or None)
    made.findings.clear()
    return made


def test_look_alikes_are_told_to_both_institutions(matching: Matching) -> None:
    matching.say(A, AN)
    matching.say(B, AN | {"full_name": "KHUC HUU TAN"})
    assert matching.open() == [("R03", A, B), ("R03", B, A)]
    assert {f["details"]["person_key"] for f in matching.findings.values()} == {f"i:{A}", f"i:{B}"}


def test_two_numbers_of_which_one_digit_is_wrong(matching: Matching) -> None:
    matching.say(A, AN | {"citizen_number": "034201004561"}, "n:1")
    matching.say(B, AN | {"citizen_number": "034201004567"}, "n:2")
    assert matching.open() == [("R04", A, B), ("R04", B, A)]


def test_claims_of_one_person_need_no_decision(matching: Matching) -> None:
    matching.say(A, AN, "n:1")
    matching.say(B, AN, "n:1")
    assert not matching.open()


def test_it_closes_by_itself_when_the_record_changes_or_goes(matching: Matching) -> None:
    matching.say(A, AN)
    matching.say(B, AN)
    matching.say(B, AN | {"full_name": "Lê Thị Hoa", "sex": "F", "birth_date": "1999-01-03"})
    assert not matching.open()
    matching.say(B, AN)
    assert len(matching.open()) == 2
    matching.say(A, None)
    assert not matching.open()


def test_not_the_same_person_is_remembered_over_changes_and_restarts(matching: Matching) -> None:
    matching.say(A, AN)
    matching.say(B, AN)
    matching.order("OTHER_PERSON", A, f"i:{B}")
    assert not matching.open()
    matching.start_again()
    matching.say(B, AN | {"permanent_address": "xã Tân Bình"})
    matching.say(A, AN | {"permanent_address": "xã Tân Bình"})
    assert not matching.open()
    matching.say(C, AN)
    assert [f for f in matching.open() if f[2] == C] == [("R03", A, C), ("R03", B, C)]


@pytest.mark.parametrize("claim_first", [True, False])
def test_a_record_that_moves_to_another_person_in_either_order(matching: Matching, claim_first: bool) -> None:
    matching.say(A, AN)
    matching.say(B, AN)
    moved = [claim(B, 900, AN, f"i:{A}"), claim(B, 900, None, f"i:{B}")]
    for message in moved if claim_first else moved[::-1]:
        matching.take(message)
    assert not matching.open()
    assert matching.memory.person_keys[B] == f"i:{A}"


def test_an_older_claim_changes_nothing(matching: Matching) -> None:
    matching.say(A, AN)
    matching.say(B, AN)
    matching.take(claim(B, 1, None, f"i:{B}"))
    assert len(matching.open()) == 2


def test_what_was_not_written_leaves_no_trace(matching: Matching) -> None:
    matching.say(A, AN)
    matching.take(claim(B, 900, AN, f"i:{B}"), written=False)
    matching.take(claim(A, 901, None, f"i:{A}"), written=False)
    assert B not in matching.memory.matcher
    assert A in matching.memory.matcher
    matching.say(B, AN)
    assert len(matching.open()) == 2


def test_a_claim_that_says_nothing_new_of_what_is_compared_is_only_noted(matching: Matching) -> None:
    matching.say(A, AN)
    matching.say(B, AN)
    learned = sum(matching.memory.matcher.model.patterns.values())
    matching.say(B, AN | {"permanent_address": "xã Tân Bình"})
    assert sum(matching.memory.matcher.model.patterns.values()) == learned
    matching.take(claim(B, 2, None, f"i:{B}"))
    assert len(matching.open()) == 2, "a retraction that is older than the note"


def test_what_young_parameters_proposed_closes_when_they_have_moved(matching: Matching) -> None:
    matching.say(A, AN)
    matching.say(B, person(full_name="Lê Thị Hoa", birth_date="1999-01-03", sex="F", citizen_number=None))
    matching.store.write({pair(A, B): b"R03", pair(B, A): b"R03"})
    for number, (row, _) in enumerate(claims.make(9, people=60, claims=60)):
        matching.say(f"UNI-Y/person/{number}", person(full_name=row["full_name"], citizen_number=None))
    closed = {(f["record_key"], f["other_record"]) for f in matching.findings.values() if f["status"] == "RESOLVED"}
    assert {(A, B), (B, A)} <= closed


def test_near_candidates_are_told_as_such(matching: Matching) -> None:
    for record in (A, B):
        matching.say(record, AN)
    matching.say(C, AN)
    near = {f["details"].get("near") for f in matching.findings.values() if f["record_key"] == C}
    assert near == {"2"}
