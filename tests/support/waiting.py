"""Waiting for a condition instead of for time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL_SECONDS = 0.02


def wait_until(condition: Callable[[], T], what: str, timeout: float = 30.0) -> T:
    """Poll until the condition holds, and return what it returned.

    An assertion or a connection that fails inside the condition counts as "not yet". At the deadline the error tells
    what was seen last.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            seen: object = (value := condition())
            if value:
                return value
        except (AssertionError, OSError) as error:
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain until {what}; last seen: {seen!r}")
        time.sleep(INTERVAL_SECONDS)
