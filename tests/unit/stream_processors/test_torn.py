"""A crash after the outputs, before the state (P9): the unit of work is done again, with other events in it than the first time.
What the first one said about a state that is never the last one of a unit must not stand for ever."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.envelope import CANCEL, UPDATE
from stream_processors.records.stage import Records
from tests.unit.stream_processors.bench_of_records import CHANGES, CODE, Bench, run
from tests.unit.stream_processors.people_bench import ALL_KEYS, KEY, NUMBERS, People, claim, person
from tests.unit.stream_processors.test_any_order import Reader, benches, lives, shuffled
from tests.unit.stream_processors.test_related_rules import SOUND, University

__all__ = ["benches"]


def test_a_number_that_only_a_lost_unit_knew_is_retracted(bench: Bench) -> None:
    reader = Reader()
    bench.change("person", 1, 10, full_name="Lê An", citizen_number=NUMBERS[0])
    reader.take(bench)
    renumbered = bench.event("person", 1, 11, operation=UPDATE, full_name="Lê An", citizen_number=NUMBERS[1])
    gone = bench.event("person", 1, 12, operation=CANCEL)
    bench.lose(renumbered)
    reader.take(bench)
    bench.send(renumbered, gone)
    reader.take(bench)
    assert not [key for key, (_, content) in reader.newest.items() if content is not None]


def test_lost_units_change_nothing_of_what_a_reader_ends_with(benches: Callable[[int], Bench]) -> None:
    ends, lost = set(), 0
    for seed in range(40):
        bench, reader, dice = benches(seed), Reader(), random.Random(seed)
        for events in shuffled(lives(bench), dice, dice.choice((0.1, 0.4))):
            bench.deferring = dice.random() < 0.3
            if seed and events and dice.random() < 0.5:
                lost += 1
                bench.lose(*events[: dice.randint(1, len(events))], work_off=dice.random() < 0.3)
                reader.take(bench)
                bench.deferring = dice.random() < 0.5
            bench.send(*events)
            reader.take(bench)
            if dice.random() < 0.2:
                bench.deferring = False
                bench.each_portion(reader.take)
        bench.deferring = False
        bench.each_portion(reader.take)
        ends.add((reader.hash(), bench.account.findings_open))
        assert bench.balanced()
        bench.store.close()
    assert lost > 100
    assert len(ends) == 1


def test_a_finding_that_only_a_lost_portion_of_notes_opened_is_closed(bench: Bench, stage: Records) -> None:
    """It had read nothing: what comes next would undo the reason before the notes are worked off once more."""
    University(bench)
    sound = SOUND["study_record", 1]
    late = bench.event("study_record", 1, 800, operation=UPDATE, **sound | {"status_date": "2024-07-20"})
    bench.deferring = True
    bench.send(late)
    bench.last = stage.decide(bench.institution, {})
    said = [(f.rule, f.record_key, f.other_record) for f in bench.findings() if f.status == "OPEN"]
    assert said, "and lost"
    stage.drop(bench.institution)
    stage._now_in_doubt(CODE, {})
    stage._loaded[CODE] = time.monotonic()
    due = run(CHANGES, bench.account.place, bench.event("study_record", 1, 900, operation=UPDATE, **sound))
    stage.keep(bench.institution, bench.keep(stage.decide(bench.institution, due)), {})
    last = {(f.rule, f.record_key, f.other_record): f.status for f in bench.findings()}
    assert [last.get(finding) for finding in said] == ["RESOLVED"] * len(said)


def test_a_golden_person_that_only_a_lost_unit_knew_goes(tmp_path: Path) -> None:
    people = People(tmp_path)
    people.take(claim("UNI-A/person/1", 4, person(full_name="Nguyễn Minh", birth_date="2001-05-06")))
    other = claim("UNI-B/person/9", 7, person(full_name="Trần Văn C", birth_date="1999-01-02"))
    people.lose(other)
    assert KEY not in people.live()
    people.take(other, claim("UNI-B/person/9", 8, None))
    assert list(people.live()) == [KEY]
    assert {f["status"] for f in people.findings.values()} == {"RESOLVED"}


@pytest.mark.parametrize("seed", range(6))
def test_lost_units_change_no_golden_person(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    history = []
    for place in range(1, 60):
        which = dice.randrange(2)
        record = dice.choice(("UNI-A/person/1", "UNI-A/person/2", "UNI-B/person/1", "UNI-C/person/5"))
        values = person(
            citizen_number=NUMBERS[which],
            full_name=dice.choice(("Nguyễn Văn Hòa", "nguyen van hoa", "Trần Thị Lý")),
            birth_date=dice.choice(("2001-05-06", "2001", None, "1999-01-02")),
        )
        history.append(claim(record, place, None if dice.random() < 0.3 else values, ALL_KEYS[which], at=place))
        history.append(claim(record, place, None, ALL_KEYS[1 - which], moved_to=ALL_KEYS[which]))
    straight, torn = People(tmp_path / "straight"), People(tmp_path / "torn")
    straight.take(*history)
    while history:
        unit = [history.pop(0) for _ in range(min(len(history), dice.randint(1, 9)))]
        if dice.random() < 0.5:
            torn.lose(*unit[: dice.randint(1, len(unit))])
        torn.take(*unit)
    assert torn.settled() == straight.settled()
