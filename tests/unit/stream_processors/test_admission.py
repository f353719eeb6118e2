"""Admission (P5): how long an institution's oldest output has been waiting for those downstream."""

from __future__ import annotations

import time

import pytest

from stream_processors.admission import REST_SECONDS, SHARE, SHARED_RUN, WINDOW_SECONDS, Ahead

CLEAN, CLAIMS = ("hemis.clean.person", 2), ("hemis.claims", 1)


def wrote(ahead: Ahead, offsets: dict[tuple[str, int], int], *, began: float | None = None, records: int = 1) -> None:
    ahead.wrote(offsets, began=time.monotonic() if began is None else began, records=records)


def test_nothing_written_is_nothing_ahead() -> None:
    assert Ahead().seconds({}) == 0.0


def test_an_output_counts_until_every_partition_is_done() -> None:
    ahead = Ahead()
    wrote(ahead, {CLEAN: 9, CLAIMS: 4, ("hemis.findings.A", 0): 7})
    assert ahead.seconds({}) > 0
    assert ahead.seconds({CLEAN: 10, CLAIMS: 4}) > 0
    assert ahead.seconds({CLEAN: 10, CLAIMS: 5}) == 0.0


def test_the_oldest_output_decides() -> None:
    ahead = Ahead()
    wrote(ahead, {CLEAN: 9})
    wrote(ahead, {CLEAN: 19})
    first = ahead.seconds({})
    assert ahead.seconds({CLEAN: 10}) <= first + 1
    assert ahead.seconds({CLEAN: 10}) > 0
    assert ahead.seconds({CLEAN: 20}) == 0.0


def test_what_nobody_reports_on_holds_nobody_back() -> None:
    ahead = Ahead()
    wrote(ahead, {("hemis.findings.A", 0): 7, ("hemis.control.A", 0): 1})
    assert ahead.seconds({}) == 0.0


@pytest.mark.parametrize("offsets", [{CLEAN: 9}, {("hemis.dead-letters", 0): 7}])
def test_a_rest_is_as_long_as_the_last_unit_of_work_took(offsets: dict[tuple[str, int], int]) -> None:
    ahead = Ahead()
    wrote(ahead, offsets, began=time.monotonic() - 3600)
    assert ahead.seconds({CLEAN: 10}) == 0.0
    assert ahead.rests()
    wrote(ahead, offsets, began=time.monotonic() + 3600, records=SHARED_RUN)
    assert ahead.seconds({CLEAN: 10}) == 0.0
    assert not ahead.rests()


def test_who_keeps_up_rests_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run for each of its records would cost the others more than a larger one."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    ahead = Ahead()
    ahead.wrote({}, began=100.0, records=SHARED_RUN - 1)
    assert ahead.rests()
    clock[0] += REST_SECONDS
    assert not ahead.rests()
    ahead.wrote({}, began=clock[0], records=0)
    assert not ahead.rests(), "what was put off is worked off as fast as it is done"


def test_a_share_is_of_the_last_seconds() -> None:
    ahead, now = Ahead(), time.monotonic()
    wrote(ahead, {}, began=now - WINDOW_SECONDS - 1, records=SHARE)
    assert ahead.left() == SHARE
    wrote(ahead, {}, began=now + 60, records=SHARE - 1)
    assert ahead.left() == 1
    wrote(ahead, {}, began=now + 60, records=5000)
    assert ahead.left() == 0
