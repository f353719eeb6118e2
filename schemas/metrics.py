"""Metrics, declared once: Prometheus names, base units, at most the institution and one more label; never a person.

A process makes the ones it exports with `make(registry, NAME)`. The reference page comes from `METRICS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

M = TypeVar("M", Counter, Gauge, Histogram)

DELAY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 86400)


@dataclass(frozen=True)
class Metric:
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = DELAY_BUCKETS


METRICS: tuple[Metric, ...] = (
    Metric(
        "hemis_ledger_events_total",
        "counter",
        "Events by fate (P2), from RECORDS' durable ledger: read, applied, superseded, duplicate, held, dead_letter.",
        ("institution", "fate"),
    ),
    Metric("hemis_end_to_end_seconds", "histogram", "Source commit to national commit.", ("institution",)),
    Metric("hemis_stage_delay_seconds", "histogram", "Source commit to the stage's output.", ("stage",)),
    Metric("hemis_agent_events_total", "counter", "Events acknowledged by the broker.", ("institution", "operation")),
    Metric(
        "hemis_agent_position_timestamp_seconds",
        "gauge",
        "Commit time of the newest change acknowledged by the broker.",
        ("institution",),
    ),
    Metric("hemis_agent_position_bytes", "gauge", "Log position confirmed to the source.", ("institution",)),
    Metric("hemis_source_retained_bytes", "gauge", "Log that the slot keeps at the source.", ("institution",)),
    Metric("hemis_agent_buffered_bytes", "gauge", "Events captured, not yet acknowledged.", ("institution",)),
    Metric("hemis_load_rows_total", "counter", "Rows read by first load and reload.", ("institution", "table")),
    Metric(
        "hemis_load_rows_expected",
        "gauge",
        "Rows that the running load expects, by the source's statistics.",
        ("institution", "table"),
    ),
    Metric(
        "hemis_batch_records",
        "histogram",
        "Records per unit of work.",
        ("stage",),
        (1, 10, 100, 500, 1000, 5000, 10_000, 50_000),
    ),
    Metric("hemis_place_offset", "gauge", "First offset not yet done.", ("stage", "topic")),
    Metric("hemis_lag_records", "gauge", "Records between the place and the log's end.", ("stage", "topic")),
    Metric("hemis_paused", "gauge", "1 while admission holds an institution back.", ("institution",)),
    Metric("hemis_held_cancels", "gauge", "CANCELs that the brake holds.", ("institution",)),
    Metric("hemis_findings_open", "gauge", "Open findings.", ("institution",)),
    Metric("hemis_dead_letters_total", "counter", "Dead letters by code.", ("institution", "code")),
    Metric(
        "hemis_alarms_total",
        "counter",
        "Alarms: equal version with other content, foreign institution, former instance, changed system id, gap.",
        ("institution", "alarm"),
    ),
    Metric(
        "hemis_place_holes_total",
        "counter",
        "Fetches that did not begin at the partition's place; the consumer went back.",
        ("stage",),
    ),
    Metric("hemis_state_records", "gauge", "Records in RECORDS' state.", ("institution",)),
    Metric("hemis_sink_rows_total", "counter", "Rows by what the sink did: applied, superseded.", ("table", "outcome")),
    Metric("hemis_sink_commit_timestamp_seconds", "gauge", "Last national commit."),
    Metric("hemis_errors_total", "counter", "Transient errors by code.", ("component", "code")),
    Metric("hemis_health", "gauge", "One-hot health.", ("component", "instance", "status")),
)
_BY_NAME: Mapping[str, Metric] = {m.name: m for m in METRICS}


def declared(name: str) -> Metric:
    """The declaration of a metric."""
    return _BY_NAME[name]


def make(registry: CollectorRegistry, name: str, kind: type[M]) -> M:
    """The declared metric as a prometheus-client object on `registry`; `kind` states its class to the type checker."""
    metric = _BY_NAME[name]
    made: Counter | Gauge | Histogram
    match metric.kind:
        case "counter":
            made = Counter(metric.name, metric.doc, metric.labels, registry=registry)
        case "gauge":
            made = Gauge(metric.name, metric.doc, metric.labels, registry=registry)
        case "histogram":
            made = Histogram(metric.name, metric.doc, metric.labels, registry=registry, buckets=metric.buckets)
    if not isinstance(made, kind):
        raise TypeError(f"{name} is a {metric.kind}")
    return made
