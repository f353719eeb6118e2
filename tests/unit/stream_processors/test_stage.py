"""Units that are restored, and restored again when their log is not what their place was taken from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiokafka import ConsumerRecord
from faust.types import TP

from stream_processors import runs
from stream_processors.outbox import Lease
from stream_processors.scratch import Scratch
from stream_processors.stage import ASTRAY, Stage
from stream_processors.store import Store

CHANGES = TP("hemis.changes.A", 0)


class Log(Stage[list[int], Scratch]):
    """Its units do nothing; `places` says what each restore finds, an exception among them is raised."""

    name = "log"

    def __init__(self, folder: Path, places: list[int | Exception]) -> None:
        super().__init__(Store(folder / "state"), refresh_seconds=1, lease_seconds=1)
        self.found = places
        self.sought: list[Mapping[TP, int]] = []
        self.app = SimpleNamespace(consumer=SimpleNamespace(seek_to=self._seek))

    async def _seek(self, places: Mapping[TP, int]) -> None:
        self.sought.append(places)

    def unit_of(self, tp: TP) -> str:
        return "A"

    def changelog(self, unit: str) -> tuple[str, int]:
        return "state", 0

    def restore(self, unit: str, partitions: set[TP]) -> tuple[list[int], dict[TP, int]]:
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return [], dict.fromkeys(partitions, found)

    def decide(self, unit: list[int], runs: Mapping[TP, Sequence[ConsumerRecord]]) -> Scratch:
        raise AssertionError("nothing is due in these tests")

    def keep(self, unit: list[int], scratch: Scratch, sent: Mapping[tuple[str, int], int]) -> None: ...

    def drop(self, unit: list[int]) -> None: ...

    def admitted(self, unit: str) -> int:
        return 1

    def offset_note(self, unit: str, following: int) -> bytes:
        return b""

    async def restored(self) -> None:
        await asyncio.wait_for(asyncio.gather(*self._restoring.values()), 10)


def run(*offsets: int) -> dict[TP, list[ConsumerRecord]]:
    return {CHANGES: [cast(ConsumerRecord, SimpleNamespace(offset=offset)) for offset in offsets]}


def test_a_restore_that_fails_for_an_unknown_reason_is_tried_again(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Log(tmp_path, [RuntimeError("disk"), 7])
        stage.assigned({CHANGES})
        await stage.restored()
        assert stage.places() == {CHANGES: 7}
        stage.close()

    asyncio.run(scene())


def test_a_topic_made_anew_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Log(tmp_path, [1000, 0])
        stage.assigned({CHANGES})
        await stage.restored()
        assert await stage.process(run(0, 1)) == set()
        assert not stage.readable()
        await stage.restored()
        assert (stage.places(), stage.sought[-1]) == ({CHANGES: 0}, {CHANGES: 0})
        stage.close()

    asyncio.run(scene())


def test_a_log_that_begins_behind_the_place_does_not_stop_its_institution(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Log(tmp_path, [10, 50])
        stage.assigned({CHANGES})
        await stage.restored()
        for _ in range(ASTRAY):
            assert await stage.process(run(50)) == {CHANGES}
        await stage.restored()
        assert stage.places() == {CHANGES: 50}
        assert stage.holes == ASTRAY
        stage.close()

    asyncio.run(scene())


def test_a_lease_runs_from_the_last_answered_heartbeat(monkeypatch: Any) -> None:
    clock, answers = [100.0], [True, False]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    async def beat() -> bool:
        clock[0] += 2  # the answer takes its time; what counts is when the question left
        return answers.pop(0)

    coordinator = SimpleNamespace(_do_heartbeat=beat)
    consumer = cast(runs.Consumer, SimpleNamespace(given_up=False, member_at=90.0))
    runs.watch_heartbeats(coordinator, consumer)
    asyncio.run(coordinator._do_heartbeat())
    assert consumer.member_at == 100
    asyncio.run(coordinator._do_heartbeat())
    assert consumer.member_at == 100
    lease = Lease()
    assert lease.holds
    lease.take(lambda: runs.Consumer.may_write(consumer, 7.5))
    assert lease.holds
    clock[0] = 108  # frozen while it decided: it may not write, although its writing has only begun
    assert not lease.holds
