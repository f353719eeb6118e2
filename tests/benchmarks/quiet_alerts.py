"""`python -m tests.benchmarks quiet-alerts`: the demo's whole system with nothing to do, watched by the real Prometheus with its rules.

Not one alert may fire. Canaries and manifests go on, as everywhere.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from deploy.demo.arrival import Arrival
from deploy.demo.extent import CODES
from deploy.demo.monitor import Monitor
from deploy.demo.place import Place
from deploy.demo.workers import Workers
from deploy.local.prometheus import Prometheus
from tests.benchmarks.measure import RESULTS, Result, machine, say, table, write

QUIET_RESULTS = RESULTS.with_name("quiet-alerts.jsonl")
LOAD_PATIENCE = 300.0
LOOK_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if an alert fired.

    Raises:
        RuntimeError: Prometheus did not see everything all the time, so that its silence says nothing.
    """
    given = _parse(arguments)
    with ExitStack() as last:
        home = Path(given.home or last.enter_context(tempfile.TemporaryDirectory(prefix="hemis-quiet-")))
        place = Place(home, given.learners, 1)
        workers, monitor = Workers(place.home / "processes"), Monitor(place.home / "prometheus")
        last.callback(place.stack.down)
        last.callback(workers.stop)
        wanted = place.prepare(say)
        workers.start(wanted)
        last.callback(monitor.stop)
        if not monitor.start(wanted, say):
            raise RuntimeError("no Prometheus")
        began = time.time()
        _load(place)
        loading = _alerts(monitor.server, "firing", began)
        say(f"loaded; quiet for {given.minutes:g} minutes")
        began, peak = time.time(), 0.0
        while time.time() - began < given.minutes * 60:
            time.sleep(LOOK_SECONDS)
            peak = max(peak, os.getloadavg()[0])
        fired, pending = (_alerts(monitor.server, state, began) for state in ("firing", "pending"))
        oldest = _seen(monitor.server, began, len(wanted))
    conditions = {
        "machine": machine(),
        "minutes": given.minutes,
        "learners": given.learners,
        "fired": fired,
        "pending": pending,
        "fired_in_the_load": loading,
        "oldest_canary_seconds": oldest,
        "restarts": workers.restarts,
        "highest_load": peak,
    }
    result = Result("quiet: alerts that fired", "alerts", len(fired), None, "less", conditions)
    QUIET_RESULTS.unlink(missing_ok=True)
    write(result, QUIET_RESULTS)
    say(f"fired: {fired or 'none'}; pending: {pending or 'none'}")
    say("\n" + table([result]))
    return int(bool(fired))


def _load(place: Place) -> None:
    arrival = Arrival(place)
    try:
        outcomes = arrival.wait_equal("first load", say, Event(), LOAD_PATIENCE)
    finally:
        arrival.close()
    if not all(outcome.perfect for outcome in outcomes):
        raise RuntimeError("the first load did not arrive")


def _alerts(server: Prometheus, state: str, since: float) -> list[str]:
    """Alerts that were in this state at any evaluation since then, with whom they were about."""
    found = server.query(f'last_over_time(ALERTS{{alertstate="{state}"}}[{_window(since)}])')
    labels = [sample["metric"] for sample in found]
    return sorted(f"{at['alertname']} {at.get('institution') or at.get('instance') or ''}".strip() for at in labels)


def _seen(server: Prometheus, since: float, processes: int) -> float:
    """The age that the oldest canary reached.

    Raises:
        RuntimeError: a process was not scraped, a rule failed, or a canary is missing.
    """
    window = _window(since)
    up = server.query(f"min_over_time(up[{window}])")
    oldest = server.query(f"max_over_time((time() - hemis_canary_timestamp_seconds)[{window}:{LOOK_SECONDS:g}s])")
    blind = [sample["metric"]["instance"] for sample in up if float(sample["value"][1]) < 1]
    canaries = {sample["metric"]["institution"] for sample in oldest}
    if blind or len(up) != processes or canaries != set(CODES):
        raise RuntimeError(
            f"{len(up)} of {processes} processes were scraped, not always: {blind}; canaries of {canaries}"
        )
    return round(max(float(sample["value"][1]) for sample in oldest), 1)


def _window(since: float) -> str:
    return f"{max(1, int(time.time() - since))}s"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks quiet-alerts", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of quiet, after the first load (default 30)")
    parser.add_argument("--learners", type=int, default=3000, help="of the three universities (default 3,000)")
    parser.add_argument("--home", help="folder to keep the system and all logs in (default: a temporary one)")
    return parser.parse_args(arguments)
