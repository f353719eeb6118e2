"""Long work in steps: nothing else of the institution is read meanwhile, a crash goes on at the last step, and what is said is the
same as in one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from schemas.envelope import CANCEL
from schemas.topics import STORED
from stream_processors.admission import SHARE, SHARED_RUN, Ahead
from stream_processors.records import stage as stages
from stream_processors.records import steps
from stream_processors.records.brake import Brake
from stream_processors.records.institution import Institution
from stream_processors.records.stage import Records
from tests.support.waiting import wait_until
from tests.unit.stream_processors.bench_of_records import CHANGES, CODE, INSTANCE, NOW, ORDERS, Bench, run
from tests.unit.stream_processors.test_any_order import Reader

COUNT = 300


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step ends when it first looks at the clock."""
    monkeypatch.setattr(steps, "STEP_SECONDS", -1.0)


def fill(bench: Bench) -> None:
    persons = [
        bench.event("person", n, 10, full_name="Nguyễn Văn An", birth_date="2002", table="one") for n in range(COUNT)
    ]
    learners = [
        bench.event("learner", n, 10, code=f"SV{n}", person=f"{CODE}/person/{n}", table="one" if n % 2 else "two")
        for n in range(COUNT)
    ]
    bench.send(*persons, *learners)


def test_a_long_sweep_goes_step_by_step_and_says_the_same(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for crash, seconds in ((False, 60.0), (False, -1.0), (True, -1.0)):
        monkeypatch.setattr(steps, "STEP_SECONDS", seconds)
        bench, reader = Bench(tmp_path / f"{crash}{seconds}"), Reader()
        bench.hello()
        fill(bench)
        reader.take(bench)
        bench.sweep("one", 20)
        reader.take(bench)
        assert bool(bench.account.job) == (seconds < 0)
        while bench.account.job:
            if crash:
                lost = bench.unit()
                steps.go_on(lost)  # a step that was never written
                bench.institution = Institution(CODE, bench.store)
            unit = bench.unit()
            steps.go_on(unit)
            bench.keep(unit)
            reader.take(bench)
        bench.each_portion(reader.take)
        assert bench.balanced()
        assert (bench.account.live, bench.account.findings_open) == (
            COUNT // 2,
            COUNT // 2,
        )  # V26: their persons are gone
        ends.append((reader.hash(), bench.account.applied, bench.account.live))
        bench.store.close()
    assert ends == ends[:1] * 3


def test_what_is_swept_after_its_parent_is_not_missed(bench: Bench, hasty: None) -> None:
    """Children that go in a later step than their parent: an OPEN and a RESOLVED at one place would count as one."""
    fill(bench)
    bench.sweep("one", 20)
    said = bench.decoded_findings()
    while bench.account.job:
        unit = bench.unit()
        steps.go_on(unit)
        bench.keep(unit)
        said += bench.decoded_findings()
    assert said == []
    bench.each_portion(lambda b: said.extend(b.decoded_findings()))
    assert {(f["rule"], f["status"]) for f in said} == {("V26", "OPEN")}
    assert len(said) == COUNT // 2


@pytest.mark.parametrize("kind", ["RELEASE", "REJECT"])
def test_what_is_held_is_released_or_rejected_in_steps(tmp_path: Path, hasty: None, kind: str) -> None:
    bench = Bench(tmp_path, Brake(0.1, 2, 600_000_000))
    bench.hello()
    bench.send(*[bench.event("programme", n, 10, name="A") for n in range(COUNT)])
    bench.send(*[bench.event("programme", n, 20, operation=CANCEL, changed_at=NOW) for n in range(COUNT)])
    held = bench.account.held
    assert held > 200
    bench.order(kind)
    assert bench.account.held == held - steps.LOOK_AT_CLOCK
    assert bench.go_on() == held // steps.LOOK_AT_CLOCK
    assert (bench.account.held, bench.account.live) == (0, 0 if kind == "RELEASE" else held)
    assert bench.balanced()
    bench.store.close()


def sweep_event(bench: Bench, version: int) -> tuple[None, bytes]:
    value = {
        "instance": INSTANCE,
        "source_table": "one",
        "version": version,
        "reason": "RELOAD",
        "changed_at": NOW,
        "rows": 0,
    }
    return None, bench.contract.encode("Sweep", value)


def order_event(bench: Bench, kind: str) -> tuple[None, bytes]:
    value = {"kind": kind, "actor": "ministry", "ordered_at": NOW, "argument": "", "payload": None, "key": None}
    return None, bench.contract.encode("Order", value)


def test_a_run_ends_before_and_behind_long_work(bench: Bench, stage: Records, hasty: None) -> None:
    fill(bench)
    first = bench.account.place
    records = [
        bench.event("person", 900, 15, table="one"),
        sweep_event(bench, 20),
        bench.event("person", 901, 25, table="one"),
    ]
    due = run(CHANGES, first, *records)
    scratch = stage.decide(bench.institution, due)
    assert stage.place_after(CHANGES, scratch, due[CHANGES]) == first + 1  # the sweep begins with a unit of its own
    stage.keep(bench.institution, bench.keep(scratch), {})
    due = run(CHANGES, first + 1, *records[1:])
    scratch = stage.decide(bench.institution, due)
    assert stage.place_after(CHANGES, scratch, due[CHANGES]) == first + 2
    stage.keep(bench.institution, bench.keep(scratch), {})
    assert stage.due() == {CODE}
    assert stage.readable() == {}
    steps_done = 0
    while bench.account.job:
        stage.keep(bench.institution, bench.keep(stage.decide(bench.institution, {})), {})
        steps_done += 1
    assert steps_done > 3
    assert set(stage.readable()) == {CHANGES, ORDERS}
    assert not bench.unit().is_live(f"{CODE}/person/900")
    due = run(CHANGES, first + 2, records[2])
    stage.keep(bench.institution, bench.keep(stage.decide(bench.institution, due)), {})
    assert bench.unit().is_live(f"{CODE}/person/901")
    assert bench.account.place == first + 3


def test_a_canary_says_when_the_broker_had_it_and_nothing_else_does(bench: Bench, stage: Records) -> None:
    records = bench.event("canary", "agent", 10, interval_seconds=15), bench.event("person", 1, 11)
    scratch = stage.decide(bench.institution, run(CHANGES, bench.account.place, *records))
    said = {topic: [headers for _, _, *headers in messages] for (topic, _), messages in scratch.outputs.items()}
    assert said["hemis.clean.canary"] == [[(STORED, str(NOW).encode())]]
    assert said["hemis.clean.person"] == [[]]


def test_orders_come_before_changes_so_that_long_ones_begin(bench: Bench, stage: Records) -> None:
    first = bench.account.place
    both = run(ORDERS, 0, order_event(bench, "TOUCH"), order_event(bench, "RELEASE")) | run(
        CHANGES, first, bench.event("person", 1, 10)
    )
    scratch = stage.decide(bench.institution, both)
    assert stage.place_after(ORDERS, scratch, both[ORDERS]) == 2
    assert stage.place_after(CHANGES, scratch, both[CHANGES]) == first + 1


def test_what_was_put_off_waits_until_the_institution_is_quiet(
    bench: Bench, stage: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(stages.time, "monotonic", lambda: clock[0])
    events = [
        bench.event("person", 1, 10, snapshot=True, full_name="Nguyễn Văn An", birth_date="2002"),
        bench.event("learner", 1, 10, snapshot=True, code="SV1", person=f"{CODE}/person/1"),
    ]
    due = run(CHANGES, bench.account.place, *events)
    stage.keep(bench.institution, bench.keep(stage.decide(bench.institution, due)), {})
    assert bench.institution.behind
    assert stage.due() == set()
    clock[0] += stages.QUIET_SECONDS + 0.1
    assert stage.due() == {CODE}
    stage.keep(bench.institution, bench.keep(stage.decide(bench.institution, {})), {})
    assert [claim["record_key"] for claim in bench.claims()] == [f"{CODE}/person/1"]
    assert not bench.institution.behind


def test_what_was_put_off_waits_until_nothing_of_the_institution_is_on_its_way(bench: Bench, stage: Records) -> None:
    """P5: its claims would hold back the records that come now, up to the limit of admission."""
    claims = ("hemis.claims", 1)
    bench.institution.behind = True
    assert stage.due() == {CODE}
    ahead = stage.ahead.setdefault(CODE, Ahead())
    ahead.wrote({claims: 4}, began=time.monotonic() - 3600, records=1)
    assert stage.due() == set()
    stage._progress.place[claims] = 5
    assert stage.due() == set()  # done, and rests as long as that took
    ahead.wrote({claims: 5}, began=time.monotonic() + 3600, records=SHARED_RUN)
    stage._progress.place[claims] = 6
    assert stage.due() == {CODE}


def test_who_has_had_its_share_rests_and_who_has_not_goes_on(stage: Records) -> None:
    """P5: an institution that was held up for a second must not be taken for one that loads, or it never catches up."""
    claims = ("hemis.claims", 1)
    stage._active["OTHER"] = time.monotonic()
    ahead = stage.ahead.setdefault(CODE, Ahead())
    ahead.wrote({claims: 4}, began=time.monotonic(), records=SHARE // 2)
    assert stage.admitted(CODE) == SHARE - SHARE // 2
    ahead.wrote({claims: 9}, began=time.monotonic(), records=SHARE)
    assert stage.admitted(CODE) == 0
    stage._progress.place[claims] = 10
    wait_until(lambda: stage.admitted(CODE) == SHARED_RUN, "it has rested")


def test_what_was_put_off_by_an_institution_that_is_never_quiet_waits_no_longer_than_patience(
    bench: Bench, stage: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(stages.time, "monotonic", lambda: clock[0])
    bench.institution.behind = True
    ahead = stage.ahead.setdefault(CODE, Ahead())
    for _ in range(2):
        ahead.wrote({("hemis.claims", 1): 4}, began=clock[0] - 1, records=1)
        assert stage.due() == set()
        clock[0] += stages.PATIENCE_SECONDS + 0.1
        assert stage.due() == {CODE}
        stage.decide(bench.institution, {})
