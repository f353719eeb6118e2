"""The sink as a process: its parts put together, and taken down in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from confluent_kafka import Consumer, Producer
from prometheus_client import CollectorRegistry

from schemas.avro_schema import subject
from schemas.certificate import CertificateEnd
from schemas.errors import HemisError
from schemas.health import HealthServer
from schemas.logs import log
from schemas.memory import collect_rarely
from schemas.registry import Registry
from schemas.settings import SinkSettings
from sinks import migrate
from sinks.arrivals import Arrivals
from sinks.canaries import Canaries
from sinks.database import national_engine, translated_database_errors
from sinks.dead_letters import DeadLetters
from sinks.delivery import Delivery, consumer_config
from sinks.observed import Observed
from sinks.postgresql.sink import PostgresSink
from sinks.progress import Progress
from sinks.quality.job import QualityJob, Touching
from sinks.quality.publisher import FindingPublisher, TouchPublisher
from sinks.quality.stream import Stream
from sinks.topic_ids import TopicIds
from sinks.writers import Writers

T = TypeVar("T")

MEASURE_SECONDS = 2.0
RETRY_SECONDS = 1.0


class Service:
    """One sink process. `run` returns after `stop`, or raises a terminal HemisError."""

    def __init__(self, settings: SinkSettings) -> None:
        self._settings = settings
        self._stopping = False
        self._delivery: Delivery | None = None
        self._measured = 0.0

    def stop(self) -> None:
        self._stopping = True
        if self._delivery is not None:
            self._delivery.stop()

    def run(self, began: float) -> None:
        settings = self._settings
        metrics = CollectorRegistry()
        engine = national_engine(settings)
        arrivals = Arrivals(engine)
        canaries = Canaries(engine, arrivals)
        certificates = CertificateEnd("sink", settings)
        observed = Observed(metrics, certificates=certificates, canaries=canaries, arrivals=arrivals)
        health = HealthServer(
            settings.metrics_port,
            metrics,
            component="sink",
            instance=settings.member or settings.group,
            alive=observed.alive,
            ready=observed.ready,
            host=settings.metrics_host,
        )
        registry = Registry(settings.registry_url, Path(settings.data) / "schemas")
        collect_rarely()
        sink = PostgresSink(engine, Writers(registry))
        kafka = settings.kafka()
        consumer = Consumer(consumer_config(kafka, settings.group, settings.member))
        # Progress that an outage loses, or puts out of order, would hold back RECORDS until the next message.
        lasting = {"message.timeout.ms": 0, "max.in.flight.requests.per.connection": 1}
        producer = Producer(kafka | lasting | {"compression.type": "lz4", "linger.ms": 2})
        burying = Producer(kafka | {"compression.type": "lz4", "enable.idempotence": True})
        stream = Stream(kafka, settings.group)
        quality = QualityJob(
            engine,
            lambda: FindingPublisher(kafka, registry.id_of(subject("Finding"))),
            metrics,
            observed.aside,
            stream,
            Touching(
                lambda: TouchPublisher(kafka, registry.id_of(subject("Order"))),
                settings.touch_seconds,
                settings.touch_records,
            ),
            measure_seconds=settings.quality_seconds,
            rules_seconds=settings.set_rules_seconds,
        )
        try:
            ids = self._prepared(lambda: _ids(registry), observed)
            self._prepared(lambda: _check(engine), observed)
            if ids is None or self._stopping:
                return
            self._delivery = Delivery(
                consumer,
                sink,
                TopicIds(kafka),
                Progress(producer, ids["Progress"]),
                DeadLetters(burying, ids["DeadLetter"]),
                observed,
                batch_rows=settings.batch_rows,
                idle=lambda: self._measure(observed, consumer),
            )
            if self._stopping:
                return
            quality.start()
            log("info", "the sink runs", health=health.url, seconds=round(time.monotonic() - began, 2))
            self._delivery.run()
        finally:
            quality.close()
            stream.close()
            consumer.close()
            producer.flush(2.0)
            sink.close()
            canaries.close()
            engine.dispose()
            health.close()

    def _prepared(self, act: Callable[[], T], observed: Observed) -> T | None:
        """Registry and database may come up after us. None after `stop`."""
        while not self._stopping:
            observed.turn()
            try:
                return act()
            except HemisError as error:
                if not error.transient:
                    raise
                observed.trouble(error)
            time.sleep(RETRY_SECONDS)
        return None

    def _measure(self, observed: Observed, consumer: Consumer) -> None:
        now = time.monotonic()
        if now - self._measured >= MEASURE_SECONDS:
            self._measured = now
            observed.measure(consumer)


def _ids(registry: Registry) -> dict[str, int]:
    return {name: registry.id_of(subject(name)) for name in ("Progress", "DeadLetter")}


def _check(engine: sa.Engine) -> None:
    with translated_database_errors():
        migrate.require_schema(engine)
