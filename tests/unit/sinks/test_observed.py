"""Metrics and checks of the sink."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from schemas.errors import HemisError
from sinks.base import Applied
from sinks.dead_letters import institution_of
from sinks.observed import STUCK_SECONDS, Delays, Observed
from sinks.quality.job import QualityJob, Touching
from sinks.quality.stream import Stream


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_delays_are_counted_in_their_buckets() -> None:
    registry = CollectorRegistry()
    delays = Delays()
    registry.register(delays)
    now = 10_000_000_000
    delays.observe(
        [(b"UNI-A/person/1", now - 20_000), (b"UNI-A/person/2", now - 60_000), (b"UNI-B/person/1", now + 5)], now
    )
    assert value(registry, "hemis_end_to_end_seconds_bucket", institution="UNI-A", le="0.01") == 0
    assert value(registry, "hemis_end_to_end_seconds_bucket", institution="UNI-A", le="0.02") == 1
    assert value(registry, "hemis_end_to_end_seconds_bucket", institution="UNI-A", le="+Inf") == 2
    assert value(registry, "hemis_end_to_end_seconds_count", institution="UNI-B") == 1
    assert round(value(registry, "hemis_end_to_end_seconds_sum", institution="UNI-A") or 0, 6) == 0.08


def test_a_replay_is_no_delay() -> None:
    registry = CollectorRegistry()
    observed = Observed(registry)
    observed.applied({("t", 0): 1}, Applied({"person": 1}, {"person": 0}, [(b"UNI-A/person/1", 0)]))
    assert value(registry, "hemis_end_to_end_seconds_count", institution="UNI-A") is None
    assert value(registry, "hemis_sink_rows_total", table="person", outcome="superseded") == 1


def test_the_checks_tell_the_truth() -> None:
    now = [0.0]
    registry = CollectorRegistry()
    observed = Observed(registry, clock=lambda: now[0])
    assert "partitions" in observed.ready()
    observed.placed({("t", 0): 1})
    assert observed.ready() == observed.alive() == {}
    observed.trouble(HemisError("E501"))
    assert observed.ready() == {"trouble": "E501"}
    assert observed.alive() == {}
    observed.well()
    assert observed.ready() == {}
    now[0] = STUCK_SECONDS + 1
    assert "loop" in observed.alive()
    observed.turn()
    assert observed.alive() == {}


def test_lag_is_measured_from_what_the_consumer_knows() -> None:
    class Known:
        def get_watermark_offsets(self, partition: object, cached: bool = False) -> tuple[int, int]:
            return (0, 10)

    registry = CollectorRegistry()
    observed = Observed(registry)
    observed.placed({("t", 0): 4, ("t", 1): 10})
    observed.measure(Known())
    assert value(registry, "hemis_lag_records", stage="sink", topic="t") == 6
    assert value(registry, "hemis_place_offset", stage="sink", topic="t") == 14


def test_the_institution_of_what_cannot_be_read() -> None:
    assert institution_of("hemis.findings.UNI-A", None) == "UNI-A"
    assert institution_of("hemis.clean.person", b"UNI-B/person/1") == "UNI-B"
    assert institution_of("hemis.clean.person", b"\xff") == ""
    assert institution_of("hemis.clean.person", None) == ""


def test_the_work_on_quality_shares_the_sinks_registry() -> None:
    """One process, one registry: a metric that both made would end the sink at its start."""
    metrics = CollectorRegistry()
    observed = Observed(metrics)
    engine = sa.create_engine("sqlite://")

    def nobody() -> Any:
        raise AssertionError("no rule runs here")

    never = Touching(nobody, 0, 1)
    stream = Stream({}, "g")
    job = QualityJob(engine, nobody, metrics, observed.aside, stream, never, measure_seconds=0, rules_seconds=0)
    job.start()
    observed.aside(HemisError("E501"))
    job.close()
    assert value(metrics, "hemis_errors_total", component="sink", code="E501") == 1.0
