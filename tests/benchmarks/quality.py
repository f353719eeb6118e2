"""`python -m tests.benchmarks quality`: the scheduled work on a national database of a million study records, and table 1D.

The rows are made by SQL, 50 institutions alike, every 1,000th study without an end and every 20th record with a finding; nothing of the
bus takes part. Each work runs once cold and twice more; the median counts. What it changes it takes back.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from deploy.local.stack import Stack
from sinks.database import engine
from sinks.migrate import migrate
from sinks.quality import people_waivers, set_job, touch
from sinks.quality.compute import compute, store
from sinks.quality.days import today
from sinks.quality.table_1d import tables
from tests.benchmarks.measure import RESULTS, Result, machine, say, table, write

QUALITY_RESULTS = RESULTS.with_name("quality.jsonl")
INSTITUTIONS, ROUNDS = 50, 3
_OF = f"'I' || lpad((n % {INSTITUTIONS})::text, 2, '0')"


def _key(entity: str, number: str = "n") -> str:
    return f"'I' || lpad(({number} % {INSTITUTIONS})::text, 2, '0') || '/{entity}/' || ({number})"


def _records(studies: int) -> dict[str, tuple[int, Mapping[str, str]]]:
    """Entity → how many, and SQL over `n` for the fields that the work reads."""
    day = "(date '2021-09-05' + (n % 1400)::int)"
    return {
        "institution": (INSTITUTIONS, {"code": _OF, "name": f"'Trường ' || {_OF}", "status": "'ACTIVE'"}),
        "programme": (
            studies // 1000,
            {"code": "'P' || n", "name": "'CT ' || n", "major_code": "'7480201'", "level": "'7'", "form_of_study": "'FULL_TIME'", "duration_months": "48"},
        ),
        "person": (
            studies,
            {
                "full_name": "'Nguyễn Văn ' || n", "birth_date": "(date '1999-01-02' + (n % 2500)::int)::text", "sex": "CASE n % 2 WHEN 0 THEN 'M' ELSE 'F' END",
                "nationality": "'VN'", "citizen_number": "CASE WHEN n % 30 > 0 THEN '001' || lpad(n::text, 9, '2') END", "birth_province": "'01'",
            },
        ),
        "learner": (studies, {"code": "'SV' || n", "person": _key("person"), "phone": "'09' || lpad(n::text, 8, '1')", "email": "n || '@example.edu.vn'"}),
        "study_record": (
            studies,
            {
                "local_id": "n::text", "learner": _key("learner"), "programme": _key("programme", f"n % {studies // 1000} / {INSTITUTIONS} * {INSTITUTIONS} + n % {INSTITUTIONS}"),
                "enrolment_date": f"CASE WHEN n % 1000 = 7 THEN '2012-09-05' ELSE {day}::text END", "form_of_study": "'FULL_TIME'",
                "cohort": f"'K' || (extract(year FROM {day}) - 1955)", "year_of_study": "1 + n % 4",
                "status": "CASE WHEN n % 4 > 0 THEN 'STUDYING' ELSE 'GRADUATED' END", "status_date": f"({day} + CASE WHEN n % 4 > 0 THEN 0 ELSE 1300 END)::text",
            },
        ),
        "study_decision": (
            studies // 4,
            {"study_record": _key("study_record", "n * 4"), "kind": "'GRADUATION'", "decision_number": "n || '/QĐ'", "decision_date": "'2025-06-20'", "effective_date": "'2025-06-20'"},
        ),
        "degree": (
            studies // 4,
            {
                "serial": "'B' || n", "register_number": f"(n / {INSTITUTIONS})::text", "register_year": "2025", "kind": "'BACHELOR'", "person": _key("person", "n * 4"),
                "study_record": _key("study_record", "n * 4"), "full_name": "'Nguyễn Văn ' || n * 4", "level": "'7'", "major_code": "'7480201'", "award_date": "'2025-07-01'",
                "decision_number": "n || '/QĐ'", "decision_date": "'2025-06-20'", "status": "'1'",
            },
        ),
        "staff_contract": (
            studies // 20,
            {
                "staff_code": "'CB' || n", "person": _key("person"), "contract_form": "'PERMANENT'", "valid_from": "'2015-01-01'", "full_time": "true", "permanent": "true",
                "title": "'LECTURER'", "highest_degree": "'8'", "status": "'ACTIVE'",
            },
        ),
    }  # fmt: skip


def _made(entity: str, count: int, values: Mapping[str, str]) -> str:
    given = {
        "record_key": _key(entity), "institution": _OF, "applied_at": "now() - interval '1 hour'", "epoch": "1", "place": "n", "operation": "'NEW'",
        "snapshot": "false", "version": "n", "changed_at": "now() - interval '2 hours'", "captured_at": "now() - interval '2 hours'",
        "source_table": f"'public.{entity}'", **values,
    }  # fmt: skip
    return f"INSERT INTO {entity} ({', '.join(given)}) SELECT {', '.join(given.values())} FROM generate_series(0, {count - 1}) n"


def _do(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))


def fill(national: sa.Engine, studies: int) -> None:
    """Records, a finding on every 20th study, a golden person per person."""
    with national.begin() as connection:
        for entity, (count, values) in _records(studies).items():
            _do(connection, _made(entity, count, values))
        _do(
            connection,
            "INSERT INTO finding (finding_id, applied_at, institution, rule, severity, record_key, fields, other_record, status, generation, place,"
            " orders_place, at, details) SELECT 'f' || n, now() - interval '1 hour', "
            f"{_OF}, CASE n % 3 WHEN 0 THEN 'V17' WHEN 1 THEN 'V14' ELSE 'V16' END, 'ERROR', {_key('study_record', 'n * 20')}, ARRAY['status'], '',"
            f" CASE n % 5 WHEN 0 THEN 'RESOLVED' ELSE 'OPEN' END, 0, n, 0, now(), '{{}}' FROM generate_series(0, {studies // 20 - 1}) n",
        )
        _do(
            connection,
            "INSERT INTO golden_person (person_key, applied_at, generation, place, live, changed_at, claims, conflict, disputes) "
            f"SELECT 'n:' || n, now() - interval '1 hour', 0, n, true, now(), ARRAY[{_key('person')}], false, '{{}}' FROM generate_series(0, {studies - 1}) n",
        )
    with national.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


class _Nobody:
    """Takes findings and orders, and counts them."""

    def __init__(self) -> None:
        self.taken = 0

    def put(self, finding: Mapping[str, Any]) -> None:
        self.taken += 1

    def touch(self, *order: object) -> None:
        self.taken += 1

    def flush(self) -> None:
        pass


def works(national: sa.Engine) -> dict[str, Callable[[], int]]:
    """By name: the work, which gives how much came out of it."""

    def rolled_back(act: Callable[[sa.Connection], int]) -> Callable[[], int]:
        def run() -> int:
            with national.connect() as connection, connection.begin() as transaction:
                try:
                    return act(connection)
                finally:
                    transaction.rollback()

        return run

    def measures(connection: sa.Connection) -> int:
        rows = compute(connection, today())
        store(connection, today(), rows)
        return len(rows)

    def set_rules(connection: sa.Connection) -> int:
        return set_job.run(connection, _Nobody())

    def due(connection: sa.Connection) -> int:
        found = touch.look(connection, today())
        people_waivers.run(connection, _Nobody(), today())
        touch.give(connection, _Nobody(), today(), 200)
        return found

    return {
        "the day's measures, all institutions": rolled_back(measures),
        "rules over sets": rolled_back(set_rules),
        "what a day makes due": rolled_back(due),
        "table 1D with indicators": lambda: sum(len(one.rows) for one in tables(national, today().day.year, "vi")),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parse(arguments)
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-quality-")))
        stack = Stack(home / "stack")
        stack.start("postgres-national")
        last.callback(stack.down)
        found = conninfo_to_dict(stack.dsn("national", "postgres"))
        national = engine("postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}".format_map(found))
        last.callback(national.dispose)
        migrate(national)
        say(f"making {given.studies:,} study records")
        fill(national, given.studies)
        conditions = {
            "machine": machine(),
            "study_records": given.studies,
            "institutions": INSTITUTIONS,
            "rounds": ROUNDS,
        }
        results = []
        for name, act in works(national).items():
            seconds, came = [], 0
            for _ in range(ROUNDS):
                began = time.perf_counter()
                came = act()
                seconds.append(time.perf_counter() - began)
            more = {"cold": round(seconds[0], 2), "came_out": came, "load": os.getloadavg()[0]}
            results.append(
                Result(f"quality: {name}", "s", round(statistics.median(seconds), 2), None, "less", conditions | more)
            )
            say(f"{name}: {seconds[0]:.2f} s cold, {came:,}")
    QUALITY_RESULTS.unlink(missing_ok=True)
    for result in results:
        write(result, QUALITY_RESULTS)
    say("\n" + table(results))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks quality", description=__doc__)
    parser.add_argument("--studies", type=int, default=1_000_000, help="study records (default 1,000,000)")
    parser.add_argument("--home", help="folder to keep the database in (default: a temporary one)")
    return parser.parse_args(arguments)
