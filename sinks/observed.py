"""What the sink shows of itself: metrics, and the checks behind /healthz and /readyz."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from schemas.certificate import CertificateEnd
from schemas.errors import HemisError
from schemas.logs import log
from schemas.metrics import METRICS, make
from schemas.topics import STORED, clean_topic
from sinks.arrivals import Arrivals
from sinks.base import Applied
from sinks.canaries import Canaries
from sinks.dead_letters import institution_of

STUCK_SECONDS = 90.0
"""A loop that has not turned for longer is not working: longer than the longest answer it waits for."""

CANARIES = clean_topic("canary")

At = tuple[str, int]


class Delays(Collector):
    """hemis_end_to_end_seconds, counted by batch: a histogram's `observe` per row would cost more than the row."""

    def __init__(self) -> None:
        self._metric = next(metric for metric in METRICS if metric.name == "hemis_end_to_end_seconds")
        self._bounds = self._metric.buckets
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self._lock = Lock()

    def observe(self, changes: Iterable[tuple[bytes, int]], now: int) -> dict[str, list[int]]:
        """Record key and changed_at of what a commit at `now` made visible; both in µs.

        Returns:
            Their counts per institution, by bucket.
        """
        seen: dict[str, list[int]] = {}
        by_institution: dict[bytes, list[int]] = {}
        for key, changed_at in changes:
            by_institution.setdefault(key[: key.find(b"/")], []).append(changed_at)
        with self._lock:
            for raw, times in by_institution.items():
                institution = raw.decode()
                own = seen[institution] = [0] * (len(self._bounds) + 1)
                for changed_at in times:
                    own[bisect_left(self._bounds, (now - changed_at) / 1e6)] += 1
                counts = self._counts.setdefault(institution, [0] * len(own))
                self._counts[institution] = [a + b for a, b in zip(counts, own, strict=True)]
                late = (now * len(times) - sum(times)) / 1e6
                self._sums[institution] = self._sums.get(institution, 0.0) + late
        return seen

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self._metric.name, self._metric.doc, labels=self._metric.labels)
        with self._lock:
            for institution, counts in self._counts.items():
                total = 0
                buckets: list[tuple[str, float]] = []
                for bound, count in zip([*map(str, map(float, self._bounds)), "+Inf"], counts, strict=True):
                    total += count
                    buckets.append((bound, total))
                family.add_metric([institution], buckets, self._sums[institution])
        yield family


class Lags(Protocol):
    def get_watermark_offsets(self, partition: TopicPartition, cached: bool = False) -> tuple[int, int] | None: ...


class Observed:
    """Told by the delivery's thread, read by the health server's."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        certificates: CertificateEnd | None = None,
        canaries: Canaries | None = None,
        arrivals: Arrivals | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._canaries = canaries
        self._arrivals = arrivals
        if certificates is not None:
            registry.register(certificates)
        if canaries is not None:
            registry.register(canaries)
        self._delays = Delays()
        registry.register(self._delays)
        self._rows = make(registry, "hemis_sink_rows_total", Counter)
        self._batches = make(registry, "hemis_batch_records", Histogram).labels("sink")
        self._committed = make(registry, "hemis_sink_commit_timestamp_seconds", Gauge)
        self._place = make(registry, "hemis_place_offset", Gauge)
        self._lag = make(registry, "hemis_lag_records", Gauge)
        self._letters = make(registry, "hemis_dead_letters_total", Counter)
        self._alarms = make(registry, "hemis_alarms_total", Counter)
        self._holes = make(registry, "hemis_place_holes_total", Counter).labels("sink")
        self._errors = make(registry, "hemis_errors_total", Counter)
        self._turned = clock()
        self._places: dict[At, int] = {}
        self._trouble: str | None = None

    def turn(self) -> None:
        """The loop has come round."""
        self._turned = self._clock()

    def applied(self, places: Mapping[At, int], applied: Applied, *, again: bool = False) -> None:
        """`again`: a former copy of the database had it already."""
        now = time.time_ns() // 1000
        if any(applied.applied.values()) and not again:
            # A replay shows nobody anything new.
            delays = self._delays.observe(applied.live, now)
            if self._arrivals is not None:
                self._arrivals.applied(applied.live, delays, now, canaries="canary" in applied.read)
        self._committed.set(now / 1e6)
        self._batches.observe(sum(applied.read.values()))
        for table, read in applied.read.items():
            done = applied.applied.get(table, 0)
            self._rows.labels(table, "applied").inc(done)
            self._rows.labels(table, "superseded").inc(read - done)
        self._places.update(places)

    def processed(self, topic: str, messages: Iterable[Message]) -> None:
        """Messages that were applied just now: those of canaries say when the broker had their events, and when RECORDS sent them."""
        if self._arrivals is not None and topic == CANARIES:
            for message in messages:
                stored = dict(message.headers() or ()).get(STORED)
                self._arrivals.processed(message.key() or b"", message.timestamp()[1], int(stored or -1))

    def placed(self, places: Mapping[At, int]) -> None:
        self._places.update(places)

    def revoked(self, at: At) -> None:
        self._places.pop(at, None)

    def measure(self, consumer: Consumer | Lags) -> None:
        """Places and lags by topic, from what the consumer knows already; now and then, not per batch."""
        places: dict[str, int] = {}
        lags: dict[str, int] = {}
        for (topic, partition), place in self._places.items():
            try:
                marks = consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            except KafkaException:
                continue
            places[topic] = places.get(topic, 0) + place
            lags[topic] = lags.get(topic, 0) + max(0, (marks[1] if marks else place) - place)
        for topic, place in places.items():
            self._place.labels("sink", topic).set(place)
            self._lag.labels("sink", topic).set(lags[topic])

    def buried(self, topic: str, key: bytes | None, code: str) -> None:
        institution = institution_of(topic, key)
        self._letters.labels(institution, code).inc()
        self._alarms.labels(institution, "undecodable").inc()

    def fenced(self) -> None:
        self._holes.inc()

    def trouble(self, error: HemisError) -> None:
        """A transient error; only its beginning is logged."""
        self._errors.labels("sink", error.code).inc()
        if self._trouble != error.code:
            log("warning", error.declared.en, action=error.declared.hint_en, code=error.code, detail=error.detail)
            self._trouble = error.code

    def aside(self, error: HemisError) -> None:
        """An error of the work on quality, which the stream does not wait for."""
        self._errors.labels("sink", error.code).inc()
        log("warning", error.declared.en, action=error.declared.hint_en, code=error.code, detail=error.detail)

    def well(self) -> None:
        if self._trouble is not None:
            log("info", "the sink goes on", after=self._trouble)
            self._trouble = None

    def alive(self) -> dict[str, str]:
        silent = self._clock() - self._turned
        return {"loop": f"has not turned for {silent:.0f} s"} if silent > STUCK_SECONDS else {}

    def ready(self) -> dict[str, str]:
        wrong = self.alive()
        if self._trouble is not None:
            wrong["trouble"] = self._trouble
        if not self._places:
            wrong["partitions"] = "none"
        if self._canaries is not None:
            wrong |= self._canaries.ready()
        return wrong
