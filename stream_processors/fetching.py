"""aiokafka's fetcher without its pauses: each is short beside a batch, and long beside one record's whole way.

- It leaves a partition out of a fetch while what came before is not taken yet, and waits a tenth of a second before it does: a
  paused institution's buffer would keep the others' fetch waiting (P5).
- What comes next in a partition that was left out waits until that fetch returns: at once if anything comes elsewhere, else after its
  wait, which is therefore short if what came before is about to be taken.
- It may look what to do between the end of a fetch and the moment when the fetch counts as ended. Then it sleeps 0.2 s, with
  nothing under way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BACKOFF_SECONDS = 0.002
FETCH_WAIT_MS, SHORT_WAIT_MS = 40, 5
"""The broker answers at once when there is anything; this bounds how long a partition that becomes readable waits for a fetch that
is under way without it."""


def hurry(fetcher: Any, about_to_be_taken: Callable[[], bool]) -> None:
    """`about_to_be_taken`: is anything in the fetcher's buffer that the next turn will take?"""
    actions = fetcher._get_actions_per_node

    def with_its_wait(assignment: Any) -> Any:
        fetcher._fetch_max_wait_ms = SHORT_WAIT_MS if about_to_be_taken() else FETCH_WAIT_MS
        return actions(assignment)

    fetcher._get_actions_per_node = with_its_wait
    fetcher._prefetch_backoff = BACKOFF_SECONDS
    fetcher._in_flight = InFlight(fetcher)


class InFlight(set[Any]):
    """Nodes that a fetch is under way to. When one counts as ended, the fetcher looks again."""

    def __init__(self, fetcher: Any) -> None:
        super().__init__(fetcher._in_flight)
        self._fetcher = fetcher

    def discard(self, node: object) -> None:
        super().discard(node)
        self._fetcher._notify(self._fetcher._wait_consume_future)
