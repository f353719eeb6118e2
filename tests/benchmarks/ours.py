"""Our processes as a system under test: the installed commands, settings files, two RECORDS workers."""

from __future__ import annotations

import re
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import psycopg
import yaml
from psycopg.conninfo import conninfo_to_dict

from deploy.local.stack import Stack
from deploy.provisioning import institution_user, provision_institution, provision_national, role_user
from schemas.avro_schema import ENTITIES
from schemas.registry import Registry
from schemas.topics import CHANGES, CLAIMS, GOLDEN, TOPICS, Role, clean_topic
from tests.benchmarks import databases, hello, workload
from tests.benchmarks.children import Child
from tests.benchmarks.offsets import Ends, administrator
from tests.benchmarks.waiting import until

NATIONAL = "hemis_bench"
_NATIONAL_TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"
WORKERS = 2
PARTITIONS = 4
HOST = "127.0.0.1"
ROLES: tuple[Role, ...] = ("records", "people", "sink", "reader", "operator")
READY_SECONDS = 90.0


class Institution:
    """One institution: its source database, its mapping, its agent."""

    def __init__(self, stack: Stack, folder: Path, code: str, rows: int, population: int) -> None:
        self.code = code
        self.rows = rows
        self._population = population
        self._stack = stack
        self.database = f"bench_{code.lower().replace('-', '_')}"
        self.source_dsn = databases.fresh(stack, "universities", self.database)
        workload.create(self.source_dsn)
        if rows:
            workload.fill(self.source_dsn, rows, population)
        provision_institution(administrator(stack), code, stack.secret(f"kafka.{institution_user(code)}"))
        mapping = folder / f"{code}.mapping.yaml"
        mapping.write_text(yaml.safe_dump(workload.mapping(code), allow_unicode=True, sort_keys=False), "utf-8")
        settings = {
            **_access(stack, institution_user(code), folder / f"agent-{code}"),
            "institution": code,
            "mapping": str(mapping),
            "source_dsn": self.source_dsn,
            "slot": self.database,
            "canary_seconds": 0,  # works are counted by the topics' ends
            "manifest_seconds": 0,
        }
        self.agent = _process(f"agent-{code}", ("agent", "run"), settings, folder)
        self.national_dsn = stack.dsn("national", NATIONAL)
        self.changes = Ends(administrator(stack), [CHANGES.name_for(code)])

    def grow(self, rows: int) -> None:
        """Add rows to the source, up to so many per table."""
        workload.fill(self.source_dsn, rows - self.rows, self._population, after=self.rows)
        self.rows = rows

    def national_key(self, table: workload.Table) -> tuple[str, str, str]:
        return table.entity, "record_key", f"{self.code}/{table.entity}/{{id}}"

    def watch(self) -> None:
        self.agent.require()

    def remove(self) -> None:
        """Stop the agent and take the institution's topics and database away. RECORDS must not run."""
        self.agent.stop()
        admin = administrator(self._stack)
        topics = [topic.name_for(self.code) for topic in TOPICS if topic.scope == "institution"]
        for future in admin.delete_topics(topics).values():
            future.result(30)
        until(self._slot_is_free, f"the slot of {self.code} is free", timeout=30)
        databases.drop_slots(self._stack, self.database)
        with psycopg.connect(self._stack.dsn("universities", "postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {self.database} with (force)")

    def _slot_is_free(self) -> bool:
        with psycopg.connect(self._stack.dsn("universities", "postgres"), autocommit=True) as connection:
            query = "select count(*) from pg_replication_slots where database = %s and active"
            return connection.execute(query, [self.database]).fetchone() == (0,)


class Ours:
    """One institution under test (and further ones on request), two RECORDS workers, PEOPLE, one sink."""

    name = "ours"

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._stamp = f"{int(time.time()) % 16**6:06X}"
        self._made = 0
        self.institutions: list[Institution] = []
        self._answered: set[str] = set()
        self.national_dsn = stack.dsn("national", NATIONAL)
        self.records: list[Child] = []
        self.people: Child | None = None
        self.sink: Child | None = None
        self._rewound = 0
        self._clean = Ends(administrator(stack), [clean_topic(entity) for entity in ENTITIES])
        self._golden = Ends(administrator(stack), [GOLDEN.name])
        self._derived = Ends(administrator(stack), [CLAIMS.name, GOLDEN.name])

    @property
    def main(self) -> Institution:
        return self.institutions[0]

    @property
    def source_dsn(self) -> str:
        return self.main.source_dsn

    def groups(self) -> Mapping[str, Sequence[int]]:
        ours: dict[str, Sequence[Child | None]] = {
            "agent": [institution.agent for institution in self.institutions],
            "records": self.records,
            "people": [self.people],
            "sink": [self.sink],
        }
        pids = {
            name: [child.pid for child in children if child is not None and child.pid is not None]
            for name, children in ours.items()
        }
        return {**databases.service_groups(self.stack), **pids}

    def prepare(self, rows: int) -> None:
        self.install()
        self.park()
        for institution in self.institutions:
            institution.remove()
        self.institutions = []
        self.add(rows)

    def add(self, rows: int) -> Institution:
        """One institution more, its agent not started."""
        self._made += 1
        code = f"B{self._stamp}-{self._made}"
        institution = Institution(self.stack, self._folder, code, rows, self._made)
        self.institutions.append(institution)
        return institution

    def start_capture(self) -> None:
        self.start_agent(self.main)

    def start_agent(self, institution: Institution) -> None:
        institution.agent.start()
        if institution.code not in self._answered and not any(worker.pid for worker in self.records):
            hello.answer(self.stack, institution.code, self.registry(), institution.agent.require)
        self._answered.add(institution.code)

    def stop_capture(self) -> None:
        self.main.agent.stop()

    def start_delivery(self) -> None:
        for child in self._national():
            child.start()

    def stop_delivery(self) -> None:
        for child in self._national():
            child.stop()

    def rewind_sink(self) -> int:
        """Empty the national tables and let the sink begin again; the number of clean records that lie in its topics.

        In another group: the former one remembers how far the database had come, and what it had would be applied in the small pieces of
        a restored copy.
        """
        self._rewound += 1
        self.sink = self._sink(f"hemis-sink-{self._rewound}")
        with psycopg.connect(self.national_dsn, autocommit=True) as connection:
            tables = [name for (name,) in connection.execute(_NATIONAL_TABLES)]
            connection.execute(f"truncate {', '.join(tables)}".encode())
        return self._clean.count()

    def ledger(self, code: str) -> dict[str, float]:
        """RECORDS' durable ledger of an institution, by fate."""
        pattern = re.compile(rf'^hemis_ledger_events_total\{{fate="(\w+)",institution="{code}"\}} (\S+)$', re.MULTILINE)
        found: dict[str, float] = {}
        for worker in self.records:
            with urllib.request.urlopen(worker.health.replace("/healthz", "/metrics"), timeout=5) as answer:
                for fate, number in pattern.findall(answer.read().decode()):
                    found[fate] = max(found.get(fate, 0.0), float(number))
        return found

    def start_sink(self) -> None:
        assert self.sink is not None
        self.sink.start()

    def sink_rows(self) -> int:
        """How many clean records the sink has stored."""
        return self._stored("hemis.clean.%")

    def sink_is_done(self) -> bool:
        """Has the sink read every topic to its end?"""
        return self._stored("hemis.golden.%") >= self._golden.count()

    def _stored(self, topics: str) -> int:
        with psycopg.connect(self.national_dsn, autocommit=True) as connection:
            row = connection.execute(
                "select coalesce(sum(next_offset), 0)::bigint from applied_offset where topic like %s", [topics]
            ).fetchone()
        assert row is not None
        return int(row[0])

    def wait_delivery(self) -> None:
        """Wait until the national processes have what they work on; all RECORDS workers but one may have no institution."""
        for child in self._national():
            _wait_healthy(child)
        for stage in (self.records, [self.people], [self.sink]):
            _wait_one_ready([child for child in stage if child is not None])

    def wait_capture(self) -> None:
        """Wait until the agent serves."""
        _wait_healthy(self.main.agent)

    def park(self) -> None:
        """Stop every process; nothing is lost, nothing takes CPU."""
        for institution in self.institutions:
            institution.agent.stop()
        self.stop_delivery()

    def settle(self) -> None:
        """Wait until PEOPLE has written what follows from the records: the last second brought nothing new."""
        seen, since = self._derived.count(), time.monotonic()

        def quiet() -> bool:
            nonlocal seen, since
            if (now := self._derived.count()) != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() - since > 1.0

        until(quiet, "claims and golden persons stand still", timeout=120, every=0.1)

    def kill(self) -> float:
        children = [*(institution.agent for institution in self.institutions), *self._national()]
        self._killed = [child for child in children if child.pid is not None]
        return min(child.kill() for child in self._killed)

    def kill_capture(self) -> float:
        self._killed = [self.main.agent]
        return self.main.agent.kill()

    def restart(self) -> None:
        for child in self._killed:
            child.start()

    def in_kafka(self) -> int:
        return self.main.changes.count()

    def national_key(self, table: workload.Table) -> tuple[str, str, str]:
        return self.main.national_key(table)

    def difference(self) -> str:
        with psycopg.connect(self.source_dsn) as source, psycopg.connect(self.national_dsn) as national:
            wanted, found = workload.mapped(source, self.main.code), workload.stored(national, self.main.code)
        return "" if wanted == found else f"source {wanted}, national {found}"

    def watch(self) -> None:
        for child in (*self._national(), *(institution.agent for institution in self.institutions)):
            child.require()

    def close(self) -> None:
        self.park()
        for institution in self.institutions:
            institution.remove()
        self.institutions = []

    def _national(self) -> list[Child]:
        return [*self.records, *(child for child in (self.people, self.sink) if child is not None)]

    def registry(self) -> Registry:
        return Registry(self.stack.registry_url, self._folder / "schemas")

    def install(self) -> None:
        """Topics, users, schemas, the national database and the settings of the national processes; once."""
        if self.sink is not None:
            return
        prepare_bus(self.stack, self.registry())
        databases.fresh(self.stack, "national", NATIONAL)
        for number in range(1, WORKERS + 1):
            self.records.append(processor(self.stack, self._folder, "records", f"records-{number}"))
        self.people = processor(self.stack, self._folder, "people", "people")
        self._sink("hemis-sink", "migrate").run()
        self.sink = self._sink("hemis-sink")

    def _sink(self, group: str, verb: str = "run") -> Child:
        settings = {
            **_access(self.stack, role_user("sink"), self._folder / "sink"),
            "national_dsn": self._national_url(),
            "group": group,
        }
        return _process("sink" if verb == "run" else f"sink-{verb}", ("sink", verb), settings, self._folder)

    def _national_url(self) -> str:
        found = conninfo_to_dict(self.national_dsn)
        return f"postgresql+psycopg://{found['user']}:{found['password']}@{found['host']}:{found['port']}/{found['dbname']}"


def prepare_bus(stack: Stack, registry: Registry) -> None:
    """National topics, users and schemas."""
    passwords = {role: stack.secret(f"kafka.{role_user(role)}") for role in ROLES}
    provision_national(administrator(stack), PARTITIONS, 1, passwords)
    registry.register_all()


def processor(stack: Stack, folder: Path, stage: Literal["records", "people"], name: str) -> Child:
    """A worker of a stage, not started; its data folder is `<folder>/<name>`."""
    settings = {
        **_access(stack, role_user(stage), folder / name),
        "person_key_secret": stack.secret("person-key"),
        "partitions": PARTITIONS,
        "refresh_seconds": 5,
    }
    return _process(name, ("processor", "run", stage), settings, folder)


def _access(stack: Stack, user: str, data: Path) -> dict[str, object]:
    return {
        **stack.transport,
        "kafka_user": user,
        "kafka_password": stack.secret(f"kafka.{user}"),
        "registry_url": stack.registry_url,
        "metrics_port": _free_port(),
        "data": str(data),
    }


def _process(name: str, command: tuple[str, ...], settings: Mapping[str, object], folder: Path) -> Child:
    file = folder / f"{name}.settings.yaml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(dict(settings)), "utf-8")
    port = settings["metrics_port"]
    return Child(
        name,
        [sys.executable, "-m", "deploy.command", *command, "--settings", str(file)],
        folder,
        health=f"http://{HOST}:{port}/healthz",
    )


def _wait_healthy(child: Child) -> None:
    until(partial(_says_pass, child, "healthz"), f"{child.name} is healthy", timeout=READY_SECONDS, watch=child.require)


def _wait_one_ready(workers: Sequence[Child]) -> None:
    until(
        lambda: any(_says_pass(child, "readyz") for child in workers),
        f"{workers[0].name} is ready",
        timeout=READY_SECONDS,
        watch=workers[0].require,
    )


def _says_pass(child: Child, check: str) -> bool:
    try:
        with urllib.request.urlopen(child.health.replace("healthz", check), timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
