"""The same changes of two institutions in twenty random orders, through a real broker and real workers, give the same golden persons and
the same findings.

Each order is a copy of one small country: other record keys and numbers, all else alike. All copies go through the same two topics at
once, each change in a random place; only one record's own changes keep their order.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import Stack
from schemas.keys import PersonKeys
from tests.integration.national.nationwide import PERSON_KEY_SECRET, Nationwide
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

A, B = "ORD-A", "ORD-B"
COPIES, PERSONS = 20, 9
SEED = 4711
SINCE = round(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1e6)
STANDING = 31
"""Golden persons and open findings of one copy."""
EXPECTED = {"R02", "R05", "R07", "R09", "R10", "R12", "R13", "R14", "V13", "V17", "V26"}
Values = dict[str, Any] | None
Lives = dict[str, list[Values]]
"""Record key → its contents in their order; None: it is cancelled."""


class Copy:
    """One order of arrival."""

    def __init__(self, number: int) -> None:
        self.tag = f"c{number:02}"
        self.numbers = [f"0012010{number + 17:02}{person + 523:03}" for person in range(PERSONS)]

    def key(self, code: str, entity: str, name: object) -> str:
        return f"{code}/{entity}/{self.tag}-{name}"

    def lives(self) -> Lives:
        n, key = self.numbers, self.key
        lives: Lives = {}

        def record(code: str, entity: str, name: object, *contents: Values) -> str:
            lives[key(code, entity, name)] = list(contents)
            return key(code, entity, name)

        def person(code: str, p: int, *contents: Mapping[str, Any] | None) -> str:
            whole = {
                "full_name": f"Nguyễn Văn {NAMES[p]}",
                "birth_date": "2001-05-17",
                "sex": "M",
                "citizen_number": n[p],
            }
            return record(code, "person", p, *[None if own is None else whole | own for own in contents or ({},)])

        def study(code: str, p: int, *contents: Mapping[str, Any], name: str = "") -> str:
            learner = record(code, "learner", f"{p}{name}", {"code": f"SV{p}{name}", "person": key(code, "person", p)})
            base = {
                "learner": learner,
                "enrolment_date": "2022-09-05",
                "form_of_study": "FULL_TIME",
                "status": "STUDYING",
            }
            return record(code, "study_record", f"{p}{name}", *[base | own for own in contents or ({},)])

        def contract(code: str, p: int, *contents: Mapping[str, Any]) -> None:
            base = {
                "person": key(code, "person", p),
                "valid_from": "2024-01-01",
                "permanent": True,
                "full_time": True,
                "status": "ACTIVE",
            }
            record(code, "staff_contract", p, *[base | own for own in contents or ({},)])

        for code in (A, B):  # 0: two full-time studies, of which one ends, and two full-time posts
            person(
                code, 0, {"full_name": "Nguyễn Thúy Hoà"}, {"full_name": "Nguyễn Thuý Hòa", "permanent_address": code}
            )
            contract(code, 0)
        study(A, 0)
        study(B, 0, {}, {"status": "WITHDRAWN", "status_date": "2024-01-05"})
        for code in (A, B):  # 1: two full-time studies that go on
            person(code, 1, {"birth_date": "2001"}, {})
            study(code, 1)
        person(A, 2)  # 2 and 3: a number that was another's, and is corrected
        person(B, 2, {"full_name": "Trần Thị Lý"}, {"full_name": "Trần Thị Lý", "citizen_number": n[3]})
        person(A, 3, {"full_name": "Trần Thị Lí"})
        for code in (A, B):  # 4: a contradiction that stays
            person(code, 4, {"full_name": f"Phạm {code[-1]} Dũng"})
        for code in (A, B):  # 5: the entry is dated before the exit; an exit whose other half never comes
            person(code, 5)
        out, come = study(A, 5, {}, {"status": "TRANSFERRED", "status_date": "2023-02-01"}), study(B, 5)
        transfer = {"decision_number": "1/QĐ", "decision_date": "2023-02-01"}
        record(A, "study_decision", 5, transfer | {"study_record": out, "kind": "TRANSFER_OUT", "other_institution": B})
        entry = transfer | {"study_record": come, "kind": "TRANSFER_IN", "other_institution": A}
        record(B, "study_decision", 5, entry | {"decision_date": "2022-12-01"})
        for code, level in ((A, "7"), (B, "8")):  # 6: one serial twice, and a degree that no register knows
            degree = {
                "person": person(code, 6),
                "level": level,
                "serial": f"S{self.tag}",
                "award_date": "2015-01-05",
                "status": "1",
            }
            record(code, "degree", 6, degree | {"serial": None}, degree)
        contract(A, 6, {"highest_degree": "7", "full_time": False}, {"highest_degree": "9", "full_time": False})
        for p, home in ((7, True), (8, False)):  # 7 and 8: visiting from where a contract is, and from where none is
            visit = {"person": person(A, p), "valid_from": "2025-01-05", "visiting": True, "home_institution": B}
            record(A, "teaching_assignment", p, visit)
            person(B, p, {}, None, {}) if home else None
            contract(B, p, {"full_time": False}) if home else None
        study(A, 8)  # 8 again: two student files, a status without its decision, a person who is nobody's
        study(A, 8, name="b")
        study(A, 7, {}, {"status": "SUSPENDED", "status_date": "2024-01-05"})
        lost = record(A, "learner", "lost", {"code": "L", "person": key(A, "person", "none")})
        gone = {"learner": lost, "status": "STUDYING", "enrolment_date": "2022-09-05"}
        ended = {
            "study_record": record(A, "study_record", "lost", gone),
            "kind": "WITHDRAWAL",
            "decision_number": "2/QĐ",
        }
        record(A, "study_decision", "lost", ended | {"decision_date": "2024-01-05"})
        for studied in [name for name in lives if "/study_record/" in name]:
            lives[studied] = [
                content and content | {"programme": key(studied[:5], "programme", 1)} for content in lives[studied]
            ]
        for code in (A, B):
            record(code, "programme", 1, {"code": "P", "name": "Toán"})
        return lives

    def settled(self, nation: Nationwide) -> str:
        """What stands of this copy, without what tells it from another: a text, the same for all."""
        golden = nation.rows(
            "SELECT to_jsonb(g) - '{applied_at,generation,place,changed_at}'::text[] FROM golden_person g WHERE to_jsonb(g)::text LIKE :own",
            own=f"%/{self.tag}-%",
        )
        findings = nation.rows(
            "SELECT rule, institution, record_key, other_record, fields::text, status, severity, details::text FROM finding"
            " WHERE record_key LIKE :own AND status <> 'RESOLVED'",
            own=f"%/{self.tag}-%",
        )
        people = [json.dumps(_without_places(person), ensure_ascii=False, sort_keys=True) for (person,) in golden]
        return "\n".join(sorted(self._bare(line) for line in [*people, *map(repr, findings)]))

    def _bare(self, text: str) -> str:
        keys = PersonKeys(PERSON_KEY_SECRET.encode())
        for p, number in enumerate(self.numbers):
            text = text.replace(keys.of_number(number), f"n:#{p}").replace(number, f"#{p}")
        return text.replace(f"{self.tag}-", "").replace(f"S{self.tag}", "S")


NAMES = ("An", "Bình", "Chi", "Dũng", "Em", "Giang", "Hải", "Khoa", "Lâm")


def _without_places(person: dict[str, Any]) -> dict[str, Any]:
    """Of several events with one value any is its origin."""
    origins = [{name: value for name, value in origin.items() if name != "place"} for origin in person["origins"] or ()]
    return person | {"origins": origins}


def _shuffled(lives: Lives, dice: random.Random) -> Iterator[tuple[str, Values, int]]:
    """Every change in a random order that keeps each record's own; the time of a change is the same in all orders."""
    times = {(key, n): at for at, (key, n) in enumerate((key, n) for key in lives for n in range(len(lives[key])))}
    left = {key: list(range(len(contents))) for key, contents in lives.items()}
    while left:
        key = dice.choice(list(left))
        n = left[key].pop(0)
        if not left[key]:
            del left[key]
        yield key, lives[key][n], SINCE + times[key, n] * 1_000_000


@pytest.fixture
def nation(stack: Stack, tmp_path: Path) -> Iterator[Nationwide]:
    made = Nationwide(stack, tmp_path, [A, B])
    with made.running():
        made.hello()
        yield made


def test_twenty_orders_end_in_the_same_golden_persons_and_findings(nation: Nationwide) -> None:
    dice = random.Random(SEED)
    copies = [Copy(number) for number in range(COPIES)]
    ways = {copy.tag: _shuffled(copy.lives(), random.Random(f"{SEED}:{copy.tag}")) for copy in copies}
    sent = 0
    while ways:
        tag = dice.choice(list(ways))
        for _ in range(dice.randrange(1, 12)):
            if (change := next(ways[tag], None)) is None:
                del ways[tag]
                break
            nation.say(*change)
            sent += 1
        if dice.random() < 0.1:
            nation.flush()
    nation.flush()

    def alike() -> bool:
        """Do all copies end in the same? Else what one of each kind has that the first kind has not, and the other way round."""
        found: dict[str, Copy] = {}
        texts = {copy.tag: copy.settled(nation) for copy in copies}
        for copy in copies:
            found.setdefault(sha256(texts[copy.tag].encode()).hexdigest(), copy)
        first, *others = [texts[copy.tag].splitlines() for copy in found.values()]
        differing = {
            copy.tag: sorted({*first} ^ {*other}) for copy, other in zip([*found.values()][1:], others, strict=True)
        }
        assert not differing, differing
        return True

    rules = "SELECT DISTINCT rule FROM finding WHERE status <> 'RESOLVED' AND institution IN (:a, :b)"
    wait_until(
        lambda: {rule for (rule,) in nation.rows(rules, a=A, b=B)} >= EXPECTED, "every rule has found something", 90
    )
    wait_until(alike, "all orders end alike", 60)
    for code in (A, B):
        nation.say(f"{code}/institution/last", {"code": code, "name": "sau cùng"})
    nation.flush()
    wait_until(
        lambda: nation.rows("SELECT count(*) FROM institution") == [(2,)], "whatever came after all of it has arrived"
    )
    assert alike()
    assert len(copies[0].settled(nation).splitlines()) == STANDING
    assert sent >= COPIES * 50
