"""Admission (P5): how long an institution's oldest output has been waiting for those downstream."""

from __future__ import annotations

import time

import pytest

from stream_processors.admission import Ahead

CLEAN, CLAIMS = ("hemis.clean.person", 2), ("hemis.claims", 1)


def wrote(
    ahead: Ahead, offsets: dict[tuple[str, int], int], *, began: float | None = None, behind: bool = False
) -> None:
    ahead.wrote(offsets, began=time.monotonic() if began is None else began, behind=behind)


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
def test_who_is_behind_rests_as_long_as_its_last_unit_of_work_took(offsets: dict[tuple[str, int], int]) -> None:
    ahead = Ahead()
    wrote(ahead, offsets, began=time.monotonic() - 3600, behind=True)
    assert ahead.behind
    assert ahead.seconds({CLEAN: 10}) == 0.0
    assert ahead.rests()
    wrote(ahead, offsets, began=time.monotonic() + 3600)
    assert ahead.seconds({CLEAN: 10}) == 0.0
    assert not ahead.behind
    assert not ahead.rests()
