"""`python -m tests.benchmarks rules`: all record rules on one core, over the mix of the other benchmarks.

A third persons, a third learners, a third study records, decoded as RECORDS decodes them. `clean`: as they come, a few born on a first of January;
`flawed`: one in ten has something wrong, a little more than the demo's universities.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import time
from pathlib import Path
from random import Random
from typing import Any

from schemas.avro_schema import field_names, record_name
from schemas.codec import codec
from schemas.rules import check
from tests.benchmarks.states import States
from tests.benchmarks.workload import TABLES

RESULTS = Path(__file__).parent / "results" / "rules.jsonl"
DAY = "2026-06-01"
GOAL = 80_000
_FLAWS: dict[str, list[dict[str, Any]]] = {
    "person": [
        {"citizen_number": "1201012345"}, {"birth_date": None}, {"full_name": "Nguyá»…n VÄƒn An"}, {"birth_date": "2001-01-01"},
        {"full_name": "Nguye\u0302\u0303n An"}, {"sex": "M", "citizen_number": "001301012345"},
    ],
    "learner": [{"phone": "0123456789"}, {"email": "-"}],
    "study_record": [{"status": "SUSPENDED", "status_date": None}, {"year_of_study": 9}, {"status_date": "2001-01-01"}],
}  # fmt: skip

Record = tuple[str, dict[str, Any]]


class _Made(States):
    """Values only: neither keys nor a registry are needed."""

    def __init__(self) -> None:
        self.code, self._population = "BENCH", 1
        self._values = (self._person, self._learner, self._study_record)

    def record(self, number: int) -> Record:
        n, kind = divmod(number, len(TABLES))
        return TABLES[kind].entity, self._values[kind](n + 1)


def records(count: int, flawed: float) -> list[Record]:
    """The mix, each record through its codec, so that its texts are as new as those of an event."""
    draw, made = Random(7), _Made()
    codecs = {table.entity: codec(f"vn.hemis.{record_name(table.entity)}") for table in TABLES}
    found = []
    for number in range(count):
        entity, values = made.record(number)
        if draw.random() < flawed:
            values |= draw.choice(_FLAWS[entity])
        full = dict.fromkeys(field_names(entity)) | values
        found.append((entity, codecs[entity].decode(codecs[entity].encode(full), 0)[0]))
    return found


def seconds(mix: list[Record]) -> tuple[float, int]:
    """CPU seconds of one pass, and findings."""
    gc.collect()
    gc.disable()
    started, found = time.process_time(), 0
    for entity, values in mix:
        found += len(check(entity, values, {}, DAY))
    spent = time.process_time() - started
    gc.enable()
    return spent, found


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks rules")
    options.add_argument("--records", type=int, default=300_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args(arguments)
    missed = False
    for work, flawed in (("clean", 0.0), ("flawed", 0.1)):
        mix = records(given.records, flawed)
        seconds(mix[:3000])
        best, found = min(seconds(mix) for _ in range(given.rounds))
        rate = len(mix) / best
        line = {
            "work": f"rules-{work}", "unit": "records/s", "ours": round(rate), "goal": GOAL,
            "microseconds": round(best / len(mix) * 1e6, 2), "findings": found,
            "conditions": {
                "records": len(mix), "rounds": given.rounds, "best_of": "CPU time", "mix": "a third each: persons, learners, study records",
                "python": platform.python_version(), "day": DAY,
            },
        }  # fmt: skip
        missed |= rate < GOAL
        print(
            f"rules, {work}: {rate:,.0f} records/s on one core, {line['microseconds']} µs a record, {found} findings (goal {GOAL:,})"
        )
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return int(missed)
