"""Waiting for a condition, with a deadline that says what was seen last."""

import time
from collections.abc import Callable


def until(
    condition: Callable[[], object],
    what: str,
    *,
    timeout: float,
    every: float = 0.02,
    watch: Callable[[], None] | None = None,
) -> float:
    """Poll until the condition is true; returns the monotonic time at which it was seen.

    Args:
        every: seconds between polls; the resolution of what is measured with it.
        watch: called about once a second; raises if waiting has become pointless.

    Raises:
        TimeoutError: with the last value of the condition.
    """
    began = watched = time.monotonic()
    while True:
        seen = condition()
        now = time.monotonic()
        if seen is True:
            return now
        if now - began > timeout:
            raise TimeoutError(f"not in {timeout:.0f} s: {what}; last seen: {seen}")
        if watch is not None and now - watched > 1.0:
            watched = now
            watch()
        time.sleep(every)
