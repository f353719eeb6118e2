"""What a processor exports: the durable ledger as it stands, and the stage's own counters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from schemas.metrics import ALARMS, declared, make
from stream_processors.matcher.stage import Matching
from stream_processors.people.stage import People
from stream_processors.records.account import FATES
from stream_processors.records.stage import Records

RAISED = tuple(alarm for alarm in ALARMS if alarm != "undecodable")
"""The sink raises the other."""


class Exporter:
    """A collector over a stage. Counters of the ledger come from durable state, so that a restart does not set them back."""

    def __init__(self, stage: Records | People | Matching, registry: CollectorRegistry) -> None:
        self._stage = stage
        self._batches = make(registry, "hemis_batch_records", Histogram).labels(stage.name)
        self._delays = make(registry, "hemis_stage_delay_seconds", Histogram).labels(stage.name)
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        stage = self._stage
        holes = _counter("hemis_place_holes_total")
        holes.add_metric([stage.name], stage.holes)
        places, lags = _gauge("hemis_place_offset"), _gauge("hemis_lag_records")
        for tp, place in stage.places().items():
            labels = [stage.name, tp.topic if stage.name == "records" else f"{tp.topic}-{tp.partition}"]
            places.add_metric(labels, place)
            lags.add_metric(labels, stage.lag(tp, place))
        errors = _counter("hemis_errors_total")
        for code, count in dict(stage.errors).items():
            errors.add_metric([stage.name, code], count)
        size = _gauge("hemis_state_bytes")
        size.add_metric([stage.name], stage.store.size())
        canaries = _gauge("hemis_stage_canary_timestamp_seconds")
        for code, (at, _) in stage.canaries().items():
            canaries.add_metric([stage.name, code], at)
        yield from (holes, places, lags, errors, size, canaries)
        if isinstance(stage, Records):
            yield from self._ledger(stage)

    def _ledger(self, stage: Records) -> Iterable[Any]:
        ledger, alarms, letters = (
            _counter("hemis_ledger_events_total"),
            _counter("hemis_alarms_total"),
            _counter("hemis_dead_letters_total"),
        )
        live, findings, held, paused = (
            _gauge(n) for n in ("hemis_state_records", "hemis_findings_open", "hemis_held_cancels", "hemis_paused")
        )
        for code, account in stage.facts().items():
            for fate in FATES:
                ledger.add_metric([code, fate], getattr(account, fate))
            # All of them from the first scrape on, or the first alarm would be no increase.
            for name in {*RAISED, *account.alarms}:
                alarms.add_metric([code, name], account.alarms.get(name, 0))
            for name, count in account.dead_letter_codes.items():
                letters.add_metric([code, name], count)
            live.add_metric([code], account.live)
            findings.add_metric([code], account.findings_open)
            held.add_metric([code], account.held)
            paused.add_metric([code], 0 if stage.admitted(code) else 1)
        yield from (ledger, alarms, letters, live, findings, held, paused)

    def export(self) -> None:
        """Move what the stage noted since the last call into the histograms."""
        batches, self._stage.batches = self._stage.batches, []
        delays, self._stage.delays = self._stage.delays, []
        for count in batches:
            self._batches.observe(count)
        for seconds in delays:
            self._delays.observe(seconds)


def _counter(name: str) -> CounterMetricFamily:
    metric = declared(name)
    return CounterMetricFamily(metric.name, metric.doc, labels=metric.labels)


def _gauge(name: str) -> GaugeMetricFamily:
    metric = declared(name)
    return GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels)
