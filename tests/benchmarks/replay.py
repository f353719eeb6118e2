"""`python -m tests.benchmarks replay`: dead letters replayed by the operator's command, through RECORDS. Ours only.

The letters hold good events of records that do not exist yet, as they lie there after a mend: each must be applied, once, and counted, once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.local.stack import Stack
from deploy.provisioning import role_user
from schemas import envelope
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.registry import Registry
from schemas.topics import CHANGES, DEAD_LETTERS, ORDERS, partition_of
from tests.benchmarks.course import Course, Options
from tests.benchmarks.measure import RESULTS, Result, machine, say, table, write
from tests.benchmarks.ours import Ours
from tests.benchmarks.run import SECURITY, STACK_SETTINGS
from tests.benchmarks.waiting import until

REPLAY_RESULTS = RESULTS.with_name("replay.jsonl")
GOAL = 5_000.0
FIRST = 9_000_000
"""Number of the first record that no source row has."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if the rate is below the goal.

    Raises:
        RuntimeError: a letter was lost, or counted twice.
    """
    given = _parse(arguments)
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-replay-")))
        stack = Stack(home / "stack", jit="full", settings=STACK_SETTINGS, security=SECURITY)
        stack.up(say)
        last.callback(stack.down)
        ours = Ours(stack, home / "ours")
        last.callback(ours.close)
        course = Course(ours, Options(rows=given.rows))
        course.load(given.rows)
        ours.start_delivery()
        ours.wait_delivery()
        desk = _Desk(ours, home)
        say(f"writing {given.letters:,} dead letters")
        desk.bury(given.letters)
        until(lambda: bool(desk.ledger()), "RECORDS serves the institution", timeout=60)
        before = desk.ledger()
        began = time.perf_counter()
        told = desk.replay()
        seconds = time.perf_counter() - began
        after = desk.ledger()
        say(f"{told} in {seconds:.1f} s")
        grown = {fate: after[fate] - before[fate] for fate in after}
        _require(
            told | {"left": {}},
            {"replayed": given.letters, "taken": given.letters, "came_back": {}, "waiting": 0, "left": {}},
        )
        _require(
            grown | {"read": grown["read"] - given.letters, "applied": grown["applied"] - given.letters},
            dict.fromkeys(grown, 0.0),
        )
        again = desk.replay()
        _require(again["replayed"], 0)
        _require(again["left"], {"replayed already": given.letters})
        _require(desk.orders(), given.letters)
    rate = given.letters / seconds
    conditions = {"machine": machine(), "letters": given.letters, "rows": given.rows * 3, "seconds": round(seconds, 2)}
    result = Result("dead letters: replay", "letters/s", round(rate), None, "more", conditions)
    REPLAY_RESULTS.unlink(missing_ok=True)
    write(result, REPLAY_RESULTS)
    say("\n" + table([result]))
    return int(rate < GOAL)


class _Desk:
    """The operator's command, and what is known from outside."""

    def __init__(self, ours: Ours, home: Path) -> None:
        self._ours, self._stack, self._code = ours, ours.stack, ours.main.code
        operator = role_user("operator")
        self._home = home
        self._settings = home / "operator.yaml"
        known = {
            **self._stack.transport,
            "kafka_user": operator,
            "kafka_password": self._stack.secret(f"kafka.{operator}"),
            "registry_url": self._stack.registry_url,
            "data": str(home / "operator"),
        }
        self._settings.touch(mode=0o600)
        self._settings.write_text(yaml.safe_dump(known), "utf-8")

    def bury(self, count: int) -> None:
        """Write dead letters about so many new records."""
        registry = Registry(self._stack.registry_url, self._home / "schemas")
        head = envelope.header(registry.id_of(subject("DeadLetter")))
        encode = codec(subject("DeadLetter")).encode
        partition = partition_of(self._code.encode(), DEAD_LETTERS.partitions or 1)
        producer = Producer(self._stack.admin_config() | {"linger.ms": 5, "queue.buffering.max.messages": count + 1000})
        for number, (key, value) in enumerate(self._events(count)):
            letter = {
                "institution": self._code, "topic": CHANGES.name_for(self._code), "partition": 0, "offset": number, "code": "E110",
                "reason": "mended", "found_at": time.time_ns() // 1000, "attempts": 0, "key": key, "value": value,
            }  # fmt: skip
            producer.produce(DEAD_LETTERS.name, head + encode(letter), self._code.encode(), partition)
            producer.poll(0)
        if producer.flush(60):
            raise RuntimeError("the letters could not be written")

    def _events(self, count: int) -> Iterator[tuple[bytes, bytes]]:
        raw = self._genuine()
        event = envelope.read(raw)
        entity = event.record_key.split("/")[1]
        for number in range(FIRST, FIRST + count):
            key = f"{self._code}/{entity}/{number}"
            prefix = envelope.write(
                envelope.schema_id_of(raw), operation=event.operation, snapshot=False, version=event.version, changed_at=event.changed_at,
                captured_at=event.captured_at, instance=event.instance, source_table=event.source_table, record_key=key,
            )  # fmt: skip
            yield key.encode(), prefix + raw[event.body :]

    def _genuine(self) -> bytes:
        """An event that the agent sent: of a learner, who hangs from a person that is there."""
        for message in self._read(CHANGES.name_for(self._code)):
            if (message.key() or b"").startswith(f"{self._code}/learner/".encode()):
                return bytes(message.value() or b"")
        raise RuntimeError("no learner came")

    def replay(self) -> dict[str, Any]:
        command = [
            sys.executable,
            "-m",
            "deploy.command",
            "dead-letters",
            "replay",
            "--institution",
            self._code,
            "--json",
            "--wait",
            "300",
        ]
        done = subprocess.run(
            [*command, "--settings", str(self._settings)], capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 1) or not done.stdout:
            raise RuntimeError(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def ledger(self) -> dict[str, float]:
        """RECORDS' ledger of the institution, by fate."""
        return self._ours.ledger(self._code)

    def orders(self) -> int:
        """Orders that were ever given."""
        return sum(1 for _ in self._read(ORDERS.name_for(self._code)))

    def _read(self, topic: str) -> Iterator[Any]:
        config = {"group.id": "benchmark-replay", "enable.auto.commit": False}
        consumer = Consumer(self._stack.admin_config() | config)
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)
            consumer.assign([TopicPartition(topic, 0, 0)])
            place = 0
            while place < end:
                for message in consumer.consume(5000, 1.0):
                    if message.error() is None:
                        place = message.offset() + 1
                        yield message
        finally:
            consumer.close()


def _require(found: object, wanted: object) -> None:
    if found != wanted:
        raise RuntimeError(f"{found}, not {wanted}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks replay", description=__doc__)
    parser.add_argument("--letters", type=int, default=100_000, help="dead letters (default 100,000)")
    parser.add_argument("--rows", type=int, default=2_000, help="rows per source table, loaded before (default 2,000)")
    parser.add_argument("--home", help="folder to keep the stack and all logs in (default: a temporary one)")
    return parser.parse_args(arguments)
