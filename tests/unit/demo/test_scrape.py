"""Folding of scraped metrics into the view's numbers."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from rich.console import Console

from deploy.demo import view
from deploy.demo.scrape import Scraper, quantile
from schemas.metrics import make

READY = {"agent-DHA": "ready", "records-1": "ready", "records-2": "ready", "sink": "ready"}


def ledger(**fates: int) -> str:
    registry = CollectorRegistry()
    counter = make(registry, "hemis_ledger_events_total", Counter)
    for fate, count in fates.items():
        counter.labels("DHA", fate).inc(count)
    make(registry, "hemis_findings_open", Gauge).labels("DHA").set(3)
    return generate_latest(registry).decode()


class Sink:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.delays = make(self.registry, "hemis_end_to_end_seconds", Histogram).labels("DHA")

    def text(self) -> str:
        return generate_latest(self.registry).decode()


def test_in_flight_is_what_was_read_and_not_decided() -> None:
    scraper = Scraper(dict.fromkeys(READY, ""), ("DHA",))
    state = scraper.fold({"records-1": ledger(read=10, applied=6, duplicate=1, held=1)}, READY, 0.0).universities["DHA"]
    assert (state.read, state.in_flight, state.findings, state.health) == (10, 2, 3, "ready")


def test_a_worker_that_lost_an_institution_does_not_count_twice() -> None:
    texts = {"records-1": ledger(read=10, applied=10), "records-2": ledger(read=25, applied=20, superseded=5)}
    state = Scraper(dict.fromkeys(READY, ""), ("DHA",)).fold(texts, READY, 0.0).universities["DHA"]
    assert (state.read, state.fates["applied"], state.in_flight) == (25, 20, 0)


def test_delays_are_those_of_the_window() -> None:
    scraper = Scraper(dict.fromkeys(READY, ""), ("DHA",))
    sink = Sink()
    for _ in range(100):
        sink.delays.observe(50.0)
    scraper.fold({"sink": sink.text()}, READY, 0.0)
    for _ in range(100):
        sink.delays.observe(0.025)
    state = scraper.fold({"sink": sink.text()}, READY, 20.0).universities["DHA"]
    assert state.p50 is not None
    assert state.p95 is not None
    assert 0.02 <= state.p50 <= state.p95 <= 0.03
    assert scraper.fold({"sink": sink.text()}, READY, 60.0).universities["DHA"].p95 is None


def test_a_sink_that_begins_again_gives_no_negative_counts() -> None:
    scraper = Scraper(dict.fromkeys(READY, ""), ("DHA",))
    old, new = Sink(), Sink()
    for _ in range(10):
        old.delays.observe(1.5)
    new.delays.observe(0.006)
    scraper.fold({"sink": old.text()}, READY, 0.0)
    assert scraper.fold({"sink": new.text()}, READY, 1.0).universities["DHA"].p50 == pytest.approx(0.0075, abs=0.003)


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert quantile({1.0: 0.0, math.inf: 4.0}, 0.5) == 1.0
    assert quantile({}, 0.5) is None


def test_the_view_shows_every_number() -> None:
    scraper = Scraper(dict.fromkeys(READY, ""), ("DHA",))
    snapshot = scraper.fold({"records-1": ledger(read=1234, applied=1200, dead_letter=4)}, READY, 0.0)
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(view.screen(snapshot, {"DHA": (5, 10)}, ("records-1 ended",)))
    text = console.export_text()
    for part in (*view.COLUMNS, "1,234", "1,200", "30", "5 of 10 records", "records-1 ended"):
        assert part in text


def test_measures_and_what_opened_and_closed_are_shown() -> None:
    registry = CollectorRegistry()
    changes = make(registry, "hemis_finding_changes_total", Counter)
    changes.labels("DHA", "opened").inc(7)
    changes.labels("DHA", "closed").inc(3)
    quality = make(registry, "hemis_quality_ratio", Gauge)
    for measure, value in {"correct": 0.991, "clean": 0.9, "live": 1.0}.items():
        quality.labels("DHA", measure).set(value)
    quality.labels("elsewhere", "clean").set(0.1)
    texts = {"sink": generate_latest(registry).decode()}
    snapshot = Scraper(dict.fromkeys(READY, ""), ("DHA",)).fold(texts, READY, 0.0)
    console = Console(width=140)
    with console.capture() as shown:
        console.print(view.quality(snapshot))
    line = next(line for line in shown.get().splitlines() if "DHA" in line)
    assert [cell.strip() for cell in line.strip("│ ").split("│")] == [
        "DHA",
        "7",
        "3",
        "99.10%",
        "–",
        "90.00%",
        "100.00%",
    ]
