"""RECORDS, PEOPLE and a sink as real processes on the run's stack; institutions without agents: their events are written as agents
write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
import yaml
from confluent_kafka import Producer
from psycopg.conninfo import conninfo_to_dict

from deploy.local import postgres
from deploy.local.ports import free_port
from deploy.local.stack import Stack
from deploy.provisioning import provision_institution, provision_national, role_user
from schemas.registry import Registry
from schemas.topics import CHANGES, Role
from tests.faults.process import Process
from tests.support.voice import Voice

ROLES: tuple[Role, ...] = ("records", "people", "sink", "operator")
PARTITIONS = 4
PERSON_KEY_SECRET = "nationwide"


class Nationwide:
    """Processes by stage; `database` is this one's own, and so should be `codes`, for the topics are the whole run's."""

    def __init__(self, stack: Stack, folder: Path, codes: Iterable[str]) -> None:
        self.stack, self._folder, self.codes = stack, folder, tuple(codes)
        passwords = {role: stack.secret(f"kafka.{role_user(role)}") for role in ROLES}
        provision_national(stack.admin_client(), PARTITIONS, 1, passwords)
        for code in self.codes:
            provision_institution(stack.admin_client(), code, stack.secret(f"kafka.inst.{code}"))
        self.registry = Registry(stack.registry_url, folder / "schemas")
        self._voice = Voice(self.registry.register_all())
        self._database = f"nationwide_{self.codes[0].lower().replace('-', '_')}"
        with psycopg.connect(stack.dsn("national", "postgres"), autocommit=True) as admin:
            postgres.ensure_database(admin, self._database)
        found = conninfo_to_dict(stack.dsn("national", self._database))
        self.url = "postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}".format_map(found)
        self.engine = sa.create_engine(self.url)
        self._producer = Producer(stack.admin_config() | {"linger.ms": 5, "enable.idempotence": True, "log_level": 0})

    # -- processes ----------------------------------------------------------------------------------------------------

    @contextmanager
    def running(self, **sink: object) -> Iterator[dict[str, Process]]:
        """RECORDS, PEOPLE and the sink; `sink`: settings of its own. What is written is not lost when they end."""
        processor = {
            "person_key_secret": PERSON_KEY_SECRET,
            "partitions": PARTITIONS,
            "refresh_seconds": 1.0,
            "session_timeout_seconds": 6.0,
        }
        quiet = {"quality_seconds": 0, "set_rules_seconds": 0, "touch_seconds": 0}
        national = {"national_dsn": self.url, "group": f"hemis-sink-{self._database}"}
        migrate = self._process("migrate", ("sink", "migrate"), "sink", national)
        migrate.run()
        processes = {
            "records": self._process("records", ("processor", "run", "records"), "records", processor),
            "people": self._process("people", ("processor", "run", "people"), "people", processor),
            "sink": self._process("sink", ("sink", "run"), "sink", national | quiet | sink),
        }
        try:
            for process in processes.values():
                process.start()
            yield processes
        finally:
            for process in processes.values():
                process.stop()
            self.engine.dispose()

    def _process(self, name: str, command: tuple[str, ...], role: Role, more: dict[str, object]) -> Process:
        port = free_port()
        return Process(name, command, self.settings(name, role, more | {"metrics_port": port}), port, self._folder)

    def settings(self, name: str, role: Role, more: dict[str, object]) -> Path:
        user, file = role_user(role), self._folder / f"{name}.yaml"
        common = {
            **self.stack.transport,
            "kafka_user": user,
            "kafka_password": self.stack.secret(f"kafka.{user}"),
            "registry_url": self.stack.registry_url,
            "data": str(self._folder / name),
        }
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(common | more), "utf-8")
        return file

    # -- what institutions say ----------------------------------------------------------------------------------------

    def hello(self) -> None:
        for code in self.codes:
            self._put(code, b"hello", self._voice.hello())
        self.flush()

    def say(self, key: str, values: dict[str, Any] | None, changed_at: int | None = None) -> None:
        """Queue one change; None: the record is cancelled. Each is newer than all before."""
        self._put(key.partition("/")[0], key.encode(), self._voice.change(key, values, changed_at))

    def flush(self) -> None:
        assert self._producer.flush(30) == 0

    def _put(self, code: str, key: bytes, value: bytes) -> None:
        self._producer.produce(CHANGES.name_for(code), value, key, 0)
        self._producer.poll(0)

    # -- what the country sees ----------------------------------------------------------------------------------------

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), values)]
