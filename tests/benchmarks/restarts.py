"""A RECORDS worker's start with many records stored: with its disk, and with an empty one.

The records are made (`states`), not sent: they go straight into the changelog topics and into the worker's store, which is
then what a worker leaves that was stopped.
"""

from __future__ import annotations

import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from deploy.local.stack import Stack
from deploy.provisioning import institution_user, provision_institution
from schemas.keys import PersonKeys
from schemas.registry import Registry
from schemas.topics import CHANGES, STATE
from stream_processors.contract import Contract
from stream_processors.records.institution import Indexes
from stream_processors.store import Store, offset_key, offset_note
from stream_processors.topic_facts import TopicFacts
from tests.benchmarks.children import Child
from tests.benchmarks.databases import service_groups
from tests.benchmarks.measure import Meter, cpu_seconds, memory_bytes
from tests.benchmarks.offsets import administrator
from tests.benchmarks.ours import prepare_bus, processor
from tests.benchmarks.states import States
from tests.benchmarks.waiting import until

BATCH = 5000
SAMPLE = 997
LIMIT = 3600.0
PSS_SECONDS = 0.25


@dataclass(frozen=True)
class Start:
    """`seconds`: process start to ready. `assigned` and `restored`: when it had its institutions, and from then on, how long
    it took to have all of them. `cpu`: seconds per process group."""

    seconds: float
    assigned: float
    restored: float
    peak: int
    cpu: dict[str, float]

    def facts(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds, 2),
            "seconds_until_assigned": round(self.assigned, 2),
            "seconds_of_restoring": round(self.restored, 2),
            "peak_pss_megabytes": round(self.peak / 2**20, 1),
            "cpu_seconds": self.cpu,
        }


class Loaded:
    """Institutions that hold `records` records in all, and one RECORDS worker that has them on its disk."""

    def __init__(self, stack: Stack, folder: Path, records: int, institutions: int, say: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.records = records
        self.bytes = 0
        self._stack = stack
        self._say = say
        self._data = folder / "worker"
        self._worker = processor(stack, folder, "records", "worker")
        registry = self._registry = Registry(stack.registry_url, folder / "schemas")
        prepare_bus(stack, registry)
        keys = PersonKeys(stack.secret("person-key").encode())
        share, more = divmod(records, institutions)
        self._shares = {f"G{n:03d}": share + (n <= more) for n in range(1, institutions + 1)}
        self._states = {code: States(registry, keys, code, n) for n, code in enumerate(self._shares, 1)}
        admin = administrator(stack)
        for code in self._shares:
            provision_institution(admin, code, stack.secret(f"kafka.{institution_user(code)}"))

    def load(self) -> float:
        """Write everything; returns the seconds it took."""
        began = time.monotonic()
        facts = TopicFacts(self._stack.admin_config(), "benchmark-growth")
        producer = Producer(
            {
                **self._stack.admin_config(),
                "enable.idempotence": True,
                "log_level": 0,
                "linger.ms": 20,
                "batch.size": 900_000,
                "queue.buffering.max.messages": 200_000,
            }
        )
        store, contract = Store(self._data / "state"), Contract(self._registry)
        done = 0
        for code, records in self._shares.items():
            topic = STATE.name_for(code)
            ids = facts.ids(CHANGES.name_for(code), topic)
            account = self._states[code].account(records, ids[CHANGES.name_for(code)]).dump()
            derive = Indexes(code, store, contract)
            for batch in self._batches(code, records):
                self._produce(producer, topic, batch)
                store.write({**batch, **derive(batch)})
            last: dict[bytes, bytes | None] = {f"{code}!account".encode(): account}
            self._produce(producer, topic, last)
            if producer.flush(60):
                raise RuntimeError(f"{topic}: not everything was written")
            _, end = facts.ends(topic, 0)
            if end != records + 1:
                raise RuntimeError(f"{topic} ends at {end}, not at {records + 1}")
            store.write({**last, offset_key(code.encode()): offset_note(ids[topic], end)})
            done += records
            self._say(f"{done:,} of {self.records:,} records made")
        store.close()
        return time.monotonic() - began

    def start(self) -> Start:
        """Start the worker and measure until it is ready. It runs on."""
        groups = service_groups(self._stack)
        meter = Meter(lambda: {**groups, "records": [self._worker.pid] if self._worker.pid else []})
        began = time.monotonic()
        self._worker.start()
        watch = _Watch(self._worker)
        ready = until(watch.ready, "the worker is ready", timeout=LIMIT, every=0.02, watch=self._worker.require)
        watch.weigh()
        assigned = watch.assigned or ready
        return Start(ready - began, assigned - began, ready - assigned, watch.peak, meter.read())

    def stop(self) -> None:
        self._worker.stop()

    def empty_disk(self) -> None:
        """Take away everything that the stopped worker has."""
        shutil.rmtree(self._data)

    def wait_for_quiet(self) -> None:
        """Wait until the broker no longer works on what was written: its cleaner would take CPU from the start."""
        broker = service_groups(self._stack)["broker"]
        since, before = time.monotonic(), sum(cpu_seconds(broker).values())

        def quiet() -> bool:
            nonlocal since, before
            if (now := time.monotonic()) - since < 2:
                return False
            spent = sum(cpu_seconds(broker).values()) - before
            rate = spent / (now - since)
            since, before = now, before + spent
            return rate < 0.3

        until(quiet, "the broker is quiet", timeout=300, every=0.1)

    def check(self) -> int:
        """Compare a sample of the stopped worker's store with what was made; returns the number of records compared.

        Raises:
            RuntimeError: the store lacks a record, holds another state of it, or stands elsewhere than at the topic's end.
        """
        compared = 0
        facts = TopicFacts(self._stack.admin_config(), "benchmark-growth")
        store = Store(self._data / "state")
        try:
            for code, records in self._shares.items():
                topic = STATE.name_for(code)
                _, end = facts.ends(topic, 0)
                if store.get(offset_key(code.encode())) != offset_note(facts.ids(topic)[topic], end):
                    raise RuntimeError(f"{code}: the store does not stand at the end of its changelog")
                for number in {*range(0, records, SAMPLE), records - 1}:
                    key, state = self._states[code].at(number)
                    compared += 1
                    if store.get(key) != state:
                        raise RuntimeError(f"{key!r} has another state than was made")
        finally:
            store.close()
        return compared

    def _batches(self, code: str, records: int) -> Iterator[dict[bytes, bytes | None]]:
        at = self._states[code].at
        for first in range(0, records, BATCH):
            batch: dict[bytes, bytes | None] = dict(map(at, range(first, min(first + BATCH, records))))
            self.bytes += sum(len(key) + len(state or b"") for key, state in batch.items())
            yield batch

    @staticmethod
    def _produce(producer: Producer, topic: str, messages: dict[bytes, bytes | None]) -> None:
        for key, value in messages.items():
            while True:
                try:
                    producer.produce(topic, value, key, partition=0)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)


class _Watch:
    """What a starting worker says of itself, and its memory."""

    def __init__(self, worker: Child) -> None:
        self._worker = worker
        self._url = worker.health.replace("/healthz", "/readyz")
        self._weighed = 0.0
        self.assigned = 0.0
        self.peak = 0

    def ready(self) -> object:
        """True, or what is wrong."""
        if time.monotonic() - self._weighed > PSS_SECONDS:
            self.weigh()
        try:
            with urllib.request.urlopen(self._url, timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode()
            if "restoring" in said and not self.assigned:
                self.assigned = time.monotonic()
            return said
        except OSError as error:
            return type(error).__name__

    def weigh(self) -> None:
        if self._worker.pid is not None:
            self._weighed = time.monotonic()
            self.peak = max(self.peak, memory_bytes([self._worker.pid]))
