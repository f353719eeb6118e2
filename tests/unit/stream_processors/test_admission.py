"""Admission (P5): how long an institution's oldest output has been waiting for those downstream."""

from __future__ import annotations

from stream_processors.admission import Ahead

CLEAN, CLAIMS = ("hemis.clean.person", 2), ("hemis.claims", 1)


def test_nothing_written_is_nothing_ahead() -> None:
    assert Ahead().seconds({}) == 0.0


def test_an_output_counts_until_every_partition_is_done() -> None:
    ahead = Ahead()
    ahead.wrote({CLEAN: 9, CLAIMS: 4, ("hemis.findings.A", 0): 7})
    assert ahead.seconds({}) > 0
    assert ahead.seconds({CLEAN: 10, CLAIMS: 4}) > 0
    assert ahead.seconds({CLEAN: 10, CLAIMS: 5}) == 0.0


def test_the_oldest_output_decides() -> None:
    ahead = Ahead()
    ahead.wrote({CLEAN: 9})
    ahead.wrote({CLEAN: 19})
    first = ahead.seconds({})
    assert ahead.seconds({CLEAN: 10}) <= first + 1
    assert ahead.seconds({CLEAN: 10}) > 0
    assert ahead.seconds({CLEAN: 20}) == 0.0


def test_what_nobody_reports_on_holds_nobody_back() -> None:
    ahead = Ahead()
    ahead.wrote({("hemis.findings.A", 0): 7, ("hemis.control.A", 0): 1})
    assert ahead.seconds({}) == 0.0
