"""`python -m tests.benchmarks neighbour`: what the others feel of an institution that sends fifty times its share.

Twenty institutions with the quotas that `hemis institution add` gives, each with its own user, through the agent's own publisher; without
source databases. From the moment at which an event is handed to the publisher to its commit in the national database, on one clock.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
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
from tests.benchmarks.measure import RESULTS, Result, machine, percentile, table, write
from tests.benchmarks.offsets import administrator
from tests.benchmarks.ours import Ours
from tests.benchmarks.run import SECURITY, STACK_SETTINGS
from tests.benchmarks.waiting import until
from tests.benchmarks.workload import FAMILY, GIVEN, MIDDLE, TABLES
from tests.support.voice import Voice

NEIGHBOUR_RESULTS = RESULTS.with_name("neighbour.jsonl")
GOAL = 1.10
TICK_SECONDS = 0.01
BUFFER_BYTES = 64 << 20
LIMIT = 300.0


class University:
    """Sends changes of its records, the next one each time, three entities in turn."""

    def __init__(self, stack: Stack, code: str, number: int, records: int, voice: Voice, folder: Path) -> None:
        self.code = code
        self._number, self._records, self._voice = number, records, voice
        config = stack.client_config(institution_user(code)) | {"log_level": 0}
        self._publisher = Publisher(config, CHANGES.name_for(code), BUFFER_BYTES, 0, folder)
        self._lane = Lane(self._publisher)
        self._places = itertools.cycle(range(records * len(TABLES)))

    def fill(self, mark: str) -> None:
        """Say hello, and every record once."""
        self._send(b"hello", self._voice.hello())
        for _ in range(self._records * len(TABLES)):
            self.change(mark)

    def change(self, mark: str) -> tuple[str, float]:
        """Send the next record with this mark; its key, and when it was sent."""
        place = next(self._places)
        key, values = self._record(TABLES[place % len(TABLES)].entity, place // len(TABLES), mark)
        sent = time.time()
        self._send(key.encode(), self._voice.change(key, values))
        return key, sent

    def buffered(self) -> int:
        """Bytes that the broker has not acknowledged."""
        self._lane.rest(0)
        return self._lane.buffered

    def close(self) -> None:
        self._publisher.close()

    def _send(self, key: bytes, value: bytes) -> None:
        self._lane.send([(key, value)], 0, 0)

    def _record(self, entity: str, n: int, mark: str) -> tuple[str, dict[str, Any]]:
        code, key = self.code, f"{self.code}/{entity}/{n}"
        values: dict[str, dict[str, Any]] = {
            "person": {
                "full_name": f"{FAMILY[n % 16]} {MIDDLE[n // 16 % 12]} {GIVEN[n // 192 % 24]}", "sex": "M",
                "birth_date": f"2001-{n % 12 + 1:02d}-{n % 28 + 1:02d}", "citizen_number": f"001201{self._number:02d}{n:04d}",
                "permanent_address": mark,
            },
            "learner": {"code": f"SV{n}", "person": f"{code}/person/{n}", "phone": mark},
            "study_record": {"local_id": f"HS{n}", "learner": f"{code}/learner/{n}", "enrolment_decision": mark},
        }  # fmt: skip
        return key, values[entity]


class Noise(threading.Thread):
    """One university that sends at a steady rate, until `end`."""

    def __init__(self, university: University, rate: float, mark: str) -> None:
        super().__init__(name="noise", daemon=True)
        self._university, self._rate, self._mark = university, rate, mark
        self._over = threading.Event()
        self.last: dict[str, str] = {}
        self.sent = 0

    def run(self) -> None:
        began = time.perf_counter()
        while not self._over.wait(TICK_SECONDS):
            while self.sent < (time.perf_counter() - began) * self._rate:
                self._say(self._mark)

    def _say(self, mark: str) -> None:
        key, _ = self._university.change(mark)
        self.last[key.split("/")[1]] = key
        self.sent += 1

    def end(self) -> None:
        """Stop; each entity's last record carries a mark of its own."""
        self._over.set()
        self.join()
        for _ in TABLES:
            self._say(f"{self._mark}-end")


class Country:
    def __init__(self, ours: Ours, home: Path, given: argparse.Namespace) -> None:
        self._ours, self._given = ours, given
        ours.install()
        settings = _administrator(ours.stack, home)
        self.quotas = quotas.declared(settings)
        voice = Voice(ours.registry().register_all())
        records = max(1, -(-int(given.rate * given.seconds) // len(TABLES)))
        self._stored = records * len(TABLES) * given.institutions
        self.universities = []
        for number in range(given.institutions):
            code = f"NB-{number + 1}"
            admin, user = administrator(ours.stack), institution_user(code)
            Membership(settings, admin, code).take_up(ours.stack.secret(f"kafka.{user}"), self.quotas)
            self.universities.append(University(ours.stack, code, number, records, voice, home / code))
        *self.others, self.noisy = self.universities
        self._marks = (f"m{n}" for n in itertools.count())

    def begin(self) -> None:
        """Every record is national."""
        mark = next(self._marks)
        for university in self.universities:
            university.fill(mark)
        self._ours.start_delivery()
        self._ours.wait_delivery()
        with self._national() as national:
            until(
                lambda: len(self._marked(national, mark)) == self._stored,
                "every record is national",
                timeout=LIMIT,
                every=0.5,
                watch=self._ours.watch,
            )
        self._settle()

    def phase(self, times: float) -> dict[str, Any]:
        """The others' delays while the noisy one sends so many times its share."""
        rate, mark = self._given.rate, next(self._marks)
        noise = Noise(self.noisy, rate * times, mark)
        noise.start()
        sent, late = self._send(rate * len(self.others), mark)
        waits = self.noisy.buffered()
        noise.end()
        ended = time.monotonic()
        with self._national() as national:
            until(
                lambda: self._marked(national, mark).keys() >= sent.keys(),
                "the others' changes are national",
                timeout=LIMIT,
                every=0.2,
                watch=self._ours.watch,
            )
            came = self._marked(national, mark)
            until(
                lambda: self._marked(national, f"{mark}-end").keys() >= set(noise.last.values()),
                "the noisy one's changes are national",
                timeout=LIMIT,
                every=0.2,
                watch=self._ours.watch,
            )
        behind = time.monotonic() - ended
        self._settle()
        steady = min(sent.values()) + WARM_SECONDS
        values = [(came[key] - at) * 1000 for key, at in sent.items() if at >= steady]
        return {
            "rows": len(values),
            "noisy_sent": noise.sent,
            "noisy_unacknowledged_bytes": waits,
            "noisy_behind_seconds": round(behind, 2),
            "generator_late_ms": round(late * 1000, 1),
            "max": round(max(values), 1),
        } | {name: round(percentile(values, share), 2) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}

    def close(self) -> None:
        for university in self.universities:
            university.close()

    def _send(self, rate: float, mark: str) -> tuple[dict[str, float], float]:
        """When each of the others' changes was sent, and how far behind its plan that was at worst."""
        sent: dict[str, float] = {}
        began, late = time.perf_counter(), 0.0
        for number, university in enumerate(self._turns(rate)):
            ahead = began + number / rate - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
            late = max(late, -ahead)
            key, at = university.change(mark)
            sent[key] = at
        return sent, late

    def _turns(self, rate: float) -> Iterator[University]:
        return itertools.islice(itertools.cycle(self.others), int(rate * self._given.seconds))

    def _marked(self, national: psycopg.Connection[Any], mark: str) -> dict[str, float]:
        """When each record with this mark was committed."""
        moment = "extract(epoch from pg_xact_commit_timestamp(xmin))::float8"
        found: dict[str, float] = {}
        for each in TABLES:
            query = f"select record_key, {moment} from {each.entity} where {each.mark} = %s"
            found.update(national.execute(query.encode(), [mark]).fetchall())
        return found

    def _national(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._ours.national_dsn, autocommit=True)

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
        stack.up(_say)
        last.callback(stack.down)
        ours = Ours(stack, home / "ours")
        last.callback(ours.close)
        _say(f"taking up {given.institutions} institutions")
        country = Country(ours, home, given)
        last.callback(country.close)
        country.begin()
        _say("warming")
        country.phase(given.times)
        pairs = []
        for number in range(given.pairs):
            order = ("quiet", "noisy") if number % 2 == 0 else ("noisy", "quiet")
            pair = {name: country.phase(given.times if name == "noisy" else 1) for name in order}
            ratio = pair["noisy"]["p95"] / pair["quiet"]["p95"]
            pairs.append({"ratio": round(ratio, 3), "first": order[0], **pair})
            _say(f"p95 quiet {pair['quiet']['p95']} ms, noisy {pair['noisy']['p95']} ms, {ratio:.3f}")
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
    _say("\n" + table([result]))
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


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
