"""What RECORDS and PEOPLE have in common: units that are restored, admitted and worked on, in the order that makes a crash safe.

A unit of work is all runs of one fetch. Its steps, and what a crash after each leaves:

1. decide: every unit on a scratch copy; nothing is written. A crash: read again.
2. outputs: clean records, claims, findings, control, dead letters, in one gather, acknowledged. A crash: they are written again,
   with the same versions. But the unit that is then made may end elsewhere, so that a state in which the lost one ended, and of
   which it spoke, is passed over. Hence **doubt**: what a lost unit can have read is settled record by record, so that whatever
   it said is said again, and then replaced by what is newer. What was due without reading is done again before all that (P9).
3. state: the changelog, whose last message per unit holds place and ledger, acknowledged; one batch, which the log takes whole or
   not. (Only above `WHOLE_BYTES` may it be torn; what is there of it is recognised by the place in each row.)
   A crash: the changelog has it.
   Its offsets go on where our last ones ended, unless somebody else wrote in between: then see `_mend`.
4. store: one write batch. A crash: it is read from the changelog.
5. places move in memory, and are committed to the group from time to time for tools to see.

The state-bearing output comes last (P1): otherwise "seen but not sent" would come back.
"""

from __future__ import annotations

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any, Generic, TypeVar

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from faust.types import TP

from schemas.errors import HemisError
from schemas.logs import log
from schemas.settings import ProcessorSettings
from stream_processors.outbox import Lease, LeaseLost, Outbox, Outputs, SendFailed
from stream_processors.runs import Runs
from stream_processors.scratch import Scratch
from stream_processors.store import Changelog, Store, noted_offset, offset_key
from stream_processors.topic_facts import TopicFacts

RESTORE_THREADS = 2
ASTRAY = 20
"""Runs in a row behind a hole, after which the log itself is asked: it may begin behind the place."""
LEASE = 0.75
"""Share of the session time-out, from the last answered heartbeat on, in which a worker may write. The broker counts the whole
time-out from that heartbeat's arrival, so nobody else has the units before."""

NO_RUNS: dict[TP, Sequence[ConsumerRecord]] = {}

Places = Mapping[TP, tuple[int, int]]
"""Of each partition its place, and where its log ended when that was read."""

U = TypeVar("U")
"""A restored unit."""
W = TypeVar("W", bound=Scratch)


class Stage(ABC, Generic[U, W]):
    """Restores units in the background and works on their runs. `name` is the stage's, for metrics and progress."""

    name: str
    pattern: re.Pattern[str]

    def __init__(self, settings: ProcessorSettings, store: Store) -> None:
        self._settings = settings
        self.store = store
        self.refresh_seconds = settings.refresh_seconds
        self.lease = Lease()
        self.lease_seconds = settings.session_timeout_seconds * LEASE
        self.units: dict[str, U] = {}
        self.topics: frozenset[str] = frozenset()
        self.app: Any = None
        self.mine: dict[str, set[TP]] = {}
        self.holes = 0
        self.errors: Counter[str] = Counter()
        """Transient errors by code."""
        self.batches: list[int] = []
        self.delays: list[float] = []
        self._place: dict[TP, int] = {}
        self._astray: dict[TP, int] = {}
        self._doubt: dict[str, dict[TP, int]] = {}
        self._lost: set[str] = set()
        """Units of which nothing was written since a unit of work may have been lost, perhaps one that had read nothing."""
        self._round = 0
        self._restoring: dict[str, asyncio.Task[None]] = {}
        self._pool = ThreadPoolExecutor(RESTORE_THREADS, thread_name_prefix="restore")
        self._outbox: Outbox | None = None
        self.clients = local()
        """Connections of the restoring threads, each thread its own."""

    # what a stage is

    @abstractmethod
    def unit_of(self, tp: TP) -> str:
        """The unit that a partition belongs to."""

    @abstractmethod
    def changelog(self, unit: str) -> tuple[str, int]:
        """Topic and partition of a unit's changelog."""

    @abstractmethod
    def restore(self, unit: str, partitions: set[TP]) -> tuple[U, Places]:
        """Bring the store up to the changelog's end. Runs in a thread; must not touch `self.units`."""

    @abstractmethod
    def written(self, unit: str, first: int, end: int) -> set[bytes]:
        """Keys of the unit's changelog messages in this range of offsets. Runs in a thread.

        Raises:
            KafkaException: try again.
        """

    @abstractmethod
    def decide(self, unit: U, runs: Mapping[TP, Sequence[ConsumerRecord]]) -> W:
        """Work on the unit's due records, on a scratch.

        Raises:
            HemisError (transient): nothing is decided; the records are read again.
        """

    def in_doubt(self, unit: str) -> bool:
        """May a lost unit of work have spoken of the records that come next? Then each must be settled by itself; and before them what
        was due without them, since the lost one did that on the same state."""
        ends = self._doubt.get(unit)
        if ends is None:
            return False
        if unit in self._lost or any(self._place.get(tp, end) < end for tp, end in ends.items()):
            return True
        del self._doubt[unit]
        return False

    def _now_in_doubt(self, unit: str, places: Places) -> None:
        self._lost.add(unit)
        self._doubt[unit] = {tp: min(place + self._settings.fetch_records, end) for tp, (place, end) in places.items()}

    def due(self) -> set[str]:
        """Restored units that have work of their own to do now: `decide` is called for them, with or without runs."""
        return set()

    def place_after(self, tp: TP, scratch: W, run: Sequence[ConsumerRecord]) -> int:
        """The partition's place after the scratch, which may not have come to the end of its run."""
        return int(run[-1].offset) + 1

    @abstractmethod
    def keep(self, unit: U, scratch: W, sent: Mapping[tuple[str, int], int]) -> None:
        """The scratch is written: it is the unit's state now. `sent`: the last offset of each output partition."""

    @abstractmethod
    def drop(self, unit: U) -> None:
        """The scratch came to nothing: forget what it changed in memory."""

    @abstractmethod
    def admitted(self, unit: str) -> int:
        """How many records of the unit's partitions to take now; 0 holds it back."""

    def _connected(self) -> Any:
        """This thread's connections: `facts` and `changelog`."""
        thread = self.clients
        if not hasattr(thread, "facts"):
            config, group = self._settings.kafka(), f"hemis-{self.name}-restore"
            thread.facts, thread.changelog = TopicFacts(config, group), Changelog(config, group)
        return thread

    # what the transport calls

    def suspend(self) -> None:
        """A rebalance began: nothing is read until the next assignment."""
        self._round += 1
        self.units.clear()

    def assigned(self, partitions: set[TP]) -> None:
        self._round += 1
        self.units.clear()
        self._place.clear()
        self.mine = {}
        for tp in partitions:
            self.mine.setdefault(self.unit_of(tp), set()).add(tp)
        for unit in self.mine:
            self._restoring[unit] = asyncio.ensure_future(self._restore(unit, self._round, self._restoring.get(unit)))

    async def _restore(self, unit: str, round_: int, before: asyncio.Task[None] | None) -> None:
        """Restore a unit, then read from its places. Again after each assignment: another worker may have written meanwhile.

        Of one unit only one restore runs at a time, or an older one would write over what the unit has done since.
        """
        if before is not None:
            await asyncio.wait([before])
        while round_ == self._round:
            try:
                found, known = await asyncio.get_running_loop().run_in_executor(
                    self._pool, self._restore_once, unit, self.mine[unit]
                )
                places = {tp: place for tp, (place, _) in known.items()}
                if round_ == self._round:
                    await self.app.consumer.seek_to(places)
                if round_ == self._round:
                    self._place.update(places)
                    self._now_in_doubt(unit, known)
                    self.units[unit] = found
                return
            except Exception as error:  # whatever it is, an institution must not wait for ever without a word
                self.errors[error.code if isinstance(error, HemisError) else "other"] += 1
                log(
                    "warning",
                    "a unit could not be restored yet",
                    stage=self.name,
                    unit=unit,
                    error=_name(error),
                )
                await asyncio.sleep(0.5)

    def _restore_once(self, unit: str, partitions: set[TP]) -> tuple[U, Places]:
        try:
            return self.restore(unit, partitions)
        except (HemisError, KafkaException):
            # A client that has seen a partition without a leader may never find the new one: the next try makes another.
            self.clients.__dict__.clear()
            raise

    def readable(self) -> dict[TP, int]:
        return {tp: most for unit in self.units if (most := self.admitted(unit)) for tp in self.mine.get(unit, ())}

    def places(self) -> dict[TP, int]:
        return dict(self._place)

    def lag(self, tp: TP, place: int) -> int:
        """Records between the place and the log's end, as far as the last fetch saw it."""
        try:
            end = self.app.consumer.highwater(tp)
        except KafkaError:  # given up meanwhile
            return 0
        return max((end or 0) - place, 0)

    async def process(self, runs: Runs) -> set[TP]:
        again: set[TP] = set()
        work: list[tuple[str, W, dict[TP, int]]] = []
        of_their_own = self.due()
        for unit, its in (dict.fromkeys(of_their_own, NO_RUNS) | self._by_unit(runs)).items():
            due: dict[TP, Sequence[ConsumerRecord]] = {}
            for tp, run in its.items():
                part = self._due(tp, run, again)
                if part:
                    due[tp] = part
            if not (due or unit in of_their_own) or unit not in self.units:
                continue
            try:
                scratch = self.decide(self.units[unit], due)
            except HemisError as error:
                if not error.transient:
                    raise
                self.errors[error.code] += 1
                log("warning", "a unit of work waits", stage=self.name, unit=unit, code=error.code)
                self.drop(self.units[unit])
                again |= set(due)
                await asyncio.sleep(0.2)
                continue
            places = {tp: self.place_after(tp, scratch, run) for tp, run in due.items()}
            again |= {tp for tp, run in due.items() if places[tp] <= run[-1].offset}
            work.append((unit, scratch, places))
            await asyncio.sleep(0)
        if work:
            await self._write(work)
        return again

    def _by_unit(self, runs: Runs) -> dict[str, dict[TP, Sequence[ConsumerRecord]]]:
        found: dict[str, dict[TP, Sequence[ConsumerRecord]]] = {}
        for tp, run in runs.items():
            if (unit := self.unit_of(tp)) in self.units:
                found.setdefault(unit, {})[tp] = run
        return found

    def _due(self, tp: TP, run: Sequence[ConsumerRecord], again: set[TP]) -> Sequence[ConsumerRecord]:
        """The part of a run that begins at the place. A run behind a hole is read again from the place."""
        place = self._place.get(tp)
        if place is None:
            return ()
        if run[0].offset > place:
            again.add(tp)
            self.holes += 1
            self._astray[tp] = self._astray.get(tp, 0) + 1
            if self._astray[tp] >= ASTRAY:
                self._restore_again(self.unit_of(tp))
            return ()
        self._astray.pop(tp, None)
        if run[-1].offset < place:
            # Nothing is read twice after a seek, so the topic was made anew: its events would be taken for old ones.
            self._restore_again(self.unit_of(tp))
            return ()
        return run if run[0].offset == place else [r for r in run if r.offset >= place]

    def _restore_again(self, unit: str) -> None:
        """The log is not what the place was taken from; a restore looks at topic id and ends, and says so (P2)."""
        log("warning", "a topic does not go on where it was left", stage=self.name, unit=unit)
        self.units.pop(unit, None)
        for tp in self.mine.get(unit, ()):
            self._place.pop(tp, None)
            self._astray.pop(tp, None)
        self._restoring[unit] = asyncio.ensure_future(self._restore(unit, self._round, self._restoring.get(unit)))

    def canaries(self) -> dict[str, tuple[float, float]]:
        """By institution: when the newest canary that has passed here began its way (Unix time), and how often one comes."""
        return {}

    def note(self, records: int, changed_at: Iterable[int]) -> None:
        """Keep the size of a unit of work and its changes' commit times (µs) for the metrics."""
        now = time.time_ns() // 1000
        self.batches.append(records)
        self.delays += [max(now - at, 0) / 1e6 for at in changed_at]

    async def _write(self, work: list[tuple[str, W, dict[TP, int]]]) -> None:
        outbox = self._outbox = self._outbox or Outbox(self.app)
        consumer, generation = self.app.consumer, self.app.consumer_generation_id
        self.lease.take(
            lambda: generation == self.app.consumer_generation_id and consumer.may_write(self.lease_seconds)
        )
        try:
            outputs: Outputs = {}
            for _, scratch, _ in work:
                for tp, messages in scratch.outputs.items():
                    outputs.setdefault(tp, []).extend(messages)
            sent = {tp: s.last_offset for tp, s in (await outbox.send(outputs)).items()}
            states = {self.changelog(unit): scratch.state() for unit, scratch, _ in work}
            stated = await outbox.send(states, whole=True)
            if not self.lease.holds:
                raise LeaseLost  # it may have come late, behind what a successor wrote: the store must not follow it
            changes: dict[bytes, bytes | None] = {}
            torn: list[tuple[str, int, int]] = []
            for unit, scratch, _ in work:
                log_, note = self.changelog(unit), offset_key(unit.encode())
                following = stated[log_].last_offset + 1
                expected = noted_offset(self.store.get(note))
                changes.update(scratch.store_changes())
                if expected is not None and following - len(states[log_]) > expected:
                    torn.append((unit, expected, following))
                else:
                    changes[note] = self.offset_note(unit, following)
            self.store.write(changes)
            for unit, expected, following in torn:
                await self._mend(outbox, unit, expected, following)
        except BaseException:
            for unit, _, places in work:
                if unit in self.units:
                    self.drop(self.units[unit])
                    ends = {tp: max(place, self._doubt.get(unit, {}).get(tp, 0)) for tp, place in places.items()}
                    self._now_in_doubt(unit, {tp: (self._place.get(tp, 0), end) for tp, end in ends.items()})
            raise
        finally:
            self.lease.release()
        for unit, scratch, places in work:
            self._lost.discard(unit)
            if unit in self.units:
                self.keep(self.units[unit], scratch, sent)
                self._place.update(places)

    async def _mend(self, outbox: Outbox, unit: str, first: int, end: int) -> None:
        """Somebody else wrote to the unit's changelog since our last message (P3): a former owner that was frozen between its
        last look at the lease and the socket, or ourselves, in a write whose answer got lost. Say again what we hold of every
        key in between, the account last; only then does the store's note move.
        """
        log("warning", "a changelog held messages of another writer", stage=self.name, unit=unit, messages=end - first)
        try:
            keys = await asyncio.get_running_loop().run_in_executor(self._pool, self.written, unit, first, end)
        except KafkaException as error:
            self.clients.__dict__.clear()
            raise SendFailed(_name(error)) from error
        account = unit.encode() + b"!account"
        messages = [(key, self.store.get(key)) for key in sorted(keys - {account})]
        messages.append((account, self.store.get(account)))
        following = (await outbox.send({self.changelog(unit): messages}))[self.changelog(unit)].last_offset + 1
        if not self.lease.holds:
            raise LeaseLost
        if following - len(messages) == end:
            self.store.write({offset_key(unit.encode()): self.offset_note(unit, following)})
        # else the note stays behind, and the next unit of work finds the same once more

    @abstractmethod
    def offset_note(self, unit: str, following: int) -> bytes:
        """What the store notes of the unit's changelog: its topic id and the offset that follows what the store holds."""

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.store.close()


def _name(error: BaseException) -> str:
    """An error's name for the log, without what a library says of it."""
    if isinstance(error, KafkaException):
        return str(error.args[0].name())
    return f"{error.code} {error.detail}".strip() if isinstance(error, HemisError) else type(error).__name__
