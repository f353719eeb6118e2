"""The sink alone: messages in memory → national PostgreSQL, with history, counts and offsets, one connection.

    python -m tests.benchmarks.sink_stage [--rows N] [--json FILE]

Person records of 12 fields, Vietnamese text, one institution, keys in ascending order. Each batch is one transaction with
fsync. `insert`: new keys; `update`: the same keys again, each with a newer version, so that every old row goes to the
history. CPU per row: of this process (decoding, COPY data, protocol), and of the PostgreSQL backend. Start it on a quiet
machine: rows/s is wall clock, CPU per row moves less. Then the same with golden persons and with the ordinary path.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from deploy.local.stack import Stack
from schemas.envelope import NEW, UPDATE
from sinks.base import Message, Partition, Run, Sink
from sinks.migrate import migrate
from sinks.ordinary import OrdinarySink
from sinks.postgresql.sink import PostgresSink
from sinks.writers import Writers
from tests.conformance.sinks.events import Events, offline_registry
from tests.conformance.sinks.subjects import national_database

PERSON = Partition("hemis.clean.person", 0, "benchmark")
GOLDEN = Partition("hemis.golden.person", 0, "benchmark")
TICKS = os.sysconf("SC_CLK_TCK")
EVENTS = Events()


def person(number: int, round: int) -> Message:
    return EVENTS.change(
        f"UNI-A/person/sv/{10_000_000 + number}",
        5_000_000_000 + round * 10_000_000 + number,
        UPDATE if round else NEW,
        full_name=f"Nguyễn Văn Thành {number}",
        birth_date="2001-05-17",
        sex="M",
        nationality="VN",
        ethnicity="01",
        citizen_number=f"001201{number:06d}",
        birth_province="01",
        permanent_address=f"Số {number} đường Nguyễn Trãi, Thanh Xuân, Hà Nội",
        ward_code="00367",
    )


def golden(number: int, round: int) -> Message:
    key = f"UNI-A/person/sv/{10_000_000 + number}"
    place = round * 10_000_000 + number
    return EVENTS.golden(
        f"n:{number:032x}", place, [key], full_name=f"Nguyễn Văn Thành {number}", sex="M", ethnicity="01"
    )


def backend_cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(sink: Sink, pid: int, partition: Partition, messages: Sequence[Message], size: int) -> dict[str, float]:
    place = sink.places([partition])[partition]
    seconds: list[float] = []
    began, mine, theirs = time.perf_counter(), time.process_time(), backend_cpu(pid)
    for start in range(0, len(messages), size):
        batch = messages[start : start + size]
        at = time.perf_counter()
        sink.apply([Run(partition, place, place + len(batch), batch)])
        seconds.append(time.perf_counter() - at)
        place += len(batch)
    rows, wall = len(messages), time.perf_counter() - began
    seconds.sort()
    return {
        "rows_per_second": rows / wall,
        "sink_cpu_us_per_row": (time.process_time() - mine) / rows * 1e6,
        "postgres_cpu_us_per_row": (backend_cpu(pid) - theirs) / rows * 1e6,
        "batch_p50_ms": seconds[len(seconds) // 2] * 1e3,
        "batch_p95_ms": seconds[int(len(seconds) * 0.95)] * 1e3,
    }


def backend_of(engine: sa.Engine) -> int:
    """The server process of the sink: the one that is not ours, or ours where the sink shares the engine's pool."""
    with engine.connect() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid = pg_backend_pid()"
        return int(connection.execute(sa.text(query)).scalars().all()[0])


def series(
    name: str,
    engine: sa.Engine,
    sink: Sink,
    partition: Partition,
    make: Callable[[int, int], Message],
    sizes: dict[int, int],
) -> list[dict[str, Any]]:
    sink.places([partition])
    pid = backend_of(engine)
    out = []
    first = 0
    for size, rows in sizes.items():
        for round, what in enumerate(("insert", "update")):
            messages = [make(first + i, round) for i in range(rows)]
            found = measure(sink, pid, partition, messages, size)
            out.append({"series": name, "what": what, "batch": size, "rows": rows, **found})
            print(
                f"{name:16} {what:7} batch {size:6}: {found['rows_per_second']:8.0f} rows/s, CPU µs/row sink "
                f"{found['sink_cpu_us_per_row']:6.1f} postgres {found['postgres_cpu_us_per_row']:6.1f}, batch p50 "
                f"{found['batch_p50_ms']:7.2f} p95 {found['batch_p95_ms']:7.2f} ms",
                flush=True,
            )
        first += rows
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the largest batch size")
    parser.add_argument("--json", type=Path, help="write the results here")
    given = parser.parse_args(arguments)
    sizes = {10_000: given.rows, 500: given.rows // 4, 50: given.rows // 20, 1: given.rows // 200}
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "stack")
        stack.start("postgres-national")
        try:
            writers = Writers(offline_registry(Path(folder)))
            for name, partition, make, wanted in (
                ("person", PERSON, person, sizes),
                ("golden person", GOLDEN, golden, {10_000: given.rows // 4, 1: given.rows // 200}),
            ):
                with national_database(stack) as engine:
                    migrate(engine)
                    engine.dispose()
                    sink = PostgresSink(engine, writers)
                    results += series(name, engine, sink, partition, make, wanted)
                    sink.close()
            with national_database(stack) as engine:
                migrate(engine)
                ordinary = OrdinarySink(engine, writers)
                few = {size: rows // 20 for size, rows in sizes.items() if size in (10_000, 500)}
                results += series("ordinary path", engine, ordinary, PERSON, person, few)
        finally:
            stack.stop("postgres-national")
    conditions = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "when": time.strftime("%Y-%m-%d"),
    }
    print(f"conditions: {conditions}")
    if given.json:
        given.json.write_text(json.dumps({"conditions": conditions, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
