"""Works that only we do: isolation of institutions, and one huge transaction."""

from __future__ import annotations

import random
import threading
import time
from statistics import median

from confluent_kafka import Producer

from deploy.local.stack import Stack
from deploy.provisioning import institution_user
from schemas.topics import CHANGES
from tests.benchmarks import latency, workload
from tests.benchmarks.course import LIMIT, Course, Outcome
from tests.benchmarks.measure import peak_bytes
from tests.benchmarks.ours import Institution, Ours
from tests.benchmarks.system import Arrival
from tests.benchmarks.waiting import until
from tests.benchmarks.works import Work

RATE = 100
RUBBISH_TIMES = 10
RUBBISH_BYTES = 250


class Rubbish(threading.Thread):
    """Random bytes in an institution's own topic, by its own user, at a steady rate, until `end`."""

    def __init__(self, stack: Stack, institution: str, rate: float) -> None:
        super().__init__(name="rubbish", daemon=True)
        self._producer = Producer(stack.client_config(institution_user(institution)))
        self._topic = CHANGES.name_for(institution)
        self._rate = rate
        self._over = threading.Event()
        self.sent = 0

    def run(self) -> None:
        draw = random.Random(workload.SEED)
        began = time.perf_counter()
        while not self._over.wait(0.01):
            while self.sent < (time.perf_counter() - began) * self._rate:
                self._producer.produce(self._topic, draw.randbytes(RUBBISH_BYTES), str(self.sent))
                self.sent += 1
            self._producer.poll(0)
        self._producer.flush(30)

    def end(self) -> int:
        """Stop; returns how many messages were sent."""
        self._over.set()
        self.join()
        return self.sent


def rubbish(course: Course) -> Outcome:
    """A sends nothing but rubbish at ten times B's rate: the median of B's p95 ratios over alternating pairs."""
    ours, a, b = _two_institutions(course)
    ratios, pairs = [], []
    for _ in range(course.options.pairs):
        quiet = _delays(course, b)
        noise = Rubbish(ours.stack, a.code, RATE * RUBBISH_TIMES)
        noise.start()
        noisy = _delays(course, b)
        sent = noise.end()
        ratios.append(noisy.at(0.95) / quiet.at(0.95))
        pairs.append({"quiet": quiet.facts(), "noisy": noisy.facts(), "rubbish": sent})
    course.park()
    return Outcome({"B's p95, with rubbish / without": round(median(ratios), 3)}, {"pairs": pairs})


def beside_a_first_load(course: Course) -> Outcome:
    """B's p95 while another institution's first load goes the whole way."""
    ours, _, b = _two_institutions(course)
    quiet = _delays(course, b)
    loading = ours.add(course.options.noisy_load_rows)
    mark = course.mark()
    commits = latency.Commits(b.source_dsn, b.rows, RATE, course.options.seconds, mark)
    began = time.monotonic()
    ours.start_agent(loading)
    commits.start()
    loaded = _until_national(loading, "%") - began
    end = time.time()
    commits.join()
    busy = latency.collect(b, b.source_dsn, commits, mark, until_epoch=end)
    course.park()
    facts = {
        "quiet": quiet.facts(),
        "busy": busy.facts(),
        "load_rows": loading.rows * 3,
        "load_seconds": round(loaded, 1),
    }
    return Outcome(
        {"B's p95 beside a first load": busy.at(0.95), "B's p95, beside / alone": busy.at(0.95) / quiet.at(0.95)}, facts
    )


def large_transaction(course: Course) -> Outcome:
    """The largest resident size that any of our processes reaches on one transaction's way."""
    course.ready()
    ours = _ours(course)
    ours.start_delivery()
    ours.wait_delivery()
    ours.start_capture()
    began = time.monotonic()
    made, mark = workload.change_one_transaction(ours.source_dsn, course.options.large_transaction, course.mark())
    written = time.monotonic()
    course.until_national(mark)
    ended = time.monotonic()
    peaks = {
        name: round(max(peak_bytes(pid) for pid in pids) / 2**20, 1)
        for name, pids in ours.groups().items()
        if name in ("agent", "records", "people", "sink")
    }
    course.check()
    course.park()
    facts = {"rows": made, "write_seconds": round(written - began, 1), "drain_seconds": round(ended - written, 1)}
    return Outcome({"peak": max(peaks.values())}, {**facts, "megabytes": peaks})


def _ours(course: Course) -> Ours:
    assert isinstance(course.system, Ours)
    return course.system


def _two_institutions(course: Course) -> tuple[Ours, Institution, Institution]:
    """A and B loaded and running; B small, since only its delay matters."""
    course.ready()
    ours = _ours(course)
    rows = max(2000, int(RATE * course.options.seconds) // len(workload.TABLES) + workload.SENTINELS + 1)
    b = ours.add(rows)
    ours.start_delivery()
    ours.wait_delivery()
    ours.start_capture()
    ours.start_agent(b)
    _until_national(b, "%")
    ours.settle()
    until(ours.sink_is_done, "golden persons and findings are read", timeout=LIMIT, watch=ours.watch)
    return ours, ours.main, b


def _until_national(institution: Institution, pattern: str) -> float:
    arrival = Arrival(institution, institution.rows)
    try:
        return until(
            lambda: arrival.complete(pattern), f"{institution.code} is national", timeout=LIMIT, watch=institution.watch
        )
    finally:
        arrival.close()


def _delays(course: Course, institution: Institution) -> latency.Delays:
    return latency.measure(
        institution, institution.source_dsn, institution.rows, RATE, course.options.seconds, course.mark()
    )


ALONE: tuple[Work, ...] = (
    Work(
        "isolation-rubbish",
        "An institution sends rubbish at ten times another's rate.",
        {"B's p95, with rubbish / without": ("ratio", "less")},
        rubbish,
        ours_only=True,
    ),
    Work(
        "isolation-load",
        "An institution does its first load beside another.",
        {"B's p95 beside a first load": ("ms", "less"), "B's p95, beside / alone": ("ratio", "less")},
        beside_a_first_load,
        ours_only=True,
    ),
    Work(
        "large-transaction",
        "One transaction of 5,000,000 rows: only on demand, it takes minutes.",
        {"peak": ("MB", "less")},
        large_transaction,
        ours_only=True,
    ),
)
