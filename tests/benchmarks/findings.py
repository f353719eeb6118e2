"""`python -m tests.benchmarks findings`: from a wrong change at a university to its finding in the agent's inbox, and from the
mend to its closing. Ours only: commit time by the source's clock, arrival by the agent's, on one machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg

from deploy.local.stack import Stack
from producers.findings import FILE
from tests.benchmarks.course import Course, Options
from tests.benchmarks.measure import RESULTS, Result, machine, percentile, say, table, write
from tests.benchmarks.ours import Institution, Ours
from tests.benchmarks.run import SECURITY, STACK_SETTINGS
from tests.benchmarks.waiting import until

FINDING_RESULTS = RESULTS.with_name("findings.jsonl")
GOAL_MS = 1000.0
RULE = "V01"
WRONG, RIGHT = "12345", "001201{:06}"
WARM_ROWS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if a p95 is above the goal."""
    given = _parse(arguments)
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-findings-")))
        stack = Stack(home / "stack", jit="full", settings=STACK_SETTINGS, security=SECURITY)
        stack.up(say)
        last.callback(stack.down)
        ours = Ours(stack, home / "ours")
        last.callback(ours.close)
        course = Course(ours, Options(rows=given.rows))
        say(f"loading {given.rows * 3:,} rows")
        course.load(given.rows)
        ours.start_delivery()
        ours.wait_delivery()
        ours.start_capture()
        ours.wait_capture()
        work = _Work(ours.main, home / "ours" / f"agent-{ours.main.code}" / FILE)
        say("warming")
        work.broken(1, WARM_ROWS, given.rate)
        work.mended(1, WARM_ROWS, given.rate)
        first, final = WARM_ROWS + 1, WARM_ROWS + int(given.rate * given.seconds)
        say(f"{final - first + 1} wrong changes at {given.rate:g} a second, then their mends")
        measured = {"opens": work.broken(first, final, given.rate), "closes": work.mended(first, final, given.rate)}
    conditions = {
        "machine": machine(),
        "rate": given.rate,
        "stored_records": given.rows * 3,
        "rule": RULE,
        "load": os.getloadavg()[0],
    }
    results = [
        Result(f"finding: {what}, {name}", "ms", round(percentile(values, share), 1), None, "less", conditions | {"findings": len(values), "max": round(max(values), 1)})
        for what, values in measured.items()
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    ]  # fmt: skip
    FINDING_RESULTS.unlink(missing_ok=True)
    for result in results:
        write(result, FINDING_RESULTS)
    say("\n" + table(results))
    return int(any(percentile(values, 0.95) > GOAL_MS for values in measured.values()))


class _Work:
    def __init__(self, institution: Institution, store: Path) -> None:
        self._institution = institution
        self._store = store

    def broken(self, first: int, last: int, rate: float) -> list[float]:
        """Milliseconds until each wrong number's finding is at the agent."""
        return self._changed(dict.fromkeys(range(first, last + 1), WRONG), rate, "OPEN")

    def mended(self, first: int, last: int, rate: float) -> list[float]:
        """Milliseconds until each of these findings is closed there."""
        return self._changed({n: RIGHT.format(n) for n in range(first, last + 1)}, rate, "RESOLVED")

    def _changed(self, numbers: dict[int, str], rate: float, status: str) -> list[float]:
        began = time.perf_counter()
        with psycopg.connect(self._institution.source_dsn, autocommit=True) as connection:
            for place, (row, number) in enumerate(numbers.items()):
                time.sleep(max(0.0, began + place / rate - time.perf_counter()))
                connection.execute("update persons set citizen_number = %s where id = %s", [number, row])
            moment = "extract(epoch from pg_xact_commit_timestamp(xmin))::float8"
            query = f"select id, {moment} from persons where id between %s and %s"
            left = {
                int(row[0]): float(row[1]) for row in connection.execute(query.encode(), [min(numbers), max(numbers)])
            }
        until(lambda: self._arrived(status).keys() >= left.keys(), f"findings are {status}", timeout=60, every=0.05)
        came = self._arrived(status)
        return [(came[row] - at) * 1000 for row, at in left.items()]

    def _arrived(self, status: str) -> dict[int, float]:
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)) as connection:
            query = "SELECT record, received_at FROM finding WHERE rule = ? AND status = ?"
            rows = connection.execute(query, [RULE, status]).fetchall()
        return {int(json.loads(text)["record_key"].rpartition("/")[2]): at for text, at in rows}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks findings", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=20_000, help="rows per source table, loaded before (default 20,000)"
    )
    parser.add_argument("--rate", type=float, default=50.0, help="wrong changes a second (default 50)")
    parser.add_argument("--seconds", type=float, default=20.0, help="for so long, and mends as long (default 20)")
    parser.add_argument("--home", help="folder to keep the stack and all logs in (default: a temporary one)")
    return parser.parse_args(arguments)
