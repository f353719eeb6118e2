"""An institution is suspended or leaves: its own records are taken back, and come again with the agent's next ones."""

from __future__ import annotations

import pytest

from schemas.envelope import UPDATE
from schemas.topics import QUIET
from tests.unit.stream_processors.bench_of_records import Bench


def canary(bench: Bench, version: int) -> None:
    bench.change("canary", "agent", version, operation=UPDATE, interval_seconds=15, agent="x", sent_at=f"at {version}")


def live(bench: Bench, entity: str, number: str) -> bool:
    row = bench.row(entity, number)
    assert row is not None
    return row.live


@pytest.fixture
def watched(bench: Bench) -> Bench:
    canary(bench, 10)
    bench.change("manifest", "person", 11, operation=UPDATE, expected=1, counted_at="now")
    bench.change("person", 1, 12, full_name="Nguyễn Văn An")
    return bench


def test_canary_and_manifests_are_taken_back_and_nothing_else(watched: Bench) -> None:
    watched.order("TOUCH", argument=QUIET)
    assert len(watched.clean("canary")) == 1, "the sink is told"
    assert not live(watched, "canary", "agent")
    assert not live(watched, "manifest", "person")
    assert live(watched, "person", "1")
    account = watched.account
    assert account.read == account.applied + account.superseded + account.duplicate + account.held + account.dead_letter


def test_ordered_twice_it_changes_nothing_more(watched: Bench) -> None:
    watched.order("TOUCH", argument=QUIET)
    watched.order("TOUCH", argument=QUIET)
    assert watched.last.outputs == {}


def test_the_agents_next_canary_counts_again(watched: Bench) -> None:
    watched.order("TOUCH", argument=QUIET)
    canary(watched, 500)
    assert live(watched, "canary", "agent")


def test_an_institution_that_never_said_hello_is_quiet_already(bench: Bench) -> None:
    bench.order("TOUCH", argument=QUIET)
    assert bench.last.outputs == {}
