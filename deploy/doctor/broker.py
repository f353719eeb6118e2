"""The broker: log in, certificate, a message to and fro, clock, replicas, room, topics as declared."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, Message, Producer
from confluent_kafka.admin import ClusterMetadata

from deploy.doctor.checks import CHECKS, Result, failed, passed, skipped, warned
from deploy.kafka import TIMEOUT_SECONDS, Refusals, administrator, kafka_errors, translated
from deploy.provisioning import drift
from schemas.certificate import end_of, presented
from schemas.errors import HemisError
from schemas.settings import OperatorSettings
from schemas.topics import PROBE

if TYPE_CHECKING:
    from deploy.log_dirs import LogDir

DAY = 86_400.0
CERTIFICATE_WARNS, CERTIFICATE_FAILS = 30 * DAY, 7 * DAY
CLOCK_WARNS, CLOCK_FAILS = 1.0, 30.0
"""Seconds; an agent refuses to start at thirty."""
SLOW_SECONDS = 1.0
DISK_WARNS, DISK_FAILS = 0.15, 0.05
"""Shares of a volume."""
MOST_COMMANDS = 5
AFTER_LOGIN = ("broker.writes", "broker.clock", "broker.disk", "broker.replicas", "topics.declared")


def examine(settings: OperatorSettings) -> Iterator[Result]:
    yield from certificate(settings)
    refusals = Refusals(settings)
    try:
        with kafka_errors(refusals):
            admin = administrator(settings, refusals)
            cluster = admin.list_topics(timeout=TIMEOUT_SECONDS)
    except HemisError as error:
        yield failed("broker.login", f"{error.code} {error.declared.en}", mend=error.declared.hint_en)
        for name in AFTER_LOGIN:
            yield skipped(name, "no login")
        return
    yield passed("broker.login", f"{len(cluster.brokers)} brokers, {len(cluster.topics)} topics")
    yield from _written(settings, cluster)
    yield _replicas(settings, cluster)
    yield _disk(settings)
    yield _declared(settings)


def certificate(settings: OperatorSettings) -> Iterator[Result]:
    """The end of what the brokers present and of the authority's own certificate, whichever comes first."""
    if settings.kafka_security != "SASL_SSL":
        yield warned("broker.certificate", "without TLS: kafka_security is SASL_PLAINTEXT")
        return
    ends = {}
    if settings.kafka_ca and (end := end_of(Path(settings.kafka_ca))) is not None:
        ends["authority"] = end
    for address in settings.kafka_bootstrap.split(","):
        try:
            ends[address.strip()] = presented(address.strip(), settings.kafka_ca)
        except HemisError as error:
            if error.code != "E401":
                yield failed("broker.certificate", f"{address}: {error.code} {error.declared.en}")
                return
    if not ends:
        yield skipped("broker.certificate", "no connection")
        return
    who, end = min(ends.items(), key=lambda one: one[1])
    detail = f"{who}: until {datetime.fromtimestamp(end, UTC):%Y-%m-%d}"
    left = end - time.time()
    if left < CERTIFICATE_FAILS:
        yield failed("broker.certificate", detail)
    elif left < CERTIFICATE_WARNS:
        yield warned("broker.certificate", detail)
    else:
        yield passed("broker.certificate", detail)


@dataclass(frozen=True)
class Probe:
    """A message's way: seconds to the acknowledgement, and how far the broker's clock is ahead of ours."""

    seconds: float
    ahead: float


def probe(settings: OperatorSettings) -> Probe:
    """Write one message to hemis.probe.

    Raises:
        HemisError E401 … E409.
    """
    refusals = Refusals(settings)
    more = {"acks": "all", "allow.auto.create.topics": False, "message.timeout.ms": int(TIMEOUT_SECONDS * 1000)}
    refusals.client = producer = Producer(settings.kafka(error_cb=refusals, **more))
    refused: list[KafkaError] = []
    times: list[tuple[float, int]] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        kind, at = message.timestamp()
        if error is not None:
            refused.append(error)
        elif kind == TIMESTAMP_LOG_APPEND_TIME:
            times.append((time.time(), at))

    with kafka_errors(refusals):
        producer.list_topics(PROBE.name, timeout=TIMEOUT_SECONDS)
        began = time.time()
        producer.produce(PROBE.name, b"", partition=0, on_delivery=delivered)
        producer.flush(2 * TIMEOUT_SECONDS)
    if refused:
        raise translated(refused[0], topic=PROBE.name)
    if not times:
        raise HemisError("E407", topic=PROBE.name)
    ended, at = times[0]
    return Probe(ended - began, at / 1000 - (began + ended) / 2)


def _written(settings: OperatorSettings, cluster: ClusterMetadata) -> Iterator[Result]:
    if PROBE.name not in cluster.topics:
        for name in ("broker.writes", "broker.clock"):
            yield skipped(name, f"hemis national makes the topic {PROBE.name}")
        return
    try:
        found = probe(settings)
    except HemisError as error:
        yield failed("broker.writes", f"{error.code} {error.declared.en}")
        yield skipped("broker.clock", "no message was taken")
        return
    detail = f"acknowledged after {found.seconds * 1000:.0f} ms"
    yield warned("broker.writes", detail) if found.seconds > SLOW_SECONDS else passed("broker.writes", detail)
    yield clock("broker.clock", found.ahead, found.seconds / 2)


def clock(name: str, ahead: float, doubt: float) -> Result:
    """`doubt`: half of the way to and fro, which the difference is not known better than."""
    detail = f"{ahead:+.3f} s (± {doubt:.3f})"
    if abs(ahead) - doubt > CLOCK_FAILS:
        return failed(name, detail)
    return warned(name, detail) if abs(ahead) - doubt > CLOCK_WARNS else passed(name, detail)


def _replicas(settings: OperatorSettings, cluster: ClusterMetadata) -> Result:
    leaderless, behind, few = [], [], 0
    for name, topic in cluster.topics.items():
        for number, partition in topic.partitions.items():
            if partition.leader < 0:
                leaderless.append(f"{name}:{number}")
            elif len(partition.isrs) < len(partition.replicas):
                behind.append(f"{name}:{number}")
            few += name.startswith("hemis.") and len(partition.replicas) < settings.replication
    if leaderless:
        return failed("broker.replicas", f"without a leader: {listed(leaderless)}")
    if behind:
        return warned("broker.replicas", f"replicas missing: {listed(behind)}")
    if few:
        return warned("broker.replicas", f"{few} partitions have fewer than {settings.replication} replicas")
    if settings.replication < 3:
        return warned("broker.replicas", f"replication {settings.replication}: the loss of a disk is a loss of data")
    return passed("broker.replicas", f"replication {settings.replication}")


def _disk(settings: OperatorSettings) -> Result:
    try:
        from deploy import log_dirs
    except ModuleNotFoundError:
        return skipped("broker.disk", "pip install 'hemis-bus[processor]'")
    try:
        return room(log_dirs.read(settings))
    except HemisError as error:
        return skipped("broker.disk", f"{error.code} {error.declared.en}")


def room(found: Sequence[LogDir]) -> Result:
    """What the fullest of the brokers' log folders says."""
    offline = [f"broker {one.broker}: Kafka's error {one.error}" for one in found if one.error]
    if offline:
        return failed("broker.disk", listed(offline))
    if not found:
        return skipped("broker.disk", "no broker told of a log folder")
    least = min(found, key=lambda one: one.usable / max(one.total, 1))
    detail = f"broker {least.broker}: {least.usable >> 20:,} MiB of {least.total >> 20:,} MiB free"
    share = least.usable / max(least.total, 1)
    return (failed if share < DISK_FAILS else warned if share < DISK_WARNS else passed)("broker.disk", detail)


def _declared(settings: OperatorSettings) -> Result:
    refusals = Refusals(settings)
    try:
        with kafka_errors(refusals):
            found = drift(administrator(settings, refusals), settings.replication)
    except HemisError as error:
        return skipped("topics.declared", f"{error.code} {error.declared.en}")
    if not found:
        return passed("topics.declared")
    commands = [f"hemis institution add {code}" if code else CHECKS["topics.declared"].mend for code in sorted(found)]
    told = listed([line for report in found.values() for line in report])
    return failed("topics.declared", told, mend="; ".join(commands[:MOST_COMMANDS]))


def listed(names: list[str], most: int = 5) -> str:
    """The first few, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(sorted(names)[:most]) + more
