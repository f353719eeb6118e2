"""One Faust app per stage: Faust runs the worker, the group and the shutdown; the stage does the work."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import faust
from prometheus_client import CollectorRegistry

from schemas.certificate import CertificateEnd
from schemas.health import HealthServer, late
from schemas.logs import log
from schemas.memory import collect_rarely
from schemas.registry import Registry
from schemas.settings import ProcessorSettings
from stream_processors import runs
from stream_processors.admission import Progress
from stream_processors.assignor import ByUnit, Together
from stream_processors.contract import Contract
from stream_processors.exporter import Exporter
from stream_processors.matcher.stage import Matching
from stream_processors.people.stage import People
from stream_processors.records.stage import Records
from stream_processors.store import Store
from stream_processors.topic_facts import await_broker

STAGES = ("records", "people", "matcher")
STUCK_SECONDS = 20.0
"""A worker whose fetch loop has not turned for longer is not alive, whatever its process says."""

HEARTBEAT_SECONDS = 0.3
"""A worker learns by its next heartbeat that another one asks for a rebalance, as for a new institution; till then all wait (P5)."""


def make_app(name: str, settings: ProcessorSettings, stage: Any) -> faust.App:
    """A Faust app that hands the stage its runs. The group is `hemis-<stage>`."""
    data = Path(settings.data)
    app = faust.App(
        f"hemis-{name}",
        broker=f"{runs.SCHEME}://{settings.kafka_bootstrap.replace(',', f';{runs.SCHEME}://')}",
        broker_credentials=faust.SASLCredentials(
            username=settings.kafka_user,
            password=settings.kafka_password.reveal(),
            mechanism="SCRAM-SHA-512",
            ssl_context=_transport(settings),
        ),
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=min(settings.session_timeout_seconds / 4, HEARTBEAT_SECONDS),
        broker_request_timeout=max(settings.session_timeout_seconds, 30.0),
        broker_rebalance_timeout=60.0,
        broker_commit_interval=2.0,
        broker_max_poll_records=settings.fetch_records,
        consumer_max_fetch_size=4 << 20,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=_instance(data),
        producer_acks=-1,
        producer_linger=0.0,
        producer_max_batch_size=900_000,
        producer_max_request_size=16 << 20,
        producer_request_timeout=30.0,
        PartitionAssignor=Together if name == "matcher" else ByUnit,
        table_standby_replicas=1,  # makes Faust use the assignor; there are no tables
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        datadir=str(data / "faust"),
        autodiscover=False,
        origin="stream_processors",
    )
    app.stage = stage
    stage.app = app
    return app


def _transport(settings: ProcessorSettings) -> ssl.SSLContext | None:
    return (
        ssl.create_default_context(cafile=settings.kafka_ca or None) if settings.kafka_security == "SASL_SSL" else None
    )


def _instance(data: Path) -> str:
    """Static membership: a worker that comes back within its session time-out is not a rebalance."""
    data.mkdir(parents=True, exist_ok=True)
    kept = data / "member"
    if not kept.exists():
        kept.write_text(f"{socket.gethostname()}-{os.urandom(4).hex()}")
    return kept.read_text()


def run(name: str, settings: ProcessorSettings) -> None:
    """Run one stage until it is told to stop.

    Raises:
        HemisError: it can't start.
    """
    await_broker(settings.kafka())
    contract = Contract(_registry(settings))
    store = Store(Path(settings.data) / "state")
    progress = Progress(settings.kafka()) if name == "records" else None
    stage: Records | People | Matching
    if progress:
        stage = Records(settings, store, contract, progress)
    else:
        stage = (People if name == "people" else Matching)(settings, store, contract)
    app = make_app(name, settings, stage)
    metrics = CollectorRegistry()
    exporter = Exporter(stage, metrics)
    metrics.register(CertificateEnd(name, settings))

    def alive() -> dict[str, str]:
        consumer = app._consumer
        stuck = consumer is not None and time.monotonic() - consumer.turn_at > STUCK_SECONDS
        return {"fetch loop": f"has not turned for {STUCK_SECONDS:.0f} s"} if stuck else {}

    def ready() -> dict[str, str]:
        wrong = alive()
        if not stage.mine:
            wrong["assignment"] = "none yet"
        elif missing := set(stage.mine) - set(stage.units):
            wrong["restoring"] = ", ".join(sorted(missing)[:20])
        if seen := list(stage.canaries().values()):
            newest, interval = max(seen)
            wrong |= late(newest, time.time(), interval)
        return wrong

    server = HealthServer(
        settings.metrics_port,
        metrics,
        component=name,
        instance=Path(settings.data).name,
        alive=alive,
        ready=ready,
        host=settings.metrics_host,
    )

    @app.timer(1.0)
    async def export() -> None:
        exporter.export()

    @app.on_before_shutdown.connect
    async def close(*_: Any, **__: Any) -> None:
        server.close()
        if progress:
            progress.close()

    # the libraries' debug records would be built, and thrown away, several times per message
    for library in ("aiokafka", "faust", "mode"):
        logging.getLogger(library).setLevel(logging.WARNING)
    collect_rarely()
    log("info", "stage started", stage=name, metrics=server.url)
    worker = faust.Worker(app, loglevel=logging.WARNING, quiet=True, redirect_stdouts=False, logging_config=_LOGGING)
    try:
        worker.execute_from_commandline()
    finally:
        stage.close()


def _registry(settings: ProcessorSettings) -> Registry:
    return Registry(settings.registry_url, Path(settings.data) / "schemas")


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler", "level": "WARNING"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
}
