"""`python -m tests.benchmarks [--only WORK] [--rows N]`: every work, ours and the peer in turn, in one run on one stack."""

from __future__ import annotations

import argparse
import json
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from deploy.local.stack import Security, Stack
from tests.benchmarks.course import Course, Options, Outcome
from tests.benchmarks.measure import RESULTS, Result, machine, say, table, write
from tests.benchmarks.ours import Ours
from tests.benchmarks.ours_alone import ALONE
from tests.benchmarks.peer.system import Peer
from tests.benchmarks.works import SHARED, Work

WORKS: tuple[Work, ...] = (*SHARED, *ALONE)
ON_DEMAND = ("large-transaction",)
SYSTEMS = ("ours", "peer")

SECURITY: Security = "SASL_PLAINTEXT"
"""No TLS on either side: what it costs would hide what is compared."""
STACK_SETTINGS = {
    **{
        f"postgres-{cluster}.{name}": value
        for cluster in ("universities", "national")
        for name, value in {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}.items()
    },
    "postgres-universities.logical_decoding_work_mem": "256MB",
    # A backlog that is made on purpose, and one huge transaction, must not cost the slot its log.
    "postgres-universities.max_slot_wal_keep_size": "-1",
}
"""The same services under the same settings for both. fsync and synchronous_commit stay on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if a work failed."""
    given = _parse(arguments)
    options = _options(given)
    chosen = [work for work in WORKS if (work.name in given.only if given.only else work.name not in ON_DEMAND)]
    _forget([work.name for work in chosen] if given.only else None)
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-benchmark-")))
        stack = Stack(home / "stack", jit="full", settings=STACK_SETTINGS, security=SECURITY)
        stack.up(say)
        last.callback(stack.down)
        courses: dict[str, Course] = {}
        for name in given.systems:
            system = Ours(stack, home / "ours") if name == "ours" else Peer(stack, home / "peer", given.peer_mode, say)
            last.callback(system.close)
            courses[name] = Course(system, options)
        for course in courses.values():
            say(f"warming {course.system.name}")
            course.warm()
        results, failed = [], False
        for number, work in enumerate(chosen):
            found, well = _do(work, courses, options, number)
            failed |= not well
            for result in found:
                write(result)
            results.extend(found)
            say("\n" + table(found))
    say("\n" + table(results))
    say(f"written: {RESULTS}")
    return int(failed)


def _do(work: Work, courses: dict[str, Course], options: Options, number: int) -> tuple[list[Result], bool]:
    """A work on every system. They take turns at being first, so that none always meets the machine cooler."""
    turn = list(courses) if number % 2 == 0 else list(reversed(courses))
    outcomes: dict[str, Outcome] = {}
    well = True
    for name in turn:
        if work.ours_only and name != "ours":
            continue
        say(f"{work.name}: {name}")
        try:
            outcomes[name] = work.run(courses[name])
        except Exception as error:  # the other works still give their figures; the exit code tells
            traceback.print_exc()
            well = False
            outcomes[name] = Outcome({}, {"failed": f"{type(error).__name__}: {error}"[:500]})
            courses[name].abandon()
    conditions = {"machine": machine(), "rows_per_table": options.rows, "tables": 3}
    conditions |= {name: outcome.facts for name, outcome in outcomes.items()}
    none = Outcome({})
    results = []
    for figure, (unit, better) in work.figures.items():
        ours, peer = (outcomes.get(name, none).figures.get(figure) for name in SYSTEMS)
        if ours is not None and peer is None and figure == "CPU per row, people included":
            peer = outcomes.get("peer", none).figures.get("CPU per row")  # the peer does nothing besides
        if ours is not None or peer is not None or not well:
            results.append(Result(f"{work.name}: {figure}", unit, ours, peer, better, conditions))
    return results, well


def _forget(works: list[str] | None) -> None:
    """Drop the former results of these works; all of them without a list."""
    if not RESULTS.exists():
        return
    lines = [] if works is None else RESULTS.read_text("utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["work"].partition(":")[0] not in (works or ())]
    RESULTS.write_text("".join(line + "\n" for line in kept), "utf-8")


def _options(given: argparse.Namespace) -> Options:
    chosen = {name: getattr(given, name) for name in ("rows", "changes", "seconds", "pairs", "large_transaction")}
    options = replace(Options(), **{name: value for name, value in chosen.items() if value is not None})
    if given.rows is not None and given.changes is None:
        options = replace(options, changes=min(options.changes, given.rows * 2))
    return options if given.rows is None else replace(options, noisy_load_rows=min(options.noisy_load_rows, given.rows))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measures ours and the peer (Kafka Connect with Debezium) side by side.",
        epilog="works: " + "; ".join(f"{work.name}: {work.doc}" for work in WORKS),
    )
    parser.add_argument(
        "--only", action="append", choices=[work.name for work in WORKS], help="a work; may be repeated"
    )
    parser.add_argument("--rows", type=int, help="rows per source table; there are three tables (default 100,000)")
    parser.add_argument(
        "--changes", type=int, help="rows of a backlog (default 200,000, at most twice --rows if given)"
    )
    parser.add_argument("--seconds", type=float, help="length of a latency measurement (default 16)")
    parser.add_argument("--pairs", type=int, help="alternating pairs of the isolation work (default 5)")
    parser.add_argument("--large-transaction", type=int, help="rows of the large transaction (default 5,000,000)")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="default: both")
    parser.add_argument("--peer-mode", choices=("json_tuned", "avro_tuned", "avro_low_latency"), default="avro_tuned")
    parser.add_argument("--home", help="folder to keep the stack and all logs in (default: a temporary one)")
    return parser.parse_args(arguments)
