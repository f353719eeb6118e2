"""When waiting for arrival gives up."""

from __future__ import annotations

from itertools import count
from threading import Event

import pytest

from deploy.demo import arrival
from deploy.demo.arrival import AGENTS_OWN, Arrival
from deploy.demo.compare import Outcome


class Late(Arrival):
    """Everything arrives at once, with the comparison of this number: one transaction that rewrote the same rows."""

    def __init__(self, when: int) -> None:
        self._when = when
        self.comparisons = 0

    def compare(self) -> list[Outcome]:
        self.comparisons += 1
        return [Outcome("DHB", "study_record", missing=0 if self.comparisons >= self._when else 7)]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "PAUSE_SECONDS", 0.0)


def test_as_long_as_records_reads_on_it_waits() -> None:
    steps = count(0, AGENTS_OWN + 1)
    outcomes = Late(6).wait_equal("x", lambda _: None, Event(), 0.0, read=lambda: next(steps))
    assert all(o.perfect for o in outcomes)


def test_what_agents_say_of_themselves_does_not_count() -> None:
    steps = count()
    late = Late(10**9)
    outcomes = late.wait_equal("x", lambda _: None, Event(), 0.0, read=lambda: next(steps))
    assert [o.missing for o in outcomes] == [7]
    assert late.comparisons <= 3
