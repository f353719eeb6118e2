"""Units that are restored, and restored again when their log is not what their place was taken from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP

from stream_processors import runs
from stream_processors.outbox import Lease, LeaseLost, Message, Outputs, Sent
from stream_processors.scratch import Scratch
from stream_processors.stage import ASTRAY, Places, Stage
from stream_processors.store import Store, noted_offset, offset_key, offset_note

CHANGES = TP("hemis.changes.A", 0)


class Log(Stage[list[int], Scratch]):
    """Its units do nothing; `places` says what each restore finds, an exception among them is raised."""

    name = "log"

    def __init__(self, folder: Path, places: list[int | Exception]) -> None:
        super().__init__(
            cast(Any, SimpleNamespace(refresh_seconds=1, session_timeout_seconds=4 / 3, fetch_records=5)),
            Store(folder / "state"),
        )
        self.found = places
        self.sought: list[Mapping[TP, int]] = []
        self.changelog_messages: list[Message] = []
        self.app = SimpleNamespace(consumer=SimpleNamespace(seek_to=self._seek))

    async def _seek(self, places: Mapping[TP, int]) -> None:
        self.sought.append(places)

    def unit_of(self, tp: TP) -> str:
        return "A"

    def changelog(self, unit: str) -> tuple[str, int]:
        return "state", 0

    def restore(self, unit: str, partitions: set[TP]) -> tuple[list[int], Places]:
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return [], dict.fromkeys(partitions, (found, found + 3))

    def written(self, unit: str, first: int, end: int) -> set[bytes]:
        return {key for key, _ in self.changelog_messages[first:end]}

    def decide(self, unit: list[int], runs: Mapping[TP, Sequence[ConsumerRecord]]) -> Scratch:
        raise AssertionError("nothing is due in these tests")

    def keep(self, unit: list[int], scratch: Scratch, sent: Mapping[tuple[str, int], int]) -> None: ...

    def drop(self, unit: list[int]) -> None: ...

    def admitted(self, unit: str) -> int:
        return 1

    def offset_note(self, unit: str, following: int) -> bytes:
        return offset_note("id", following)

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


class Decided:
    """A scratch that sets one key and moves the account."""

    def __init__(self, key: bytes, value: bytes, account: bytes) -> None:
        self.outputs: Outputs = {}
        self._changes = {key: value, b"A!account": account}

    def state(self) -> list[Message]:
        return list(self._changes.items())

    def store_changes(self) -> Mapping[bytes, bytes | None]:
        return dict(self._changes)


class Broker:
    """Stands for the outbox: appends to the stage's changelog, after whatever `before` does."""

    def __init__(self, stage: Log) -> None:
        self._stage = stage
        self.before: list[Any] = []

    async def send(self, outputs: Outputs, *, whole: bool = False) -> dict[tuple[str, int], Sent]:
        log = self._stage.changelog_messages
        sent = {}
        for tp, messages in outputs.items():
            if self.before:
                self.before.pop(0)()
            log += messages
            sent[tp] = Sent(len(log) - 1)
        return sent


def writing(tmp_path: Path) -> tuple[Log, Broker, list[bool]]:
    """A stage that holds unit A with an empty changelog; the list says whether it is a member."""
    stage, member = Log(tmp_path, [0]), [True]
    stage.app.consumer.may_write = lambda seconds: member[0]
    stage.app.consumer_generation_id = 1
    stage.units["A"] = []
    stage.store.write({offset_key(b"A"): offset_note("id", 0)})
    broker = Broker(stage)
    stage._outbox = cast(Any, broker)
    return stage, broker, member


def test_what_a_former_owner_wrote_in_between_is_put_right(tmp_path: Path) -> None:
    stage, broker, _ = writing(tmp_path)

    async def scene() -> None:
        await stage._write([("A", Decided(b"A/x", b"new", b"10"), {})])
        await stage._write([("A", Decided(b"A/z", b"only", b"11"), {})])
        broker.before.append(lambda: stage.changelog_messages.extend([(b"A/x", b"old"), (b"A!account", b"9")]))
        await stage._write([("A", Decided(b"A/y", b"own", b"12"), {})])

    asyncio.run(scene())
    log = stage.changelog_messages
    assert dict(log) == {b"A/x": b"new", b"A/y": b"own", b"A/z": b"only", b"A!account": b"12"}
    assert log[-1] == (b"A!account", b"12")
    assert noted_offset(stage.store.get(offset_key(b"A"))) == len(log)
    stage.close()


def test_what_comes_late_is_not_taken_into_the_store(tmp_path: Path) -> None:
    """Frozen between the last look at the lease and the socket: the answer comes when the institution is another's."""
    stage, broker, member = writing(tmp_path)
    broker.before.append(lambda: member.__setitem__(0, False))
    with pytest.raises(LeaseLost):
        asyncio.run(stage._write([("A", Decided(b"A/x", b"late", b"10"), {})]))
    assert stage.store.get(b"A/x") is None
    assert noted_offset(stage.store.get(offset_key(b"A"))) == 0
    stage.close()


def test_what_a_lost_unit_can_have_read_is_in_doubt(tmp_path: Path) -> None:
    stage, _, member = writing(tmp_path)

    async def scene() -> None:
        stage.found = [7]
        stage.assigned({CHANGES})
        await stage.restored()
        assert stage.in_doubt("A")
        await stage._write([("A", Decided(b"A/x", b"1", b"1"), {CHANGES: 9})])
        assert stage.in_doubt("A")
        await stage._write([("A", Decided(b"A/x", b"2", b"2"), {CHANGES: 10})])
        assert not stage.in_doubt("A")
        member[0] = False
        with pytest.raises(LeaseLost):
            await stage._write([("A", Decided(b"A/x", b"3", b"3"), {CHANGES: 14})])
        assert stage.in_doubt("A")
        member[0] = True
        await stage._write([("A", Decided(b"A/x", b"4", b"4"), {CHANGES: 14})])
        assert not stage.in_doubt("A")

    asyncio.run(scene())
    stage.close()


def test_a_lost_unit_that_had_read_nothing_is_in_doubt_too(tmp_path: Path) -> None:
    """It may have said what follows from notes; they are worked off again before anything comes between."""
    stage, _, member = writing(tmp_path)

    async def scene() -> None:
        member[0] = False
        with pytest.raises(LeaseLost):
            await stage._write([("A", Decided(b"A/x", b"1", b"1"), {})])
        assert stage.in_doubt("A")
        member[0] = True
        await stage._write([("A", Decided(b"A/x", b"1", b"1"), {})])
        assert not stage.in_doubt("A")

    asyncio.run(scene())
    stage.close()
