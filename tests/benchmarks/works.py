"""The works that both systems do, each written once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Literal

from tests.benchmarks import latency, workload
from tests.benchmarks.course import LIMIT, Course, Outcome
from tests.benchmarks.measure import memory_bytes
from tests.benchmarks.ours import Ours
from tests.benchmarks.peer.system import Peer
from tests.benchmarks.waiting import until

Better = Literal["more", "less"]
SERVICES = ("postgres source", "postgres national", "broker", "registry")
REST_SECONDS = 10.0
KILLS = 3

THROUGHPUT: dict[str, tuple[str, Better]] = {
    "rows/s": ("rows/s", "more"),
    "rows/s from the first row on": ("rows/s", "more"),
    "rows/s per core used": ("rows/s per core", "more"),
    "CPU per row": ("µs", "less"),
    "CPU per row, start left out": ("µs", "less"),
    "CPU per row, people included": ("µs", "less"),
}


@dataclass(frozen=True)
class Work:
    """A work; `figures` says what each of its figures is measured in and which direction is better."""

    name: str
    doc: str
    figures: dict[str, tuple[str, Better]]
    run: Callable[[Course], Outcome]
    ours_only: bool = False


def first_load(course: Course) -> Outcome:
    course.prepare(course.options.rows)
    total = course.rows * len(workload.TABLES)
    outcome = course.timed_to_kafka(0, total)
    course.system.stop_capture()
    course.pending = ("%", total)
    return outcome


def load_to_national(course: Course) -> Outcome:
    if course.pending is None or course.pending[0] != "%":
        first_load(course)
    return _pending_to_national(course)


def drain(course: Course) -> Outcome:
    course.ready()
    base = course.system.in_kafka()
    mark, made = course.backlog()
    outcome = course.timed_to_kafka(base, made)
    course.system.stop_capture()
    course.pending = (f"{mark}-end", made)
    return outcome


def deliver(course: Course) -> Outcome:
    if course.pending is None or course.pending[0] == "%":
        drain(course)
    return _pending_to_national(course)


def _pending_to_national(course: Course) -> Outcome:
    assert course.pending is not None
    pattern, rows = course.pending
    outcome = course.timed_to_national("delivery", pattern, rows)
    course.park()
    course.loaded()
    return outcome


def store(course: Course) -> Outcome:
    """The sink's stage alone: for us clean records and golden persons are read again into emptied tables, for the peer its
    topics are delivered. A row is an entity record; golden persons are work that ours does besides."""
    if isinstance(course.system, Peer):
        return deliver(course)
    course.ready()
    return course.timed_rewind()


def whole_way(course: Course) -> Outcome:
    course.ready()
    mark, made = course.backlog()
    course.system.start_delivery()
    course.system.wait_delivery()
    outcome = course.timed_to_national("capture", f"{mark}-end", made)
    course.park()
    return outcome


def delay(rate: int) -> Callable[[Course], Outcome]:
    """p50 and p99 of commit to commit; of the peer's two settings the better value counts, both are in the facts."""

    def run(course: Course) -> Outcome:
        system, options = course.system, course.options
        _start_all(course)
        measured: dict[str, latency.Delays] = {}
        if isinstance(system, Peer):
            for mode in ("avro_tuned", "avro_low_latency"):
                system.tune(mode)
                _first_change_through(course)
                measured[mode] = latency.measure(
                    system, system.source_dsn, course.rows, rate, options.seconds, course.mark()
                )
            system.tune("avro_tuned")
        else:
            measured["ours"] = latency.measure(
                system, system.source_dsn, course.rows, rate, options.seconds, course.mark()
            )
        course.check()
        course.park()
        facts = {name: {"p50": d.at(0.5), "p99": d.at(0.99), **d.facts()} for name, d in measured.items()}
        best = {"p50": min(d.at(0.5) for d in measured.values()), "p99": min(d.at(0.99) for d in measured.values())}
        return Outcome(best, facts)

    return run


def kill_capture(course: Course) -> Outcome:
    """A row is committed right after the kill; the process is started again at once. Medians of several kills."""
    _start_all(course)
    firsts, arrivals = [], []
    for _ in range(KILLS):
        before = course.system.in_kafka()
        killed = course.system.kill_capture()
        course.system.restart()
        mark, _ = course.backlog(1)
        seen = until(
            partial(_more_than, course.system, before),
            f"{course.system.name}: the first new record",
            timeout=300,
            every=0.01,
            watch=course.system.watch,
        )
        firsts.append(round(seen - killed, 3))
        arrivals.append(round(course.until_national(f"{mark}-end") - killed, 3))
    course.check()
    course.park()
    figures = {"first new record in Kafka": median(firsts), "its rows national": median(arrivals)}
    return Outcome(figures, {"first_new_record_seconds": firsts, "national_seconds": arrivals})


def _more_than(system: Ours | Peer, records: int) -> bool:
    return system.in_kafka() > records


def kill_all(course: Course) -> Outcome:
    """Every process of the system is killed at about 40 % of the backlog and started again at once."""
    course.ready()
    mark, made = course.backlog()
    base = course.system.in_kafka()
    course.system.start_delivery()
    course.system.wait_delivery()
    course.system.start_capture()
    until(
        lambda: course.system.in_kafka() - base >= made * 0.4,
        f"{course.system.name}: 40 % of the backlog is in Kafka",
        timeout=LIMIT,
        every=0.01,
        watch=course.system.watch,
    )
    killed = course.system.kill()
    there = course.system.in_kafka() - base
    course.system.restart()
    national = course.until_national(f"{mark}-end")
    course.check()
    written = course.system.in_kafka() - base
    course.park()
    return Outcome(
        {"all rows national": national - killed},
        {"rows": made, "in_kafka_at_kill": there, "records_written_twice": written - made, "lost": 0},
    )


def memory_at_rest(course: Course) -> Outcome:
    """PSS of the system's own processes; the services that both need are in the facts."""
    course.ready()
    if isinstance(course.system, Ours):
        course.system.start_delivery()
        while len(course.system.institutions) < 3:
            course.system.start_agent(course.system.add(workload.SENTINELS * 2))
    _start_all(course)
    time.sleep(REST_SECONDS)
    sizes = {name: memory_bytes(roots) / 2**20 for name, roots in course.system.groups().items()}
    course.park()
    own = sum(size for name, size in sizes.items() if name not in SERVICES)
    what = "3 agents, 2 RECORDS workers, PEOPLE, sink" if isinstance(course.system, Ours) else "1 Connect worker"
    return Outcome({"PSS": own}, {"what": what, "megabytes": {name: round(size, 1) for name, size in sizes.items()}})


def _start_all(course: Course) -> None:
    course.ready()
    course.system.start_delivery()
    course.system.wait_delivery()
    course.system.start_capture()
    _first_change_through(course)


def _first_change_through(course: Course) -> None:
    """Everything has started when one change has gone the whole way."""
    mark, _ = course.backlog(1)
    course.until_national(f"{mark}-end")


SECONDS: dict[str, tuple[str, Better]] = {"all rows national": ("s", "less")}
DELAYS: dict[str, tuple[str, Better]] = {"p50": ("ms", "less"), "p99": ("ms", "less")}
KILLED: dict[str, tuple[str, Better]] = {
    "first new record in Kafka": ("s", "less"),
    "its rows national": ("s", "less"),
}

SHARED: tuple[Work, ...] = (
    Work("first-load", "First load, source to Kafka.", THROUGHPUT, first_load),
    Work("load-to-national", "The first load's records, Kafka to national.", THROUGHPUT, load_to_national),
    Work("drain", "Backlog in 1,000-row transactions, source to Kafka.", THROUGHPUT, drain),
    Work("deliver", "That backlog, Kafka to national.", THROUGHPUT, deliver),
    Work("store", "The sink's stage alone: clean records into emptied national tables.", THROUGHPUT, store),
    Work("whole-way", "Backlog, source to national, all processes on.", THROUGHPUT, whole_way),
    Work("latency-100", "Commit to national commit at 100 changes a second.", DELAYS, delay(100)),
    Work("latency-500", "Commit to national commit at 500 changes a second.", DELAYS, delay(500)),
    Work("kill-capture", "Capture process killed.", KILLED, kill_capture),
    Work("kill-draining", "All processes killed while a backlog drains.", SECONDS, kill_all),
    Work("memory", "Memory at rest.", {"PSS": ("MB", "less")}, memory_at_rest),
)
