"""`python -m tests.benchmarks board`: the quality board over a country of synthetic rows: server time of its pages, and how long a
change takes from its commit in the national database to an open page.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from http.cookiejar import CookieJar
from pathlib import Path

import sqlalchemy as sa

from deploy.board.access import Role
from deploy.board.country import FRESH_SECONDS
from deploy.local.stack import Stack
from sinks.migrate import make_roles, migrate
from tests.benchmarks.measure import RESULTS, Result, machine, percentile, say, table, write
from tests.benchmarks.run import STACK_SETTINGS
from tests.conformance.sinks.subjects import national_database
from tests.integration.board.serving import Served, served
from tests.support.country import Extent, fill

BOARD_RESULTS = RESULTS.with_name("board.jsonl")
GOAL_MS, GOAL_LIVE_MS = 100.0, 2_000.0
WEIGHT = 300_000
LOGIN = "board_login"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if a goal is missed."""
    given = _parse(arguments)
    extent = Extent(given.institutions, given.records, given.records // 10, given.days)
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-board-")))
        stack = Stack(home / "stack", settings=STACK_SETTINGS)
        stack.up(say)
        last.callback(stack.down)
        national = last.enter_context(national_database(stack))
        _filled(national, extent)
        login = national.url.set(username=LOGIN, password=LOGIN).render_as_string(hide_password=False)
        board = last.enter_context(served(home, login, board_requests_per_second=1e6))
        visitor = _signed_in(board)
        weight = len(_read(visitor, board.url))
        measured = _pages(visitor, board, given.times)
        live = _live(visitor, board, national, given.times)
    conditions = {
        "machine": machine(),
        "institutions": extent.institutions,
        "records": extent.records,
        "findings": extent.findings,
        "days_of_measures": extent.days,
        "load": os.getloadavg()[0],
    }
    results = [
        Result(f"board: {page}, {name}", "ms", round(percentile(values, share), 1), None, "less", conditions | {"requests": len(values), "max": round(max(values), 1)})
        for page, values in (measured | {"change → open page": live}).items()
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]  # fmt: skip
    results.append(Result("board: country, HTML", "bytes", weight, None, "less", conditions))
    BOARD_RESULTS.unlink(missing_ok=True)
    for result in results:
        write(result, BOARD_RESULTS)
    say("\n" + table(results))
    slow = max(percentile(measured[page], 0.95) for page in measured if page.startswith("country"))
    return int(slow > GOAL_MS or percentile(live, 0.95) > GOAL_LIVE_MS or weight > WEIGHT)


def _filled(national: sa.Engine, extent: Extent) -> None:
    migrate(national)
    with national.begin() as connection:
        make_roles(connection)
        connection.exec_driver_sql(f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{LOGIN}' IN ROLE hemis_board")
    say(f"filling {extent.records:,} records of {extent.institutions} institutions")
    began = time.monotonic()
    fill(national, extent)
    say(f"filled after {time.monotonic() - began:.0f} s")


def _signed_in(board: Served) -> urllib.request.OpenerDirector:
    visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    visitor.open(board.link(Role.OPERATOR), timeout=30).close()
    return visitor


def _read(visitor: urllib.request.OpenerDirector, url: str) -> bytes:
    with visitor.open(url, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def _pages(visitor: urllib.request.OpenerDirector, board: Served, times: int) -> dict[str, list[float]]:
    """Milliseconds from the request to the last byte, over loopback. The pages of many institutions, none twice in a row."""
    codes = [f"DH-{1 + n * 7 % 400:03}" for n in range(times)]
    records = [f"{code}/person/{int(code[3:]) - 1 + 470 * 9}" for code in codes]
    paths = {
        "country, read anew": ["/"] * times,
        "country, read within the second": ["/"] * times,
        "institution": [f"/institution/{code}" for code in codes],
        "record": [f"/record/{key}" for key in records],
        "search": [f"/search?q={code}/learner/1" for code in codes],
    }
    measured: dict[str, list[float]] = {}
    for page, wanted in paths.items():
        say(page)
        for path in wanted:
            if page == "country, read anew":
                time.sleep(FRESH_SECONDS * 1.2)
            began = time.perf_counter()
            _read(visitor, board.url + path)
            measured.setdefault(page, []).append((time.perf_counter() - began) * 1000)
    return measured


def _live(visitor: urllib.request.OpenerDirector, board: Served, national: sa.Engine, times: int) -> list[float]:
    """Milliseconds from the commit of a heartbeat until an open page is told of it."""
    say("change → open page")
    measured = []
    with visitor.open(f"{board.url}/live?since={time.time()}", timeout=60) as stream, national.connect() as connection:
        for number in range(times):
            code = f"DH-{1 + number % 400:03}"
            # Not in step with the board's own second.
            time.sleep(0.37 + number % 10 / 10)
            connection.execute(
                sa.text("UPDATE canary SET changed_at = now() WHERE institution = :code"), {"code": code}
            )
            connection.commit()
            began = time.perf_counter()
            while f'"{code}"'.encode() not in stream.readline():
                pass
            measured.append((time.perf_counter() - began) * 1000)
    return measured


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks board", description=__doc__)
    parser.add_argument("--institutions", type=int, default=470, help="default 470")
    parser.add_argument("--records", type=int, default=4_000_000, help="persons and learners (default 4,000,000)")
    parser.add_argument("--days", type=int, default=90, help="days of stored measures (default 90)")
    parser.add_argument("--times", type=int, default=60, help="requests per page (default 60)")
    parser.add_argument("--home", help="folder to keep the stack and all logs in (default: a temporary one)")
    return parser.parse_args(arguments)
