"""Waiting says what it saw."""

import pytest

from tests.support.waiting import wait_until


def test_returns_what_the_condition_returned() -> None:
    answers = iter([0, 0, 7])
    assert wait_until(lambda: next(answers), "a number comes") == 7


def test_says_what_it_saw_last() -> None:
    with pytest.raises(AssertionError, match="until rows arrive; last seen: 0"):
        wait_until(lambda: 0, "rows arrive", timeout=0)


def test_a_failed_assertion_means_not_yet() -> None:
    def never() -> bool:
        raise AssertionError("three rows, not four")

    with pytest.raises(AssertionError, match="three rows, not four"):
        wait_until(never, "four rows arrive", timeout=0)
