"""Apache Kafka: one KRaft node that is broker and controller, with passwords and access rights from the first start.

Two listeners: clients come by SCRAM; the broker itself and the administrator by PLAIN, whose only password stands in a
private file. Users are made afterwards over the second one, so that no password is ever on a command line. All speak TLS,
unless the stack was made without.
"""

import base64
import os
import signal
import subprocess
import uuid
from collections.abc import Callable
from typing import Any

from confluent_kafka.admin import AdminClient

from deploy.local import artifacts, certificates, java, processes
from deploy.local.errors import StackError
from deploy.local.ports import HOST
from deploy.local.state import State, write_private

NAME = "kafka"
STOP_SIGNAL = signal.SIGTERM
SUPERUSER = "broker"
HEAP = "512m"
SETTINGS_PREFIX = "kafka."

LOG_CONFIGURATION = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
"""


def configuration(state: State) -> dict[str, str]:
    """The broker's properties, the stack's `kafka.…` settings last."""
    facts = state.read()
    client, internal, controller = (
        f"{HOST}:{facts.ports[name]}" for name in ("kafka", "kafka-internal", "kafka-controller")
    )
    password = state.secret("kafka.superuser")
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{SUPERUSER}" password="{password}" user_{SUPERUSER}="{password}";'
    )
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"CLIENT://{client},INTERNAL://{internal},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://{client},INTERNAL://{internal}",
        "listener.security.protocol.map": ",".join(
            f"{listener}:{facts.security}" for listener in ("CLIENT", "INTERNAL", "CONTROLLER")
        ),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.internal.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.internal.plain.sasl.jaas.config": plain,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": plain,
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{SUPERUSER}",
        "allow.everyone.if.no.acl.found": "false",
        # A topic made by a stray request would hide a missing right or a missing declaration.
        "auto.create.topics.enable": "false",
        "log.dirs": str(state.home / NAME / "data"),
        "group.initial.rebalance.delay.ms": "0",
        # Lets tests see a lost group member within a second.
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "1000",
        # A killed broker waits for the end of its own former session before it serves again.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Small machine: few threads, small buffers, small index files.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "log.cleaner.dedupe.buffer.size": str(16 << 20),
        "log.segment.bytes": str(128 << 20),
        "log.index.size.max.bytes": str(1 << 20),
    }
    if facts.security == "SASL_SSL":
        made = certificates.files(state)
        properties |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(made.broker),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(made.authority),
            "ssl.client.auth": "none",
        }
    overrides = {
        name.removeprefix(SETTINGS_PREFIX): value
        for name, value in facts.settings.items()
        if name.startswith(SETTINGS_PREFIX)
    }
    return properties | overrides


def admin_config(state: State) -> dict[str, Any]:
    """How librdkafka reaches the broker as its superuser."""
    return {
        "bootstrap.servers": f"{HOST}:{state.read().ports['kafka-internal']}",
        **_transport(state),
        "sasl.mechanism": "PLAIN",
        "sasl.username": SUPERUSER,
        "sasl.password": state.secret("kafka.superuser"),
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
    }


def client_config(state: State, user: str) -> dict[str, Any]:
    """How librdkafka reaches the broker as a SCRAM user, whose password is the stack's secret `kafka.<user>`."""
    return {
        "bootstrap.servers": f"{HOST}:{state.read().ports['kafka']}",
        **_transport(state),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": state.secret(f"kafka.{user}"),
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
    }


def _transport(state: State) -> dict[str, Any]:
    if (security := state.read().security) != "SASL_SSL":
        return {"security.protocol": security}
    return {"security.protocol": security, "ssl.ca.location": str(certificates.files(state).authority)}


def start(state: State, jit: java.Jit, say: Callable[[str], None]) -> None:
    """Start the broker and wait until it leads every partition that it keeps."""
    folder = state.home / NAME
    if state.read().security == "SASL_SSL":
        certificates.ensure(state)
    properties = configuration(state)
    write_private(folder / "server.properties", "".join(f"{key}={value}\n" for key, value in properties.items()))
    write_private(folder / "log4j2.properties", LOG_CONFIGURATION)
    jars = os.pathsep.join(str(path) for path in artifacts.fetch("kafka", say))
    write_private(folder / "classpath", f'-cp "{jars}"\n')  # in a file: it is some 5,000 characters long
    command = [
        java.java(),
        *java.options(jit, HEAP, folder / "tmp"),
        f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        f"@{folder / 'classpath'}",
    ]
    if not (folder / "data" / "meta.properties").exists():
        _format(command, str(folder / "server.properties"))
    record = processes.spawn(state, NAME, [*command, "kafka.Kafka", str(folder / "server.properties")])
    # Refused connections are expected until the broker listens, and are not worth a line each.
    admin = AdminClient(admin_config(state) | {"log_level": 0})
    processes.wait_ready(state, NAME, record, lambda: _require_leaders(admin))


def _format(command: list[str], properties: str) -> None:
    identity = "-"
    while identity.startswith("-"):  # which the tool would take for an option
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
    result = subprocess.run(
        [*command, "kafka.tools.StorageTool", "format", "-t", identity, "-c", properties],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        last = (result.stderr or result.stdout).strip().rsplit("\n", 1)[-1]
        raise StackError(f"Kafka's data folder could not be made: {last}", "see whether the disk is full")


def _require_leaders(admin: AdminClient) -> None:
    cluster = admin.list_topics(timeout=1)
    if not cluster.brokers:
        raise StackError("the broker has not joined its cluster yet")
    for topic in cluster.topics.values():
        if any(partition.leader < 0 for partition in topic.partitions.values()):
            raise StackError(f"topic {topic.topic} has no leader yet")
