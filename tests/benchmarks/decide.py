"""What RECORDS' decisions cost, without broker: `python -m tests.benchmarks.decide [N persons]`.

The benchmark's mix (a third persons, learners, study records): a first load, a reload in which nothing changed, and changes from the
log, with and without a backlog; and working off what each put off. Units of 1,000 records; the store's write is shown apart. µs per record, the best of three runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from schemas import avro_schema, envelope
from tests.unit.stream_processors.bench_of_records import CODE, Bench

UNIT = 1000
FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Võ")
STATUSES = ("STUDYING", "STUDYING", "STUDYING", "SUSPENDED")
Event = tuple[bytes, bytes]


def values_of(entity: str, n: int, mark: str) -> dict[str, Any]:
    if entity == "person":
        return {
            "full_name": f"{FAMILIES[n % 6]} Văn {'ABCDEGHKLM'[n % 10]}nh", "birth_date": f"200{n % 9}-0{n % 9 + 1}-1{n % 9}", "sex": "M", "nationality": "VN", "ethnicity": "01",
            "citizen_number": f"0{['01', '26', '79'][n % 3]}20{n % 9}{n:06d}", "permanent_address": f"{n} Lê Lợi {mark}", "ward_code": "00004",
        }  # fmt: skip
    if entity == "learner":
        return {
            "code": f"SV{n:08d}",
            "person": f"{CODE}/person/{n}",
            "email": f"sv{n}@example.edu.vn",
            "phone": f"09{n:08d}"[:10] + mark,
        }
    return {
        "local_id": f"Q{n}", "learner": f"{CODE}/learner/{n}", "enrolment_date": "2023-09-05", "enrolment_decision": f"12/QD{mark}", "form_of_study": "FULL_TIME",
        "cohort": "K68", "year_of_study": 2, "status": STATUSES[n % 4], "status_date": "2023-09-05", "main_programme": True,
    }  # fmt: skip


ENTITIES = ("person", "learner", "study_record")


def _load(bench: Bench, persons: int, version: int) -> Iterator[Event]:
    """Table by table, as a first load reads them."""
    for entity in ENTITIES:
        for n in range(persons):
            yield bench.event(entity, n, version, snapshot=True, **values_of(entity, n, ""))


def _stream(bench: Bench, persons: int, version: int, mark: str) -> Iterator[Event]:
    """Changes of all three, interleaved."""
    for n in range(persons):
        for entity in ENTITIES:
            values = values_of(entity, n * 7919 % persons, mark)
            yield bench.event(entity, n * 7919 % persons, version + n, operation=envelope.UPDATE, **values)


def _measure(bench: Bench, events: list[Event], *, backlog: bool) -> tuple[float, float]:
    decide = write = 0.0
    bench.deferring = backlog
    for at in range(0, len(events), UNIT):
        began = time.thread_time()
        unit = bench.decide(events[at : at + UNIT])
        decided = time.thread_time()
        unit.state()
        bench.keep(unit)
        decide, write = decide + decided - began, write + time.thread_time() - decided
    return decide / len(events) * 1e6, write / len(events) * 1e6


def measure(persons: int) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for _ in range(3):
        with TemporaryDirectory() as folder:
            bench = Bench(Path(folder))
            bench.hello()
            for work, events in (
                ("first load", list(_load(bench, persons, 10))),
                ("reload", list(_load(bench, persons, 20))),
                ("log, behind", list(_stream(bench, persons, 30, "x"))),
                ("log", list(_stream(bench, persons, 30 + persons, "y"))),
            ):
                figures = _measure(bench, events, backlog=work == "log, behind")
                found[work] = min(found.get(work, figures), figures)
                began = time.thread_time()
                if bench.work_off():
                    figures = (time.thread_time() - began) / len(events) * 1e6, 0.0
                    found[f"{work}: put off"] = min(found.get(f"{work}: put off", figures), figures)
            assert bench.balanced()
            assert bench.account.dead_letter == 0
            bench.store.close()
    return found


if __name__ == "__main__":
    avro_schema.subjects()
    for work, (decide, write) in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5000).items():
        print(f"{work:<20} decide {decide:6.1f} µs   state and store {write:6.1f} µs")
