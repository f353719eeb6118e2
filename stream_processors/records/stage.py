"""RECORDS as a stage: units are institutions; changes and orders of one institution are worked on together."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from aiokafka import ConsumerRecord
from faust.types import TP

from schemas.codec import codec
from schemas.errors import HemisError
from schemas.keys import PersonKeys, record_key
from schemas.logs import log
from schemas.settings import ProcessorSettings
from schemas.topics import CHANGES, ORDERS, STATE, institution_of, slot_of
from stream_processors.admission import SHARED_RUN, Ahead, Progress
from stream_processors.contract import Contract, Unreadable
from stream_processors.records import behind, changes, control, orders, steps
from stream_processors.records import row as rows
from stream_processors.records.brake import Brake
from stream_processors.records.institution import Indexes, Institution, Question
from stream_processors.records.settle import settle
from stream_processors.records.unit import Unit
from stream_processors.stage import Places, Stage
from stream_processors.store import Store, offset_note
from stream_processors.versions import Versions

Run = tuple[TP, Sequence[ConsumerRecord]]

ACTIVE_SECONDS = 2.0
BACKLOG = 500
"""Records that wait in an institution's topic behind a unit of work, from which on claims are put off."""
QUIET_SECONDS = 1.0
"""What was put off is worked off when for so long neither a snapshot nor a backlog was read."""
PATIENCE_SECONDS = 1.0
"""Of an institution that is never quiet, a small portion is worked off this often: nothing waits for ever."""


class Records(Stage[Institution, Unit]):
    name = "records"
    pattern = re.compile(r"hemis\.(changes|orders)\.[A-Z0-9-]+")

    def __init__(self, settings: ProcessorSettings, store: Store, contract: Contract, progress: Progress) -> None:
        super().__init__(settings, store)
        self._contract = contract
        self._progress = progress
        self._versions = Versions(contract, self._registry_is_away)
        self._keys = PersonKeys(settings.person_key_secret.reveal().encode())
        self._brake = Brake(settings.brake_share, settings.brake_least, int(settings.brake_window_seconds * 1e6))
        self._state_ids: dict[str, str] = {}
        self._active: dict[str, float] = {}
        self._loaded: dict[str, float] = {}
        self._worked_off: dict[str, float] = {}
        self.ahead: dict[str, Ahead] = {}

    def unit_of(self, tp: TP) -> str:
        return institution_of(tp.topic)

    def changelog(self, unit: str) -> tuple[str, int]:
        return STATE.name_for(unit), 0

    def offset_note(self, unit: str, following: int) -> bytes:
        return offset_note(self._state_ids[unit], following)

    def restore(self, unit: str, partitions: set[TP]) -> tuple[Institution, Places]:
        thread = self._connected()
        changes_topic, orders_topic, state_topic = (t.name_for(unit) for t in (CHANGES, ORDERS, STATE))
        ids = thread.facts.ids(changes_topic, state_topic)
        code = unit.encode()
        thread.changelog.restore(
            self.store,
            code,
            (code + b"/", code + b"!"),
            state_topic,
            0,
            ids[state_topic],
            Indexes(unit, self.store, self._contract),
        )
        self._state_ids[unit] = ids[state_topic]
        institution = Institution(unit, self.store)
        account = institution.account
        if account.topic_id not in (
            "",
            ids[changes_topic],
        ):  # the topic was made anew: offsets begin again, and whoever writes must say hello again
            account.generation += 1
            account.place, account.instance = 0, ""
        account.topic_id = ids[changes_topic]
        places = {}
        for topic, name in ((changes_topic, "place"), (orders_topic, "orders_place")):
            low, high = thread.facts.ends(topic, 0)
            place = getattr(account, name)
            if not low <= place <= high:
                account.alarm("gap")
                account.generation += place > high  # offsets are given out again: what follows must count as newer
                place = low
                setattr(account, name, place)
            places[TP(topic, 0)] = place, high
        return institution, {tp: known for tp, known in places.items() if tp in partitions}

    def written(self, unit: str, first: int, end: int) -> set[bytes]:
        found: set[bytes] = self._connected().changelog.keys(*self.changelog(unit), first, end)
        return found

    def admitted(self, unit: str) -> int:
        ahead = self.ahead.setdefault(unit, Ahead())
        waiting = ahead.seconds(self._progress.place)
        if not self._shares(unit):
            return 0 if waiting > self._settings.ahead_seconds else self._settings.fetch_records
        if left := ahead.left():
            return max(left, SHARED_RUN)
        return 0 if waiting or ahead.rests() else SHARED_RUN

    def _shares(self, unit: str) -> bool:
        """Is any other institution active, at this worker or, by what the sink does, at another?"""
        now = time.monotonic()
        if any(now - at < ACTIVE_SECONDS for name, at in self._active.items() if name != unit):
            return True
        return self._progress.others_move(slot_of(unit, self._settings.partitions), ACTIVE_SECONDS)

    def decide(self, unit: Institution, runs: Mapping[TP, Sequence[ConsumerRecord]]) -> Unit:
        scratch = Unit(unit, self.store, self._contract, self._keys, self._brake, self._settings.partitions)
        now = self._active[unit.code] = time.monotonic()
        scratch.careful = self.in_doubt(unit.code)
        if not scratch.careful:
            unit.doubted.clear()
        scratch.deferring = not scratch.careful and self._waits(runs)
        if scratch.deferring:
            self._loaded[unit.code] = now
        if unit.account.job:
            steps.go_on(scratch)
        else:
            if portion := behind.PORTION if scratch.careful and unit.behind else self._portion(unit):
                # Before the events, so that a lost unit of work and the one after it have done it on the same state.
                self._worked_off[unit.code] = now
                behind.work_off(scratch, time.time_ns() // 1000, portion)
                settle(scratch)
            for tp, run in self._in_order(runs, scratch):
                if scratch.account.job or scratch.stopped:
                    break
                if tp.topic.startswith("hemis.orders."):
                    self._orders(scratch, tp.topic, run)
                else:
                    self._changes(scratch, tp.topic, run)
                if scratch.careful:
                    settle(scratch)
        settle(scratch)
        return scratch

    @staticmethod
    def _in_order(runs: Mapping[TP, Sequence[ConsumerRecord]], scratch: Unit) -> Iterable[Run]:
        """Orders first: whatever comes before long work in a unit makes it wait for the next one. In doubt record by record, as
        they came."""
        if not scratch.careful:
            return sorted(runs.items(), reverse=True)
        each = [(record.timestamp, tp, record) for tp, run in runs.items() for record in run]
        each.sort(key=itemgetter(0))
        return [(tp, (record,)) for _, tp, record in each]

    def due(self) -> set[str]:
        """Institutions with long work to go on with, or that have put something off and are quiet now."""
        return {
            code
            for code, institution in self.units.items()
            if (self.admitted(code) if institution.account.job else self._portion(institution))
        }

    def _portion(self, unit: Institution) -> int:
        """How much of what was put off is to be worked off now."""
        if not unit.behind:
            return 0
        if self._quiet(unit.code):
            return behind.BUSY_PORTION if self._shares(unit.code) else behind.PORTION
        now = time.monotonic()
        return behind.BUSY_PORTION if now - self._worked_off.setdefault(unit.code, now) > PATIENCE_SECONDS else 0

    def _quiet(self, unit: str) -> bool:
        """Neither loads nor has anything on its way (P5): what was put off would else hold up what comes now, up to the limit of
        admission."""
        now = time.monotonic()
        if self._loaded.get(unit, 0.0) >= now - QUIET_SECONDS:
            return False
        ahead = self.ahead.setdefault(unit, Ahead())
        return not ahead.seconds(self._progress.place) and not ahead.rests()

    def _registry_is_away(self, code: str) -> None:
        self.errors[code] += 1

    def _ask_first(self, unit: Unit, topic: str, offset: int) -> bool:
        """Must the registry be asked about this message's schema id? Then the institution, and nobody else, waits for the answer."""
        if offset < unit.institution.answered.get(topic, 0):
            return False
        unit.institution.question = Question(time.monotonic(), topic, offset + 1 + self.lag(TP(topic, 0), offset + 1))
        unit.stopped = True
        self._versions.ask()
        return True

    def _asks(self, institution: Institution) -> bool:
        question = institution.question
        if question is not None and self._versions.asked_since(question.asked_at):
            institution.answered[question.topic] = question.until
            institution.question = None
        return institution.question is not None

    def readable(self) -> dict[TP, int]:
        busy = {code for code, one in self.units.items() if one.account.job or self._asks(one)}
        return {tp: most for tp, most in super().readable().items() if self.unit_of(tp) not in busy}

    def place_after(self, tp: TP, scratch: Unit, run: Sequence[ConsumerRecord]) -> int:
        account = scratch.account
        return account.orders_place if tp.topic.startswith("hemis.orders.") else account.place

    def _waits(self, runs: Mapping[TP, Sequence[ConsumerRecord]]) -> bool:
        """Is more to come than these runs?"""
        return any(self.lag(tp, run[-1].offset + 1) > BACKLOG for tp, run in runs.items())

    def _changes(self, unit: Unit, topic: str, run: Sequence[ConsumerRecord]) -> None:
        account, known = unit.account, self._contract.known
        for record in run:
            key, raw, offset = record.key, record.value or b"", record.offset
            account.place = offset + 1
            try:
                kind = known(raw)
                if kind is None:
                    if self._ask_first(unit, topic, offset):
                        account.place = offset
                        return
                    raise Unreadable("E102")
                if kind.name == "Sweep" and not unit.untouched:
                    unit.stopped, account.place = True, offset
                    return
                if kind.writer is not None:
                    raw = self._contract.translate(kind, raw)
                if kind.entity is None:
                    self._control(unit, kind.name, topic, offset, key, raw)
                    if account.job:
                        return
                    continue
                if kind.entity == "canary":
                    unit.stored_at = record.timestamp
                changes.change(unit, kind, key, raw, offset)
            except HemisError as error:
                if error.transient:
                    raise
                unit.dead_letter(error, topic, offset, key, record.value)
            except Exception as error:  # a defect of ours: it may cost one event, not the institution's stream (P5)
                self._defect(unit, topic, record, error)
            account.read += 1

    def _defect(self, unit: Unit, topic: str, record: ConsumerRecord, error: Exception) -> None:
        name = type(error).__name__
        log(
            "error",
            "an event could not be processed",
            action="report this defect",
            topic=topic,
            offset=record.offset,
            error=name,
        )
        unit.dead_letter(HemisError("E110", name), topic, record.offset, record.key, record.value)

    def _control(self, unit: Unit, name: str, topic: str, offset: int, key: bytes | None, raw: bytes) -> None:
        said = self._contract.decode(name, raw)
        match name:
            case "Hello":
                control.hello(unit, said, offset)
            case "Sweep":
                control.sweep(unit, said, offset)
            case "Oversized":
                control.oversized(unit, said, topic, offset, key, raw)

    def _orders(self, unit: Unit, topic: str, run: Sequence[ConsumerRecord]) -> None:
        for record in run:
            unit.account.orders_place = record.offset + 1
            try:
                said = self._contract.decode("Order", record.value or b"")
                if said["kind"] in orders.LONG and not unit.untouched:
                    unit.stopped, unit.account.orders_place = True, record.offset
                    return
                if self._contract.is_new(said["payload"] or b"") and self._ask_first(unit, topic, record.offset):
                    unit.account.orders_place = record.offset
                    return
                orders.order(unit, said, topic)
                if unit.account.job:
                    return
            except HemisError as error:
                if error.transient:
                    raise
                unit.account.read += 1
                unit.dead_letter(error, topic, record.offset, record.key, record.value)
            except Exception as error:  # a defect of ours must not be met again at every start (P5)
                self._defect(unit, topic, record, error)
                unit.account.read += 1

    def keep(self, unit: Institution, scratch: Unit, sent: Mapping[tuple[str, int], int]) -> None:
        changed_at = (scratch.newest.changed_at,) if scratch.newest else ()
        read = scratch.account.read - unit.account.read
        self.note(read, changed_at)
        unit.account, unit.behind = scratch.account, scratch.behind
        if not unit.behind:
            self._worked_off.pop(unit.code, None)
        if scratch.loaded:
            self._loaded[unit.code] = time.monotonic()
        self.ahead.setdefault(unit.code, Ahead()).wrote(sent, began=self._active[unit.code], records=read)

    def drop(self, unit: Institution) -> None:
        unit.reload_indexes()

    def canaries(self) -> dict[str, tuple[float, float]]:
        found = {}
        for code in list(self.units):
            state = self.store.get(record_key(code, "canary", ("agent",)).encode())
            if state is not None:
                row = rows.load(state)
                values, _ = codec("vn.hemis.Canary").decode(row.raw, row.body)
                found[code] = (row.changed_at / 1e6, float(values["interval_seconds"] or 15))
        return found

    def close(self) -> None:
        self._versions.close()
        super().close()

    def facts(self) -> dict[str, Any]:
        """What /metrics exports, by institution."""
        return {code: institution.account for code, institution in self.units.items()}
