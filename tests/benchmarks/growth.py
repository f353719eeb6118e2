"""`python -m tests.benchmarks growth`: does it stay as fast as what is stored grows, and how soon is a worker back?

Two parts, ours only, on one stack:

- `way`: the same backlog on the whole way at two sizes of stored records;
- `restart`: a RECORDS worker with many records, of many institutions, started with its disk and with an empty one.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deploy.local.stack import Stack
from tests.benchmarks import growing
from tests.benchmarks.course import Course, Options
from tests.benchmarks.measure import RESULTS, Result, machine, say, table, write
from tests.benchmarks.ours import Ours
from tests.benchmarks.restarts import Loaded, Start
from tests.benchmarks.run import SECURITY, STACK_SETTINGS
from tests.benchmarks.works import Better

GROWTH_RESULTS = RESULTS.with_name("growth.jsonl")
PARTS = ("way", "restart")
WARM_GOAL_SECONDS = 30.0

SMALL = {"start": 1_000, "end": 3_000, "backlog": 600, "rounds": 1, "records": 20_000, "institutions": 4}
FULL = {"start": 100_000, "end": 1_000_000, "backlog": 90_000, "rounds": 3, "records": 10_000_000, "institutions": 50}

WAY: dict[str, tuple[str, Better]] = {
    "rows/s": ("rows/s", "more"),
    "rows/s from the first row on": ("rows/s", "more"),
    "CPU per row": ("µs", "less"),
    "CPU per row, start left out": ("µs", "less"),
    growing.RECORDS: ("µs", "less"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if the warm restart takes longer than its goal."""
    given = _parse(arguments)
    results: list[Result] = []
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-growth-")))
        stack = Stack(home / "stack", jit="full", settings=STACK_SETTINGS, security=SECURITY)
        stack.up(say)
        last.callback(stack.down)
        for part in given.only or PARTS:
            found = way(stack, home / "way", given) if part == "way" else restart(stack, home / "restart", given)
            for result in found:
                write(result, GROWTH_RESULTS)
            results.extend(found)
    say("\n" + table(results))
    say(f"written: {GROWTH_RESULTS}")
    late = [
        r for r in results if r.work.startswith("restart: warm, process start") and (r.ours or 0) > WARM_GOAL_SECONDS
    ]
    return int(bool(late))


def way(stack: Stack, folder: Path, given: argparse.Namespace) -> list[Result]:
    """Figures at both sizes, and how many times dearer a row is at the larger one: 1 is flat."""
    ours = Ours(stack, folder)
    try:
        course = Course(ours, Options(rows=-(-given.start // 3)))
        say("warming")
        course.warm()
        say(f"the whole way at {given.start:,} and at {given.end:,} records")
        sizes = growing.measure(course, ours, (given.start, given.end), given.backlog, given.rounds)
    finally:
        ours.close()
    conditions = {"machine": machine(), "backlog": given.backlog}
    results = []
    for figure, (unit, better) in WAY.items():
        values = [size.median(figure) for size in sizes]
        for size, value in zip(sizes, values, strict=True):
            facts = conditions | {"records": size.records, "rounds": size.rounds, "ours": size.facts}
            results.append(Result(f"way: {figure} at {size.records:,} records", unit, value, None, better, facts))
        small, large = values
        if small and large:
            dearer = small / large if better == "more" else large / small
            sized = conditions | {"records": [size.records for size in sizes], "flat": 1.0}
            results.append(
                Result(f"way: {figure}, times worse at the larger size", "ratio", round(dearer, 3), None, "less", sized)
            )
    return results


def restart(stack: Stack, folder: Path, given: argparse.Namespace) -> list[Result]:
    """Seconds from process start to ready, records restored a second, and memory."""
    loaded = Loaded(stack, folder, given.records, given.institutions, say)
    try:
        took = loaded.load()
        say(f"{given.records:,} records, {loaded.bytes / 2**20:,.0f} MB, made in {took:,.0f} s")
        loaded.wait_for_quiet()
        # The first start is the worker's first in its group; the second is what a restart is.
        _started("first", loaded.start())
        loaded.stop()
        loaded.wait_for_quiet()
        warm = _started("warm", loaded.start())
        loaded.stop()
        loaded.empty_disk()
        empty = _started("empty disk", loaded.start())
        loaded.stop()
        compared = loaded.check()
        again = _started("warm, after the restore", loaded.start())
    finally:
        loaded.stop()
    conditions: dict[str, Any] = {
        "machine": machine(),
        "records": given.records,
        "institutions": given.institutions,
        "bytes": loaded.bytes,
        "load_seconds": round(took, 1),
    }
    warm_facts = conditions | {
        "goal_seconds": WARM_GOAL_SECONDS,
        "ours": warm.facts(),
        "after_the_restore": again.facts(),
    }
    empty_facts = conditions | {"records_compared": compared, "ours": empty.facts()}
    return [
        _one("warm, process start to ready", "s", warm.seconds, warm_facts),
        _one("warm, peak PSS", "MB", warm.peak / 2**20, warm_facts),
        _one("empty disk, process start to ready", "s", empty.seconds, empty_facts),
        _one("empty disk, records restored a second", "records/s", given.records / empty.restored, empty_facts, "more"),
        _one("empty disk, worker's CPU per record", "µs", empty.cpu["records"] / given.records * 1e6, empty_facts),
        _one("empty disk, peak PSS", "MB", empty.peak / 2**20, empty_facts),
    ]


def _started(what: str, start: Start) -> Start:
    say(f"{what}: {start.facts()}")
    return start


def _one(figure: str, unit: str, value: float, facts: dict[str, Any], better: Better = "less") -> Result:
    return Result(f"restart: {figure}", unit, value, None, better, facts)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks growth",
        description="The whole way as the stored records grow, and a RECORDS worker's start with many records.",
    )
    helps = {
        "start": "stored records at first",
        "end": "stored records after growth",
        "backlog": "changed rows that are measured at each size",
        "rounds": "measurements at each size; the median counts",
        "records": "records of the worker that is restarted",
        "institutions": "institutions that these records belong to",
    }
    for name, text in helps.items():
        parser.add_argument(f"--{name}", type=int, help=f"{text} (default {FULL[name]:,})")
    parser.add_argument("--small", action="store_true", help="small sizes: does it function?")
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be repeated")
    parser.add_argument("--home", help="folder to keep the stack and all logs in (default: a temporary one)")
    given = parser.parse_args(arguments)
    for name, value in (SMALL if given.small else FULL).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    return given
