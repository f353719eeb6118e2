"""The demo from start to end: everything up, load, changes, view or check, everything down."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg
from rich.console import Console
from rich.live import Live
from rich.text import Text

from deploy.demo import view
from deploy.demo.arrival import Arrival
from deploy.demo.changes import Driver
from deploy.demo.check import check
from deploy.demo.extent import CODES
from deploy.demo.monitor import Monitor
from deploy.demo.place import Place
from deploy.demo.scrape import Scraper
from deploy.demo.workers import Workers
from deploy.local.stack import Say, Stack
from schemas.errors import Exit

REFRESH_SECONDS = 1.0


def demo(home: Path, *, learners: int, rate: float, seed: int, check_seconds: float | None, say: Say) -> Exit:
    """Run until Ctrl-C, or with `check_seconds` until a check with so long a time of changes has ended. The data stays; the next run goes on with it."""
    with _stopping() as stop:
        began = time.monotonic()
        place = Place(home, learners, seed)
        workers = Workers(place.home / "processes")
        # A demo that was killed may have left processes that hold the slots.
        workers.end_leftovers()
        monitor = Monitor(place.home / "prometheus")
        monitor.stop()
        try:
            wanted = place.prepare(say)
            if stop.is_set():
                return Exit.FINE
            workers.start(wanted)
            say(f"{len(wanted)} processes started after {time.monotonic() - began:.1f} s")
            scraper = Scraper({worker.name: worker.metrics for worker in wanted}, CODES)
            if check_seconds is not None:
                fine = check(place, scraper, rate, check_seconds, say, stop)
                say("\n".join(workers.messages))
                return Exit.FINE if fine else Exit.FINDINGS
            monitoring = monitor.start(wanted, say)
            _show(place, workers, scraper, rate, stop, monitoring)
            return Exit.FINE
        finally:
            say("ending …")
            monitor.stop()
            workers.stop()
            place.stack.down()
            say(f"ended; the data stays in {place.home}")


def clean(home: Path, say: Say) -> None:
    """End what runs under a home and remove it."""
    if not (home / "demo.json").exists():
        say(f"there is no demo in {home}")
        return
    Workers(home.resolve() / "processes").end_leftovers()
    Monitor(home.resolve() / "prometheus").stop()
    Stack(home / "stack").down()
    shutil.rmtree(home)
    say(f"{home} removed")


def _show(place: Place, workers: Workers, scraper: Scraper, rate: float, stop: Event, monitoring: str) -> None:
    arrival = Arrival(place)
    expected = arrival.expected()
    loading = dict.fromkeys(CODES, (0, 0))
    console = Console()
    console.print(_next_steps(place, scraper, monitoring), soft_wrap=True, highlight=False)
    changes: Thread | None = None
    try:
        with Live(console=console, auto_refresh=False, screen=False) as live:
            while not stop.is_set():
                if loading:
                    arrived = arrival.arrived()
                    loading = {c: (arrived[c], expected[c]) for c in loading if arrived[c] < expected[c]}
                if not loading and changes is None:
                    changes = Thread(target=_drive, args=(place, workers, rate, stop), name="changes")
                    changes.start()
                snapshot = scraper.snapshot()
                live.update(view.screen(snapshot, loading, tuple(workers.messages)), refresh=True)
                stop.wait(REFRESH_SECONDS)
    finally:
        stop.set()
        if changes is not None:
            changes.join()
        arrival.close()


def _drive(place: Place, workers: Workers, rate: float, stop: Event) -> None:
    """Changes until the end; a university's database that is restarted beside us is met again."""
    while not stop.is_set():
        try:
            offices = {code: place.office(code) for code in CODES}
            try:
                Driver(place.shapes, offices, place.facts.seed).run(rate, stop)
            finally:
                for connection in offices.values():
                    connection.close()
        except psycopg.OperationalError:
            workers.messages.append("changes: a university's database does not answer; trying again")
            stop.wait(1)


def _next_steps(place: Place, scraper: Scraper, monitoring: str) -> Text:
    with place.office("DHB") as connection:
        row = connection.execute("select min(student_id) from sis.students").fetchone()
    student = row[0] if row else 1
    record = f"DHB/learner/{student}"
    seen = f"select phone, applied_at - changed_at as delay from learner where record_key = '{record}'"
    return view.next_steps(
        psql=place.psql("universities", "DHB"),
        change=f"-c \"update sis.students set mobile = '0912345678' where student_id = {student}\"",
        psql_national=place.psql("national", "hemis"),
        watch=f'-c "{seen}"',
        hemis=sys.argv[0] if sys.argv[0].endswith("hemis") else "hemis",
        settings=str(place.home / "settings"),
        record=record,
        addresses=scraper.endpoints,
        board=place.sign_in(),
        monitoring=monitoring,
        logs=f"{place.home}/processes/*.log",
    )


@contextmanager
def _stopping() -> Iterator[Event]:
    """SIGINT and SIGTERM ask for a clean end; a second one while we wait changes nothing."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before: list[Callable[..., object] | int | None] = [signal.signal(n, lambda *_: stop.set()) for n in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
