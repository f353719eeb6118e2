"""The fetcher between its turns: a real one, and a broker that answers as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.structs import TopicPartition

from stream_processors.fetching import FETCH_WAIT_MS, SHORT_WAIT_MS, hurry

NOBODY_WAKES_IT = 3600.0
HERE, THERE = TopicPartition("hemis.changes.UNI-A", 0), TopicPartition("hemis.changes.UNI-B", 0)

Answer = Callable[[Any, Any], Awaitable[None]]


def fetched(answer: Answer, about_to_be_taken: Callable[[], bool] = lambda: False, count: int = 2) -> list[int]:
    """The waits of the first fetches, in ms; each comes back empty as soon as `answer` returns."""

    async def run() -> list[int]:
        requests: list[int] = []
        enough = asyncio.Event()

        async def send(node: int, request: Any) -> Any:
            requests.append(request._max_wait_ms)
            if len(requests) == count:
                enough.set()
                await asyncio.Event().wait()
            await answer(fetcher, request)
            return SimpleNamespace(API_VERSION=4, topics=[])

        loop = asyncio.get_running_loop()
        cluster = SimpleNamespace(leader_for_partition=lambda _: 1)
        client: Any = SimpleNamespace(_loop=loop, _metadata_max_age_ms=1000, cluster=cluster, send=send)
        subscriptions = SubscriptionState(loop=loop)
        subscriptions.assign_from_user({HERE, THERE})
        for tp in (HERE, THERE):
            subscriptions.seek(tp, 0)
        fetcher = Fetcher(client, subscriptions, fetcher_timeout=NOBODY_WAKES_IT)
        hurry(fetcher, about_to_be_taken)
        try:
            await asyncio.wait_for(enough.wait(), 30)
        finally:
            await fetcher.close()
        return requests

    return asyncio.run(run())


async def at_once(fetcher: Any, _: Any) -> None:
    await asyncio.sleep(0)


async def just_when_something_is_taken(fetcher: Any, _: Any) -> None:
    """The fetch ends in the very turn of the loop in which the fetcher looks again, for another reason."""
    fetcher._notify(fetcher._wait_consume_future)
    await asyncio.sleep(0)


def test_a_fetch_that_ends_while_the_fetcher_looks_is_followed_by_the_next() -> None:
    assert len(fetched(just_when_something_is_taken, count=20)) == 20


def test_a_fetch_waits_shortly_only_while_something_is_about_to_be_taken() -> None:
    taken = iter([True, False])
    assert fetched(at_once) == [FETCH_WAIT_MS] * 2
    assert fetched(at_once, lambda: next(taken, False)) == [SHORT_WAIT_MS, FETCH_WAIT_MS]
