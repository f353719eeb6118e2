"""MATCHER as a stage. It reads every partition of hemis.claims, and the ministry's orders for what was decided; it writes findings.

It scales with one core and one machine's memory: about 3 kB and less than a millisecond a claim. A second worker stands by. To
spread it, blocks would have to be partitioned by key, each claim going to some twenty of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from aiokafka import ConsumerRecord
from faust.types import TP

from schemas.errors import HemisError
from schemas.logs import log
from schemas.settings import ProcessorSettings
from schemas.topics import CLAIMS, FINDINGS, MATCHER_STATE, ORDERS
from stream_processors.contract import Contract
from stream_processors.matcher.memory import ACCOUNT, UNIT, Account, Memory
from stream_processors.matcher.unit import Unit
from stream_processors.stage import Places, Stage
from stream_processors.store import Store, noted_offset, offset_key, offset_note


class Matching(Stage[Memory, Unit]):
    name = "matcher"
    pattern = re.compile(f"{re.escape(CLAIMS.name)}|{re.escape(ORDERS.prefix)}.+")

    def __init__(self, settings: ProcessorSettings, store: Store, contract: Contract) -> None:
        super().__init__(settings, store)
        self._contract = contract
        self._state_id = ""
        self._memory: tuple[int | None, Memory] | None = None
        """What was restored or kept last, and up to where in the changelog: a rebalance need not make it anew."""
        self._scratch: Unit | None = None

    def unit_of(self, tp: TP) -> str:
        return UNIT

    def changelog(self, unit: str) -> tuple[str, int]:
        return MATCHER_STATE.name, 0

    def offset_note(self, unit: str, following: int) -> bytes:
        return offset_note(self._state_id, following)

    def restore(self, unit: str, partitions: set[TP]) -> tuple[Memory, Places]:
        thread = self._connected()
        ids = thread.facts.ids(MATCHER_STATE.name, *sorted({tp.topic for tp in partitions}))
        self._state_id = ids[MATCHER_STATE.name]
        code = unit.encode()
        thread.changelog.restore(
            self.store, code, (code + b"/", ACCOUNT), MATCHER_STATE.name, 0, self._state_id, lambda _: {}
        )
        noted = noted_offset(self.store.get(offset_key(code)))
        if self._memory is None or self._memory[0] != noted or self._scratch is not None:
            self._scratch = None
            self._memory = (noted, Memory(self.store))
        memory = self._memory[1]
        return memory, {tp: self._place_of(memory.account, tp, ids[tp.topic]) for tp in partitions}

    def _place_of(self, account: Account, tp: TP, topic_id: str) -> tuple[int, int]:
        """Where to go on, and the log's end. A topic that was made anew begins again, one generation later."""
        name = _name(tp.topic, tp.partition)
        if account.topic_ids.get(tp.topic, topic_id) != topic_id:
            account.generation += 1
            account.places = {key: 0 if key.startswith(f"{tp.topic}|") else at for key, at in account.places.items()}
        account.topic_ids[tp.topic] = topic_id
        ends: tuple[int, int] = self._connected().facts.ends(tp.topic, tp.partition)
        low, high = ends
        place = account.places.get(name, low)
        if not low <= place <= high:
            log(
                "error",
                "messages were deleted before they were read",
                action="reload every institution",
                topic=tp.topic,
            )
            account.generation += 1
            place = low
        account.places[name] = place
        return place, high

    def written(self, unit: str, first: int, end: int) -> set[bytes]:
        found: set[bytes] = self._connected().changelog.keys(*self.changelog(unit), first, end)
        return found

    def admitted(self, unit: str) -> int:
        return self._settings.fetch_records // 10

    def decide(self, unit: Memory, runs: Mapping[TP, Sequence[ConsumerRecord]]) -> Unit:
        scratch, careful = Unit(unit, self.store, self._contract, self._on_bus), self.in_doubt(UNIT)
        try:
            for tp, run in runs.items():
                take = scratch.claim if tp.topic == CLAIMS.name else scratch.order
                for record in run:
                    self._take(take, record)
                    if careful:
                        scratch.settle()
                scratch.account.places[_name(tp.topic, tp.partition)] = run[-1].offset + 1
            scratch.settle()
        except BaseException:
            scratch.undo()
            raise
        self._scratch = scratch
        return scratch

    def _take(self, take: Callable[[bytes], None], record: ConsumerRecord) -> None:
        try:
            take(record.value or b"")
        except HemisError as error:  # RECORDS and the ministry write here: a defect, not an institution's fault
            if error.transient:
                raise
            log(
                "error",
                "a message can't be decoded",
                action="report this defect",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                code=error.code,
            )

    def _on_bus(self, institution: str) -> bool:
        return FINDINGS.name_for(institution) in self.topics

    def keep(self, unit: Memory, scratch: Unit, sent: Mapping[tuple[str, int], int]) -> None:
        if scratch.memory is not unit:  # restored meanwhile, without what was just written
            self._memory, self._scratch = None, None
            self._restore_again(UNIT)
            return
        self.note(len(scratch.changed_at), scratch.changed_at)
        unit.account = scratch.account
        self._scratch = None
        self._memory = (noted_offset(self.store.get(offset_key(UNIT.encode()))), unit)

    def drop(self, unit: Memory) -> None:
        if self._scratch is not None:
            self._scratch.undo()
            self._scratch = None

    def facts(self) -> dict[str, Account]:
        return {name: memory.account for name, memory in self.units.items()}


def _name(topic: str, partition: int) -> str:
    return f"{topic}|{partition}"
