"""`python -m tests.benchmarks neighbour`: what the others feel of an institution that sends fifty times its share.

Twenty institutions with the quotas that `hemis institution add` gives, each with its own user, through the agent's own publisher; without
source databases. From the moment at which an event is handed to the publisher to its commit in the national database, on one clock.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from deploy import quotas
from deploy.local.stack import Stack
from deploy.membership import Membership
from deploy.provisioning import institution_user
from producers.publisher import Lane, Publisher
from schemas.settings import OperatorSettings, Secret
from schemas.topics import CHANGES
from tests.benchmarks.latency import WARM_SECONDS
from tests.benchmarks.measure import RESULTS, Result, machine, percentile, say, table, write
from tests.benchmarks.offsets import administrator
from tests.benchmarks.ours import Ours
from tests.benchmarks.run import SECURITY, STACK_SETTINGS
from tests.benchmarks.waiting import until
from tests.benchmarks.workload import FAMILY, GIVEN, MIDDLE
from tests.support.voice import Voice

NEIGHBOUR_RESULTS = RESULTS.with_name("neighbour.jsonl")
GOAL = 1.10
TICK_SECONDS = 0.01
BUFFER_BYTES = 64 << 20
LIMIT = 300.0
ENTITIES = ("person", "learner", "study_record")
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

Sent = dict[str, int]
"""When each record was sent last, µs since 1970."""


class University:
    """Sends changes of its records, the next one each time, three entities in turn."""

    def __init__(self, stack: Stack, code: str, number: int, records: int, voice: Voice, folder: Path) -> None:
        self.code = code
        self._number, self._records, self._voice = number, records, voice
        config = stack.client_config(institution_user(code)) | {"log_level": 0}
        self._publisher = Publisher(config, CHANGES.name_for(code), BUFFER_BYTES, 0, folder)
        self._lane = Lane(self._publisher)
        self._turn = itertools.count()

    def fill(self) -> Sent:
        """Say hello, and every record once."""
        self._send(b"hello", self._voice.hello())
        return dict(self.change() for _ in range(self._records * len(ENTITIES)))

    def change(self) -> tuple[str, int]:
        """Send the next record; its key, and when it was sent."""
        turn, entity = divmod(next(self._turn), len(ENTITIES))
        key, values = self._record(ENTITIES[entity], turn % self._records, turn)
        at = time.time_ns() // 1000
        self._send(key.encode(), self._voice.change(key, values, at))
        return key, at

    def buffered(self) -> int:
        """Bytes that the broker has not acknowledged."""
        self._lane.rest(0)
        return self._lane.buffered

    def close(self) -> None:
        self._publisher.close()

    def _send(self, key: bytes, value: bytes) -> None:
        self._lane.send([(key, value)], 0, 0)

    def _record(self, entity: str, n: int, turn: int) -> tuple[str, dict[str, Any]]:
        """Nothing is wrong with it, and it differs from what it was."""
        code = self.code
        values: dict[str, dict[str, Any]] = {
            "person": {
                "full_name": f"{FAMILY[n % 16]} {MIDDLE[n // 16 % 12]} {GIVEN[n // 192 % 24]}", "sex": "M",
                "birth_date": f"2001-{n % 12 + 1:02d}-{n % 28 + 1:02d}", "citizen_number": f"001201{self._number:02d}{n:04d}",
                "permanent_address": f"{turn} Lê Lợi",
            },
            "learner": {"code": f"SV{n}", "person": f"{code}/person/{n}", "email": f"sv{n}.{turn}@example.edu.vn"},
            "study_record": {"local_id": f"HS{n}", "learner": f"{code}/learner/{n}", "enrolment_decision": f"{turn}/QĐ-2026"},
        }  # fmt: skip
        return f"{code}/{entity}/{n}", values[entity]


class Noise(threading.Thread):
    """One university that sends at a steady rate, until `end`."""

    def __init__(self, university: University, rate: float) -> None:
        super().__init__(name="noise", daemon=True)
        self._university, self._rate = university, rate
        self._over = threading.Event()
        self.newest: Sent = {}
        self.sent = 0

    def run(self) -> None:
        began = time.perf_counter()
        while not self._over.wait(TICK_SECONDS):
            while self.sent < (time.perf_counter() - began) * self._rate:
                key, at = self._university.change()
                self.newest[key] = at
                self.sent += 1

    def end(self) -> None:
        self._over.set()
        self.join()


class Country:
    def __init__(self, ours: Ours, home: Path, given: argparse.Namespace) -> None:
        self._ours, self._given = ours, given
        ours.install()
        settings = _administrator(ours.stack, home)
        self.quotas = quotas.declared(settings)
        voice = Voice(ours.registry().register_all())
        records = -(-int(given.rate * given.seconds) // len(ENTITIES))
        self.universities = []
        for number in range(given.institutions):
            code = f"NB-{number + 1}"
            admin, user = administrator(ours.stack), institution_user(code)
            Membership(settings, admin, code).take_up(ours.stack.secret(f"kafka.{user}"), self.quotas)
            self.universities.append(University(ours.stack, code, number, records, voice, home / code))
        *self.others, self.noisy = self.universities

    def begin(self) -> None:
        """Every record is national."""
        sent: Sent = {}
        for university in self.universities:
            sent |= university.fill()
        self._ours.start_delivery()
        self._ours.wait_delivery()
        self._arrived(sent, "every record is national")
        self._settle()

    def phase(self, times: float) -> dict[str, Any]:
        """The others' delays while the noisy one sends so many times its share."""
        noise = Noise(self.noisy, self._given.rate * times)
        noise.start()
        sent, late = self._send(self._given.rate * len(self.others))
        waits = self.noisy.buffered()
        noise.end()
        ended = time.monotonic()
        delays = self._arrived(sent, "the others' changes are national")
        self._arrived(noise.newest, "the noisy one's changes are national")
        behind = time.monotonic() - ended
        self._settle()
        steady = min(sent.values()) + WARM_SECONDS * 1e6
        values = [delays[key] / 1000 for key, at in sent.items() if at >= steady]
        return {name: round(percentile(values, share), 2) for name, share in SHARES.items()} | {
            "max": round(max(values), 1),
            "rows": len(values),
            "generator_late_ms": round(late * 1000, 1),
            "noisy_sent": noise.sent,
            "noisy_unacknowledged_bytes": waits,
            "noisy_behind_seconds": round(behind, 2),
        }

    def close(self) -> None:
        for university in self.universities:
            university.close()

    def _send(self, rate: float) -> tuple[Sent, float]:
        """The others' changes, each record once, and how far behind its plan one was at worst."""
        sent: Sent = {}
        began, late = time.perf_counter(), 0.0
        count = int(rate * self._given.seconds)
        for number, university in enumerate(itertools.islice(itertools.cycle(self.others), count)):
            ahead = began + number / rate - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
            late = max(late, -ahead)
            key, at = university.change()
            sent[key] = at
        return sent, late

    def _arrived(self, sent: Sent, what: str) -> dict[str, int]:
        """Microseconds from each change to its national commit, once all are there."""
        query = (
            "select record_key, (extract(epoch from changed_at) * 1000000)::bigint, "
            "(extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint from {} where changed_at >= to_timestamp(%s)"
        )
        since = min(sent.values()) / 1e6 - 1
        with psycopg.connect(self._ours.national_dsn, autocommit=True) as national:
            found: dict[str, int] = {}

            def arrived() -> bool:
                for entity in ENTITIES:
                    for key, at, committed in national.execute(query.format(entity).encode(), [since]):
                        if sent.get(key) == at:
                            found[key] = committed - at
                return len(found) == len(sent)

            until(arrived, what, timeout=LIMIT, every=0.2, watch=self._ours.watch)
        return found

    def _settle(self) -> None:
        self._ours.settle()
        until(self._ours.sink_is_done, "golden persons are read", timeout=LIMIT, watch=self._ours.watch)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if the median of the ratios is at the goal or above."""
    given = _parse(arguments)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns at each connection that there is no TLS
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-neighbour-")))
        stack = Stack(home / "stack", jit="full", settings=STACK_SETTINGS, security=SECURITY)
        stack.up(say)
        last.callback(stack.down)
        ours = Ours(stack, home / "ours")
        last.callback(ours.close)
        say(f"taking up {given.institutions} institutions")
        country = Country(ours, home, given)
        last.callback(country.close)
        country.begin()
        say("warming")
        country.phase(given.times)
        pairs = []
        for number in range(given.pairs):
            order = ("quiet", "noisy") if number % 2 == 0 else ("noisy", "quiet")
            pair = {name: country.phase(given.times if name == "noisy" else 1) for name in order}
            ratio = pair["noisy"]["p95"] / pair["quiet"]["p95"]
            pairs.append({"ratio": round(ratio, 3), "first": order[0], **pair})
            say(f"p95 quiet {pair['quiet']['p95']} ms, noisy {pair['noisy']['p95']} ms, {ratio:.3f}")
    moved = round(median(pair["ratio"] for pair in pairs), 3)
    conditions = {
        "machine": machine(),
        "institutions": given.institutions,
        "rate": given.rate,
        "times": given.times,
        "seconds": given.seconds,
        "quotas": asdict(country.quotas),
        "load": os.getloadavg()[0],
        "pairs": pairs,
    }
    result = Result("neighbour: others' p95, noisy / quiet", "ratio", moved, None, "less", conditions)
    NEIGHBOUR_RESULTS.unlink(missing_ok=True)
    write(result, NEIGHBOUR_RESULTS)
    say("\n" + table([result]))
    return int(moved >= GOAL)


def _administrator(stack: Stack, home: Path) -> OperatorSettings:
    admin = stack.admin_config()
    known = stack.transport | {"kafka_bootstrap": admin["bootstrap.servers"]}
    return OperatorSettings(
        **known,
        kafka_user=admin["sasl.username"],
        kafka_password=Secret(admin["sasl.password"]),
        kafka_mechanism=admin["sasl.mechanism"],
        registry_url=stack.registry_url,
        data=str(home / "operator"),
        replication=1,
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks neighbour", description=__doc__)
    parser.add_argument("--institutions", type=int, default=20, help="one of them is noisy (default 20)")
    parser.add_argument("--rate", type=float, default=10.0, help="changes a second of each, its share (default 10)")
    parser.add_argument(
        "--times", type=float, default=50.0, help="times its share that the noisy one sends (default 50)"
    )
    parser.add_argument("--seconds", type=float, default=16.0, help="length of a phase (default 16)")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs (default 5)")
    parser.add_argument("--home", help="folder to keep the stack and all logs in (default: a temporary one)")
    return parser.parse_args(arguments)
