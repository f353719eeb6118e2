"""Any order of arrival inside an institution ends in the same claims and findings."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from schemas.envelope import CANCEL, NEW, UPDATE
from tests.unit.stream_processors.bench_of_records import CODE, Bench
from tests.unit.stream_processors.test_related_rules import CASES, NUMBER, SOUND, Change

Event = tuple[bytes, bytes]


def _changes() -> Iterator[Change]:
    """Everything that breaks a rule, and records that change hands, go and come back."""
    for entity, number in SOUND:
        yield entity, number, {}
    for _, breaks, _, _ in CASES:
        yield from breaks
    for n in (3, 4):
        yield "person", n, NUMBER
        yield "learner", n, {"code": f"SV{n}", "person": f"{CODE}/person/{n}"}
        yield "learner", n, {"code": f"SV{n}", "person": f"{CODE}/person/{n + 1}", "phone": f"091234567{n}"}
        yield "study_record", n, {"learner": f"{CODE}/learner/{n}"}
        yield (
            "study_record",
            n,
            {"learner": f"{CODE}/learner/{n}", "programme": f"{CODE}/programme/2", "status": "SUSPENDED"},
        )
    yield "major_licence", 1, {"decision_date": "2021-01-05"}
    yield "person", 1, {"full_name": "Trần Văn An", "birth_date": "1940-03-01"} | NUMBER
    yield "programme", 3, {"major_code": "7480299"}
    yield "staff_contract", 1, {}
    yield "programme", 2, {"level": "MASTER"}
    yield "programme", 2, None
    yield "programme", 2, {"duration_months": 12}
    yield "person", 3, None
    yield "person", 3, {"full_name": "Lê Chi"}


def lives(bench: Bench) -> list[list[Event]]:
    """Each list is one record's life, whose order is fixed."""
    lives: dict[tuple[str, int], list[Event]] = {}
    for entity, number, change in _changes():
        life = lives.setdefault((entity, number), [])
        version = 10 + len(life)
        if change is None:
            life.append(bench.event(entity, number, version, operation=CANCEL))
        else:
            values = SOUND.get((entity, number), SOUND[entity, 1]) | change
            life.append(bench.event(entity, number, version, operation=UPDATE if life else NEW, **values))
    return list(lives.values())


def shuffled(lives: list[list[Event]], dice: random.Random, ends: float = 0.4) -> Iterator[list[Event]]:
    """Units, which end with this likelihood behind each event; each record's own order is kept."""
    left = [list(life) for life in lives]
    unit: list[Event] = []
    while any(left):
        unit.append(dice.choice([life for life in left if life]).pop(0))
        if dice.random() < ends:
            yield unit
            unit = []
    yield unit


class Reader:
    """What a reader of claims and findings ends with, who takes the newest of each."""

    def __init__(self) -> None:
        self.newest: dict[Any, tuple[Any, Any]] = {}

    def take(self, bench: Bench) -> None:
        for claim in bench.claims():
            shown = {name: claim[name] for name in ("person", "phone", "email", "facts")}
            self._take((claim["person_key"], claim["record_key"]), claim, shown if claim["person"] else None)
        for finding in bench.decoded_findings():
            shown = {
                name: finding[name] for name in ("rule", "record_key", "fields", "other_record", "status", "severity")
            }
            self._take(finding["finding_id"], finding, shown if finding["status"] != "RESOLVED" else None)

    def _take(self, key: Any, said: dict[str, Any], content: Any) -> None:
        version = said["generation"], said["place"], said["orders_place"]
        if key not in self.newest or version > self.newest[key][0]:
            self.newest[key] = version, content

    def rules(self) -> set[str]:
        return {content["rule"] for _, content in self.newest.values() if content and "rule" in content}

    def hash(self) -> str:
        left = sorted((str(key), str(content)) for key, (_, content) in self.newest.items() if content is not None)
        return sha256(repr(left).encode()).hexdigest()


@pytest.fixture
def benches(tmp_path: Path) -> Callable[[int], Bench]:
    def make(number: int) -> Bench:
        bench = Bench(tmp_path / str(number))
        bench.hello()
        return bench

    return make


def test_any_order_of_arrival_ends_in_the_same_claims_and_findings(benches: Callable[[int], Bench]) -> None:
    ends = set()
    for seed in range(20):
        bench, reader, dice = benches(seed), Reader(), random.Random(seed)
        for events in shuffled(lives(bench), dice):
            bench.deferring = dice.random() < 0.3
            bench.send(*events)
            reader.take(bench)
            if dice.random() < 0.2:
                bench.deferring = False
                bench.each_portion(reader.take)
        bench.deferring = False
        bench.each_portion(reader.take)
        ends.add((reader.hash(), bench.account.findings_open))
        assert reader.rules() >= {"V10", "V11", "V13", "V15", "V17", "V18", "V21", "V23", "V26", "R14"}
        assert bench.balanced()
        bench.store.close()
    assert len(ends) == 1
