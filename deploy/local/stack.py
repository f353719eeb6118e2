"""The stack as one thing: everything up, everything down, and each service's faults for tests."""

import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from confluent_kafka.admin import AdminClient

from deploy.local import certificates, kafka, ports, postgres, processes, registry
from deploy.local.errors import StackError
from deploy.local.java import Jit
from deploy.local.state import ProcessRecord, State

Say = Callable[[str], None]
Security = Literal["SASL_SSL", "SASL_PLAINTEXT"]

SERVICES: dict[str, signal.Signals] = {
    registry.NAME: registry.STOP_SIGNAL,
    kafka.NAME: kafka.STOP_SIGNAL,
    "postgres-universities": postgres.STOP_SIGNAL,
    "postgres-national": postgres.STOP_SIGNAL,
}
"""The signal that ends each service, in the order of stopping: who uses a service goes before it."""


class Stack:
    """Kafka, registry and two PostgreSQL clusters whose data, passwords and logs live under `home`.

    Several objects, also in several processes, may stand for the same home. `settings` are kept with it; their names
    begin with the service: "kafka.message.max.bytes", "postgres-universities.max_slot_wal_keep_size". `security` is kept too,
    and counts from Kafka's next start.
    """

    def __init__(
        self,
        home: Path,
        *,
        base_port: int | None = None,
        jit: Jit = "fast-start",
        settings: Mapping[str, str] = {},
        security: Security | None = None,
    ) -> None:
        for name in settings:
            if not name.startswith(("kafka.", "postgres-national.", "postgres-universities.")):
                raise StackError(f"unknown setting '{name}'", "begin it with the name of a service and a dot")
        self.home = home.resolve()
        self._base_port = base_port
        self._jit = jit
        self._state = State(self.home)
        self._state.remember_settings(settings)
        if security is not None:
            with self._state.change() as facts:
                facts.security = security
        self._choose_ports()

    # -- life ---------------------------------------------------------------------------------------------------------

    def up(self, say: Say = print) -> None:
        """Start what does not run. Kept data is resumed. A failure stops again what this call started."""
        began = time.monotonic()
        with self._state.alone():
            self._require_ports(say)
            started: list[str] = []
            try:
                self._start_missing(started, say)
            except BaseException:
                for name in SERVICES:
                    if name in started:
                        self._end(name)
                raise
        say(f"stack is up after {time.monotonic() - began:.1f} s")

    def down(self) -> None:
        """Stop everything in good order. The data stays."""
        with self._state.alone():
            for name in SERVICES:
                self._end(name)

    def start(self, name: str) -> None:
        """Start one service and wait until it serves; nothing happens if it runs already."""
        self._known(name)
        if not self._running(name):
            self._start(name, _quiet)

    def stop(self, name: str) -> None:
        """Stop one service in good order."""
        self._known(name)
        self._end(name)

    def kill(self, name: str) -> None:
        """SIGKILL one service with all that it forked, and wait until it is gone."""
        processes.kill(self._record(name))

    def freeze(self, name: str) -> None:
        """SIGSTOP one service: its connections stay open and say nothing."""
        processes.freeze(self._record(name))

    def thaw(self, name: str) -> None:
        """Let a frozen service go on."""
        processes.thaw(self._record(name))

    def pid(self, name: str) -> int:
        """The number of the service's process."""
        return self._record(name).pid

    def running(self) -> dict[str, bool]:
        """Which services run; a frozen one does."""
        return {name: self._running(name) for name in SERVICES}

    # -- addresses and passwords --------------------------------------------------------------------------------------

    @property
    def bootstrap(self) -> str:
        """Kafka's listener for clients: SASL_SSL, SCRAM-SHA-512."""
        return f"{ports.HOST}:{self._state.read().ports['kafka']}"

    @property
    def transport(self) -> dict[str, str]:
        """How any client of the product reaches Kafka, as its settings say it."""
        security = self._state.read().security
        authority = str(certificates.files(self._state).authority) if security == "SASL_SSL" else ""
        return {"kafka_bootstrap": self.bootstrap, "kafka_security": security, "kafka_ca": authority}

    @property
    def registry_url(self) -> str:
        """The registry's Confluent interface."""
        return registry.url(self._state)

    def secret(self, name: str) -> str:
        """A password, made at its first use. `kafka.<user>` and `postgres-<cluster>.<role>` are those of logins."""
        return self._state.secret(name)

    def dsn(self, cluster: Literal["national", "universities"], database: str, user: str | None = None) -> str:
        """A libpq connection string with password; the superuser's unless a user is named."""
        return postgres.dsn(self._state, cluster, database, user)

    def admin_config(self) -> dict[str, Any]:
        """librdkafka settings of the broker's superuser, over the internal listener."""
        return kafka.admin_config(self._state)

    def admin_client(self) -> AdminClient:
        """An administrator's client."""
        return AdminClient(self.admin_config())

    def client_config(self, user: str) -> dict[str, Any]:
        """librdkafka settings of a SCRAM user, who must have been given the password `secret("kafka.<user>")`."""
        return kafka.client_config(self._state, user)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _start_missing(self, started: list[str], say: Say) -> None:
        def bring(name: str, needs: Future[None] | None = None) -> None:
            if self._running(name):
                return
            if needs is not None:
                needs.result()
            began = time.monotonic()
            started.append(name)
            self._start(name, say)
            say(f"{name}: ready after {time.monotonic() - began:.1f} s")

        with ThreadPoolExecutor(4) as pool:
            national = pool.submit(bring, "postgres-national")
            tasks = [pool.submit(bring, "kafka"), pool.submit(bring, "postgres-universities"), national]
            pool.submit(registry.unpacked, say).result()
            tasks.append(pool.submit(bring, "registry", national))
        for task in tasks:
            task.result()

    def _start(self, name: str, say: Say) -> None:
        if name == kafka.NAME:
            kafka.start(self._state, self._jit, say)
        elif name == registry.NAME:
            registry.start(self._state, self._jit, registry.unpacked(say))
        else:
            postgres.start(self._state, "national" if name == "postgres-national" else "universities")

    def _end(self, name: str) -> None:
        record = self._state.read().processes.get(name)
        if record is None:
            return
        processes.stop(record, SERVICES[name])
        with self._state.change() as facts:
            if facts.processes.get(name) == record:
                del facts.processes[name]

    def _record(self, name: str) -> ProcessRecord:
        self._known(name)
        record = self._state.read().processes.get(name)
        if record is None or not processes.alive(record):
            raise StackError(f"{name} is not running", "start it first")
        return record

    def _running(self, name: str) -> bool:
        return processes.alive(self._state.read().processes.get(name))

    def _known(self, name: str) -> None:
        if name not in SERVICES:
            raise StackError(f"there is no service '{name}'", f"the services are {', '.join(SERVICES)}")

    def _choose_ports(self) -> None:
        with self._state.change() as facts:
            if self._base_port is not None:
                wanted = ports.block(self._base_port)
                if wanted != facts.ports and any(processes.alive(record) for record in facts.processes.values()):
                    raise StackError("the running stack uses other ports", "stop it first, or leave the base port away")
                facts.ports = wanted
            elif not facts.ports:
                facts.ports = ports.free_block()

    def _require_ports(self, say: Say) -> None:
        """Before a start: the ports must be free, or ours. A block that we chose ourselves is chosen anew."""
        facts = self._state.read()
        if any(processes.alive(record) for record in facts.processes.values()):
            return
        taken = ports.taken(facts.ports)
        if not taken:
            return
        if self._base_port is not None:
            raise StackError(f"port {facts.ports[taken[0]]} ({taken[0]}) is taken", "choose another base port")
        with self._state.change() as fresh:
            fresh.ports = ports.free_block()
        say("the ports used last time are taken: others were chosen")


def _quiet(_: str) -> None:
    """Say nothing."""
