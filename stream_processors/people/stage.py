"""PEOPLE as a stage: units are partitions of hemis.claims; the unit of the decision is one person."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord
from confluent_kafka import Producer
from faust.types import TP

from schemas.errors import HemisError
from schemas.keys import PersonKeys
from schemas.logs import log
from schemas.settings import ProcessorSettings
from schemas.topics import CLAIMS, FINDINGS, PEOPLE_STATE, PROGRESS
from stream_processors.contract import Contract
from stream_processors.people.unit import Account, Partition, Unit
from stream_processors.stage import Places, Stage
from stream_processors.store import Store, offset_note


class People(Stage[Partition, Unit]):
    name = "people"
    pattern = re.compile(re.escape(CLAIMS.name))

    def __init__(self, settings: ProcessorSettings, store: Store, contract: Contract) -> None:
        super().__init__(settings, store)
        self._contract = contract
        self._keys = PersonKeys(settings.person_key_secret.reveal().encode())
        self._state_id = ""
        # Progress that an outage loses, or puts out of order, would hold back RECORDS until the next claim.
        lasting = {"message.timeout.ms": 0, "max.in.flight.requests.per.connection": 1}
        self._progress = Producer(settings.kafka(**{"linger.ms": 5, **lasting}))

    def unit_of(self, tp: TP) -> str:
        return str(tp.partition)

    def changelog(self, unit: str) -> tuple[str, int]:
        return PEOPLE_STATE.name, int(unit)

    def offset_note(self, unit: str, following: int) -> bytes:
        return offset_note(self._state_id, following)

    def restore(self, unit: str, partitions: set[TP]) -> tuple[Partition, Places]:
        thread = self._connected()
        ids = thread.facts.ids(CLAIMS.name, PEOPLE_STATE.name)
        self._state_id = ids[PEOPLE_STATE.name]
        code = unit.encode()
        thread.changelog.restore(
            self.store,
            code,
            (code + b"/", code + b"!"),
            PEOPLE_STATE.name,
            int(unit),
            self._state_id,
            lambda _: {},
        )
        partition = Partition(unit, self.store)
        account = partition.account
        if account.topic_id not in ("", ids[CLAIMS.name]):
            account.generation, account.place = account.generation + 1, 0
        account.topic_id = ids[CLAIMS.name]
        low, high = thread.facts.ends(CLAIMS.name, int(unit))
        if not low <= account.place <= high:
            log("error", "claims were deleted before they were read", action="reload every institution", partition=unit)
            account.generation += account.place > high  # offsets are given out again
            account.place = low
        self._say(partition)
        return partition, dict.fromkeys(partitions, (account.place, high))

    def written(self, unit: str, first: int, end: int) -> set[bytes]:
        found: set[bytes] = self._connected().changelog.keys(*self.changelog(unit), first, end)
        return found

    def admitted(self, unit: str) -> int:
        return self._settings.fetch_records // 4

    def decide(self, unit: Partition, runs: Mapping[TP, Sequence[ConsumerRecord]]) -> Unit:
        scratch = Unit(unit, self.store, self._contract, self._keys, self._settings.partitions, self._on_bus)
        careful = self.in_doubt(unit.number)
        for run in runs.values():
            for record in run:
                scratch.account.place = record.offset + 1
                try:
                    scratch.take(record.value or b"", record.offset)
                except HemisError as error:  # only RECORDS writes here: a defect, not an institution's fault
                    if error.transient:
                        raise
                    log(
                        "error",
                        "a claim can't be decoded",
                        action="report this defect",
                        partition=record.partition,
                        offset=record.offset,
                        code=error.code,
                    )
                if careful:
                    scratch.settle()
        scratch.settle()
        return scratch

    def _on_bus(self, institution: str) -> bool:
        return FINDINGS.name_for(institution) in self.topics

    def keep(self, unit: Partition, scratch: Unit, sent: Mapping[tuple[str, int], int]) -> None:
        self.note(scratch.account.place - unit.account.place, scratch.changed_at)
        unit.account = scratch.account
        self._say(unit)

    def _say(self, unit: Partition) -> None:
        value = self._contract.encode(
            "Progress",
            {
                "stage": self.name,
                "topic": CLAIMS.name,
                "partition": int(unit.number),
                "place": unit.account.place,
                "at": time.time_ns() // 1000,
            },
        )
        self._progress.produce(PROGRESS.name, value, f"people/{CLAIMS.name}/{unit.number}".encode(), partition=0)
        self._progress.poll(0)

    def drop(self, unit: Partition) -> None:
        """A scratch of PEOPLE changes nothing in memory."""

    def facts(self) -> dict[str, Account]:
        return {number: partition.account for number, partition in self.units.items()}

    def close(self) -> None:
        self._progress.flush(5)
        super().close()
