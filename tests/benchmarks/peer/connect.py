"""One distributed Kafka Connect worker beside the stack's Kafka, driven by its REST interface."""

import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local import java
from deploy.local.stack import Stack
from tests.benchmarks.children import Child
from tests.benchmarks.offsets import administrator
from tests.benchmarks.peer import plugins
from tests.benchmarks.waiting import until

USER = "peer"
HEAP = "2g"
HOST = "127.0.0.1"
START_SECONDS = 120.0

LOG_CONFIGURATION = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
"""


class Worker:
    """The worker. It reaches Kafka as our processes do: the same listener, SCRAM-SHA-512, a user of its own."""

    def __init__(self, stack: Stack, folder: Path, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._folder = folder
        self._port = _free_port()
        self.child = Child("connect", self._command(say), folder)

    def start(self) -> None:
        """Start the worker and wait until it has joined its group and serves."""
        _grant(self._stack)
        self.child.start()
        until(self.serves, "Kafka Connect serves", timeout=START_SECONDS, watch=self.child.require)

    def put(self, name: str, config: dict[str, str]) -> None:
        """Create a connector, or give it this configuration."""
        self._call("PUT", f"/connectors/{name}/config", config)

    def delete(self, name: str) -> None:
        self._call("DELETE", f"/connectors/{name}")

    def names(self) -> list[str]:
        found: list[str] = self._call("GET", "/connectors")
        return found

    def stop(self, name: str) -> None:
        """Stop a connector; its tasks have ended on return, its offsets are kept."""
        self._call("PUT", f"/connectors/{name}/stop")
        until(lambda: self._state(name) == ("STOPPED", []) or self._state(name), f"{name} has stopped", timeout=60)

    def resume(self, name: str) -> None:
        self._call("PUT", f"/connectors/{name}/resume")

    def require(self) -> None:
        """Raises RuntimeError if the worker has ended or a task has failed."""
        self.child.require()
        for name in self.names():
            self._state(name)

    def wait_running(self, name: str, tasks: int) -> None:
        """Wait until the connector and all its tasks run."""
        wanted = ("RUNNING", ["RUNNING"] * tasks)
        until(lambda: self._state(name) == wanted or self._state(name), f"{name} runs", timeout=60, every=0.1)

    def _state(self, name: str) -> tuple[str, list[str]]:
        try:
            status = self._call("GET", f"/connectors/{name}/status")
        except urllib.error.HTTPError as error:
            if error.code == 404:  # created, not yet written to the status topic
                return "NONE", []
            raise
        for part in (status["connector"], *status["tasks"]):
            if part["state"] == "FAILED":
                raise RuntimeError(f"{name}: {part.get('trace', '')[:2000]}")
        return status["connector"]["state"], [task["state"] for task in status["tasks"]]

    def serves(self) -> bool:
        """Whether the REST interface answers; not while the worker starts."""
        try:
            self._call("GET", "/connectors", patience=0)
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, body: dict[str, str] | None = None, *, patience: float = 60) -> Any:
        """One request, repeated while the group rebalances (409) or the worker is about to serve (503)."""
        request = urllib.request.Request(
            f"http://{HOST}:{self._port}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json"},
            method=method,
        )
        answers: list[Any] = []

        def ask() -> object:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    answers.append(json.loads(answer.read() or b"null"))
                    return True
            except urllib.error.HTTPError as error:
                if error.code not in (409, 503) or not patience:
                    error.add_note(error.read().decode(errors="replace")[:1000])
                    raise
                return error.code

        until(ask, f"{method} {path}", timeout=patience, every=0.05)
        return answers[0]

    def _command(self, say: Callable[[str], None]) -> list[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        logging = self._folder / "log4j2.properties"
        logging.write_text(LOG_CONFIGURATION, "utf-8")
        settings = self._folder / "connect.properties"
        settings.touch(mode=0o600)
        settings.write_text("".join(f"{k}={v}\n" for k, v in self._settings(say).items()), "utf-8")
        temporary = self._folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return [
            java.java(),
            "-Xms256m",
            f"-Xmx{HEAP}",
            "-XX:+UseG1GC",
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={temporary}",
            f"-Dlog4j2.configurationFile={logging}",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            os.pathsep.join(map(str, plugins.class_path(say))),
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(settings),
        ]

    def _settings(self, say: Callable[[str], None]) -> dict[str, str]:
        login = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{USER}" password="{self._stack.secret(f"kafka.{USER}")}";'
        )
        access = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": login,
        }
        json_converter = "org.apache.kafka.connect.json.JsonConverter"
        return {
            "bootstrap.servers": self._stack.bootstrap,
            "group.id": "peer-connect",
            **{f"{kind}.storage.topic": f"peer-connect-{kind}s" for kind in ("config", "offset")},
            "status.storage.topic": "peer-connect-status",
            **{f"{kind}.storage.replication.factor": "1" for kind in ("config", "offset", "status")},
            "offset.storage.partitions": "4",
            "status.storage.partitions": "2",
            "key.converter": json_converter,
            "value.converter": json_converter,
            "plugin.path": str(plugins.plugin_path(say)),
            # Finds plugins by their service files instead of reading every class: the worker starts sooner.
            "plugin.discovery": "service_load",
            "listeners": f"http://{HOST}:{self._port}",
            "rest.advertised.host.name": HOST,
            "scheduled.rebalance.max.delay.ms": "0",
            "offset.flush.interval.ms": "5000",
            **{
                f"{prefix}{name}": value
                for prefix in ("", "producer.", "consumer.", "admin.")
                for name, value in access.items()
            },
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _grant(stack: Stack) -> None:
    """The peer's own user with every right: whom it may harm is not what is compared here."""
    admin = administrator(stack)
    credential = UserScramCredentialUpsertion(
        USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), stack.secret(f"kafka.{USER}").encode()
    )
    rights = [
        AclBinding(
            kind, name, ResourcePatternType.LITERAL, f"User:{USER}", "*", AclOperation.ALL, AclPermissionType.ALLOW
        )
        for kind, name in (
            (ResourceType.TOPIC, "*"),
            (ResourceType.GROUP, "*"),
            (ResourceType.TRANSACTIONAL_ID, "*"),
            (ResourceType.BROKER, "kafka-cluster"),
        )
    ]
    futures = [*admin.alter_user_scram_credentials([credential]).values(), *admin.create_acls(rights).values()]
    for future in futures:
        future.result(20)
