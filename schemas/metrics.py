"""Metrics, declared once: Prometheus names, base units, at most the institution and one more label; never a person.

A process makes the ones it exports with `make(registry, NAME)`. The reference page, the dashboards and the count of series come
from `METRICS`; alerts and recording rules are checked against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

M = TypeVar("M", Counter, Gauge, Histogram)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each counter, which nobody reads

DELAY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 86400)
STATUSES = ("healthy", "unready", "dead")
ALARMS = (
    "cancels_held",
    "changed_system_id",
    "equal_version_other_content",
    "forged_institution",
    "former_instance",
    "gap",
    "undecodable",
    "unknown_instance",
)
MEASURES = ("correct", "complete", "clean", "live")

Unit = Literal["s", "bytes", "short", "percentunit", "time"]
"""How a dashboard shows the value; `time` is a Unix time, of which it shows the age."""

INSTITUTIONS = 470
LABELS: Mapping[str, int] = {
    "institution": INSTITUTIONS,
    "fate": 6,
    "operation": 3,
    "stage": 4,
    "code": 10,
    "alarm": len(ALARMS),
    "measure": len(MEASURES),
    "status": len(STATUSES),
    "change": 2,
    "finding_status": 4,
    "component": 6,
    "certificate": 2,
    "table": 20,
    "outcome": 2,
    "topic": 2 * INSTITUTIONS,
}
"""How many values each label has in a country of 470 institutions, at most."""


@dataclass(frozen=True)
class Metric:
    """`copies`: how many processes may export the same labels. `dependent`: series where labels go together, in place of the
    product of their values.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = DELAY_BUCKETS
    unit: Unit = "short"
    copies: int = 1
    dependent: int = 0

    @property
    def series(self) -> int:
        """Series in the whole country, at most."""
        each = len(self.buckets) + 3 if self.kind == "histogram" else 1
        return each * self.copies * (self.dependent or prod(LABELS[label] for label in self.labels))


PROCESSES = INSTITUTIONS + 30
"""Agents and national processes."""
_PLACES = 3 * INSTITUTIONS + 30
"""Changes and orders of RECORDS, findings of the sink, and the national topics."""

METRICS: tuple[Metric, ...] = (
    # what arrives
    Metric(
        "hemis_canary_timestamp_seconds",
        "gauge",
        "When the newest canary in the national database began its way at the source. Its age is the institution's liveness.",
        ("institution",),
        unit="time",
        copies=2,
    ),
    Metric(
        "hemis_canary_interval_seconds",
        "gauge",
        "How often the institution's agent sends a canary.",
        ("institution",),
        unit="s",
        copies=2,
    ),
    Metric(
        "hemis_stage_canary_timestamp_seconds",
        "gauge",
        "The same, of the newest canary that has passed a stage on the way: agent, records.",
        ("stage", "institution"),
        unit="time",
        dependent=2 * INSTITUTIONS,
    ),
    Metric(
        "hemis_end_to_end_seconds",
        "histogram",
        "Source commit to national commit.",
        ("institution",),
        unit="s",
        copies=2,
    ),
    Metric("hemis_stage_delay_seconds", "histogram", "Source commit to the stage's output.", ("stage",), unit="s"),
    # what became of it
    Metric(
        "hemis_ledger_events_total",
        "counter",
        "Events by fate (P2), from RECORDS' durable ledger: read, applied, superseded, duplicate, held, dead_letter.",
        ("institution", "fate"),
    ),
    Metric("hemis_dead_letters_total", "counter", "Dead letters by code.", ("institution", "code")),
    Metric(
        "hemis_alarms_total",
        "counter",
        "Alarms: equal version with other content, foreign institution, former instance, changed system id, gap, CANCELs held.",
        ("institution", "alarm"),
    ),
    Metric("hemis_held_cancels", "gauge", "CANCELs that the brake holds.", ("institution",)),
    Metric("hemis_state_records", "gauge", "Records in RECORDS' state.", ("institution",)),
    # how good it is
    Metric("hemis_findings_open", "gauge", "Open findings.", ("institution",), copies=2),
    Metric(
        "hemis_quality_ratio",
        "gauge",
        "The four measures of the newest day: correct, complete, clean, live. Absent until they are assessed.",
        ("institution", "measure"),
        unit="percentunit",
        copies=2,
    ),
    Metric(
        "hemis_difference_rows",
        "gauge",
        "Rows that differ between source and store by the last comparison (P10). Absent until one is made: not assessed.",
        ("institution",),
    ),
    # at the university
    Metric("hemis_agent_events_total", "counter", "Events acknowledged by the broker.", ("institution", "operation")),
    Metric(
        "hemis_agent_position_timestamp_seconds",
        "gauge",
        "Commit time of the newest change acknowledged by the broker.",
        ("institution",),
        unit="time",
    ),
    Metric("hemis_agent_position_bytes", "gauge", "Log position confirmed to the source.", ("institution",)),
    Metric(
        "hemis_source_retained_bytes", "gauge", "Log that the slot keeps at the source.", ("institution",), unit="bytes"
    ),
    Metric(
        "hemis_agent_buffered_bytes", "gauge", "Events captured, not yet acknowledged.", ("institution",), unit="bytes"
    ),
    Metric("hemis_load_rows_total", "counter", "Rows read by first load and reload.", ("institution",)),
    Metric(
        "hemis_load_rows_expected",
        "gauge",
        "Rows that the running load expects, by the source's statistics.",
        ("institution",),
    ),
    # the stages
    Metric(
        "hemis_health",
        "gauge",
        "One-hot health: dead is /healthz, unready /readyz.",
        ("component", "instance", "status"),
        dependent=PROCESSES * len(STATUSES),
    ),
    Metric(
        "hemis_lag_records",
        "gauge",
        "Records between the place and the log's end.",
        ("stage", "topic"),
        dependent=_PLACES,
    ),
    Metric("hemis_place_offset", "gauge", "First offset not yet done.", ("stage", "topic"), dependent=_PLACES),
    Metric("hemis_paused", "gauge", "1 while admission holds an institution back.", ("institution",)),
    Metric(
        "hemis_batch_records",
        "histogram",
        "Records per unit of work.",
        ("stage",),
        (1, 10, 100, 500, 1000, 5000, 10_000, 50_000),
    ),
    Metric(
        "hemis_finding_changes_total",
        "counter",
        "Findings that the agent's inbox saw open and close.",
        ("institution", "change"),
    ),
    Metric(
        "hemis_findings",
        "gauge",
        "Findings in the national table.",
        ("institution", "finding_status"),
    ),
    Metric(
        "hemis_place_holes_total",
        "counter",
        "Fetches that did not begin at the partition's place; the consumer went back.",
        ("stage",),
    ),
    Metric("hemis_state_bytes", "gauge", "Disk that a processor's state takes.", ("stage",), unit="bytes"),
    Metric("hemis_sink_rows_total", "counter", "Rows by what the sink did: applied, superseded.", ("table", "outcome")),
    Metric("hemis_sink_commit_timestamp_seconds", "gauge", "Last national commit.", unit="time"),
    Metric(
        "hemis_errors_total",
        "counter",
        "Transient errors by code, those of the registry among them.",
        ("component", "code"),
        dependent=PROCESSES * 3,
    ),
    Metric("hemis_board_live_pages", "gauge", "Pages of the quality board that are kept up to date."),
    Metric(
        "hemis_certificate_end_timestamp_seconds",
        "gauge",
        "When a certificate ends: the CA that a process trusts, and the one that the broker presents.",
        ("component", "certificate"),
        unit="time",
        dependent=PROCESSES * 2,
    ),
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
