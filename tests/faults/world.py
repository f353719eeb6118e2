"""A complete running system in one folder: services, universities, agents, two workers of each stage, a sink.

Everything is addressed by name: the stack's services (kafka, registry, postgres-national, postgres-universities) and our
processes (agent-<code>, records-1, records-2, people-1, people-2, matcher-1, matcher-2, sink).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psycopg
import yaml
from psycopg.conninfo import conninfo_to_dict

from deploy.local import postgres
from deploy.local.stack import SERVICES, Stack
from deploy.provisioning import institution_user, provision_institution, provision_national, role_user
from schemas.registry import Registry
from schemas.topics import Role
from tests.faults import university
from tests.faults.process import Process
from tests.support.waiting import wait_until

NATIONAL = "hemis"
CODES = ("UA", "UB", "UC")
ROLES: tuple[Role, ...] = ("records", "people", "matcher", "sink", "reader", "operator")
STAGES = ("records", "people", "matcher")
PARTITIONS = 4
SESSION_SECONDS = 6.0
BUFFER_BYTES = 4 << 20
NO_BRAKE = 1_000_000
"""The load deletes all the time; what the CANCEL brake does has its own tests."""

Say = Callable[[str], None]


class World:
    """The system. Several in one process need folders of their own."""

    def __init__(
        self,
        home: Path,
        codes: Sequence[str] = CODES,
        *,
        workers: int = 2,
        canary_seconds: float = 0.0,
        quality_seconds: float = 0.0,
        brake_least: int = NO_BRAKE,
    ) -> None:
        self.home = home
        self.codes = tuple(codes)
        self.logs = home / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.stack = Stack(home / "stack")
        self.processes: dict[str, Process] = {}
        self.secrets: list[str] = []
        self._workers = workers
        self._brake_least = brake_least
        # Without: the replay test compares every stored row, and a canary changes meanwhile.
        self._canary_seconds = canary_seconds
        self._quality_seconds = quality_seconds

    # -- life ---------------------------------------------------------------------------------------------------------

    def up(self, say: Say = print) -> None:
        """Start the stack, make what is missing, start every process and wait until all is ready."""
        self.stack.up(say)
        self.prepare()
        self.start_all()

    def start_all(self) -> None:
        """Start every process and wait until all is ready."""
        for process in self.processes.values():
            process.start()
        self.wait_ready()

    def down(self) -> None:
        for process in self.processes.values():
            process.thaw()
            process.stop()
        self.stack.down()

    def require(self) -> None:
        """Raises RuntimeError if a process has ended by itself."""
        for process in self.processes.values():
            process.require()

    def wait_ready(self, timeout: float = 90.0) -> None:
        """Until every process works on all that is its."""
        wait_until(lambda: not self.unready(), "every process is ready", timeout)

    def unready(self) -> list[str]:
        """Names of the processes that run and are not ready. An idle worker has nothing to be ready for."""
        waiting = []
        for name, process in self.processes.items():
            process.require()
            page = "/healthz" if name.startswith(STAGES) else "/readyz"
            if process.pid is not None and process.fetch(page) is None:
                waiting.append(name)
        if any(self.served(code) != 1 for code in self.codes):
            waiting.append("institutions")
        return waiting

    def seen(self) -> str:
        """What each process says of itself, and what RECORDS holds: the facts that an assertion shows."""
        pages = [f"{name}: {process.page('/readyz')}" for name, process in self.processes.items()]
        places = [
            f"{stage}: {self.metric('hemis_place_offset', 'topic', stage)} paused {self.metric('hemis_paused', 'institution', stage)}"
            for stage in STAGES
        ]
        return "\n".join([*pages, *places])

    def served(self, code: str) -> int:
        """How many RECORDS workers say that they hold the institution."""
        return sum(f'institution="{code}"' in (worker.fetch("/metrics") or "") for worker in self.workers("records"))

    # -- faults -------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        return [*self.processes, *SERVICES]

    def workers(self, stage: str) -> list[Process]:
        return [p for name, p in self.processes.items() if name.startswith(stage)]

    def start(self, name: str) -> None:
        self._of(name).start() if name in self.processes else self.stack.start(name)

    def stop(self, name: str) -> None:
        self._of(name).stop() if name in self.processes else self.stack.stop(name)

    def kill(self, name: str) -> None:
        self._of(name).kill() if name in self.processes else self.stack.kill(name)

    def freeze(self, name: str) -> None:
        self._of(name).freeze() if name in self.processes else self.stack.freeze(name)

    def thaw(self, name: str) -> None:
        self._of(name).thaw() if name in self.processes else self.stack.thaw(name)

    def _of(self, name: str) -> Process:
        return self.processes[name]

    # -- what is seen from outside ------------------------------------------------------------------------------------

    def source_dsn(self, code: str) -> str:
        return self.stack.dsn("universities", self.database(code))

    @staticmethod
    def database(code: str) -> str:
        return f"source_{code.lower()}"

    @property
    def national_dsn(self) -> str:
        return self.stack.dsn("national", NATIONAL)

    def metric(self, name: str, label: str, stage: str = "records") -> dict[str, float]:
        """A metric's samples over a stage's workers, added up by the value of one label."""
        found: dict[str, float] = {}
        pattern = re.compile(rf'^{name}\{{.*?{label}="([^"]+)".*?\}} (\S+)$', re.MULTILINE)
        for worker in self.workers(stage):
            for value, number in pattern.findall(worker.fetch("/metrics") or ""):
                found[value] = found.get(value, 0.0) + float(number)
        return found

    def ledger(self, code: str) -> dict[str, int]:
        """RECORDS' durable ledger of an institution, by fate; empty while no worker serves it."""
        found: dict[str, int] = {}
        pattern = re.compile(rf'^hemis_ledger_events_total\{{fate="(\w+)",institution="{code}"\}} (\S+)$', re.MULTILINE)
        for worker in self.workers("records"):
            for fate, number in pattern.findall(worker.fetch("/metrics") or ""):
                found[fate] = found.get(fate, 0) + int(float(number))
        return found

    # -- making it ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make what is missing: rights, topics, schemas, databases, settings."""
        admin = self.stack.admin_client()
        passwords = {role: self._secret(f"kafka.{role_user(role)}") for role in ROLES}
        provision_national(admin, PARTITIONS, 1, passwords)
        Registry(self.stack.registry_url, self.home / "schemas").register_all()
        with psycopg.connect(self.stack.dsn("national", "postgres"), autocommit=True) as connection:
            postgres.ensure_database(connection, NATIONAL)
        for code in self.codes:
            self._university(code)
        processor = {
            "person_key_secret": self._secret("person-key"),
            "partitions": PARTITIONS,
            "session_timeout_seconds": SESSION_SECONDS,
            "refresh_seconds": 5,
            "brake_least": self._brake_least,
        }
        for stage in STAGES:
            for number in range(1, self._workers + 1):
                name = f"{stage}-{number}"
                self._add(name, ("processor", "run", stage), role_user(stage), processor)
        found = conninfo_to_dict(self.national_dsn)
        self.secrets.append(str(found["password"]))
        url = "postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}".format_map(found)
        sink = {"national_dsn": url, "quality_seconds": self._quality_seconds}
        self._add("migrate", ("sink", "migrate"), role_user("sink"), sink)
        self.processes.pop("migrate").run()
        self._add("sink", ("sink", "run"), role_user("sink"), sink)

    def _university(self, code: str) -> None:
        user = institution_user(code)
        provision_institution(self.stack.admin_client(), code, self._secret(f"kafka.{user}"))
        database = self.database(code)
        with psycopg.connect(self.stack.dsn("universities", "postgres"), autocommit=True) as connection:
            postgres.ensure_database(connection, database)
        with psycopg.connect(self.source_dsn(code)) as source:
            source.execute(university.DEFINITION)
        self.secrets.append(str(conninfo_to_dict(self.source_dsn(code))["password"]))
        mapping = self.home / f"{code}.mapping.yaml"
        mapping.write_text(yaml.safe_dump(university.mapping(code), allow_unicode=True, sort_keys=False), "utf-8")
        agent = {
            "institution": code,
            "mapping": str(mapping),
            "source_dsn": self.source_dsn(code),
            "slot": database,
            "heartbeat_seconds": 2,
            "canary_seconds": self._canary_seconds,
            "manifest_seconds": 0,
            "buffer_bytes": BUFFER_BYTES,
        }
        self._add(f"agent-{code}", ("agent", "run"), user, agent)

    def _add(self, name: str, command: tuple[str, ...], user: str, more: Mapping[str, object]) -> None:
        port = _free_port()
        settings = {
            **self.stack.transport,
            "kafka_user": user,
            "kafka_password": self.stack.secret(f"kafka.{user}"),
            "registry_url": self.stack.registry_url,
            "metrics_port": port,
            "data": str(self.home / "data" / name),
            **more,
        }
        file = self.home / f"{name}.settings.yaml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(settings), "utf-8")
        self.processes[name] = Process(name, command, file, port, self.logs)

    def _secret(self, name: str) -> str:
        secret = self.stack.secret(name)
        self.secrets.append(secret)
        return secret


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
