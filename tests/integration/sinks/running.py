"""A real sink process between a real broker and a real database."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import sqlalchemy as sa
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, OffsetSpec
from psycopg.conninfo import conninfo_to_dict

from deploy.local.stack import Stack
from deploy.provisioning import provision_institution, provision_national, role_user
from schemas import topics
from schemas.registry import Registry, RegistryUnavailable
from sinks.delivery import SUBSCRIPTION
from sinks.model import TARGETS
from tests.conformance.sinks.events import Events
from tests.support.waiting import wait_until

PARTITIONS = 4
COMMAND = [sys.executable, "-c", "from sinks.command import sink; sink()"]


@dataclass
class Place:
    """A provisioned stack with one national database."""

    stack: Stack
    database: str
    folder: Path
    events: Events = field(init=False)
    more: dict[str, str] = field(default_factory=dict)
    """Environment of this test's own."""

    def __post_init__(self) -> None:
        registry = Registry(self.stack.registry_url, self.folder / "registry")
        self.events = Events(wait_until(lambda: registered(registry), "the registry is back after its database"))
        with psycopg.connect(self.stack.dsn("national", "postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {self.database}")

    @property
    def url(self) -> str:
        parts = conninfo_to_dict(self.stack.dsn("national", self.database))
        return sa.URL.create(
            "postgresql+psycopg",
            str(parts["user"]),
            str(parts["password"]),
            str(parts["host"]),
            int(str(parts["port"])),
            self.database,
        ).render_as_string(hide_password=False)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            **{f"HEMIS_{name.upper()}": value for name, value in self.stack.transport.items()},
            "HEMIS_KAFKA_USER": role_user("sink"),
            "HEMIS_KAFKA_PASSWORD": self.stack.secret(f"kafka.{role_user('sink')}"),
            "HEMIS_REGISTRY_URL": self.stack.registry_url,
            "HEMIS_NATIONAL_DSN": self.url,
            "HEMIS_DATA": str(self.folder / "data"),
            "HEMIS_GROUP": f"hemis-sink-{self.database}",
            "HEMIS_BATCH_ROWS": "2000",
            "HEMIS_MEMBER": "one",
            "HEMIS_QUALITY_SECONDS": "0",
            "HEMIS_SET_RULES_SECONDS": "0",
            "HEMIS_TOUCH_SECONDS": "0",
            **self.more,
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    @contextmanager
    def sink(self) -> Iterator[subprocess.Popen[bytes]]:
        """A running sink; ended kindly unless it is dead already."""
        log = self.folder / "sink.log"
        with log.open("ab") as out:
            process = subprocess.Popen([*COMMAND, "run"], env=self.environment, stderr=out)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def hemis(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The installed command."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.command", *arguments],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def produce(
        self,
        user: str,
        topic: str,
        pairs: Sequence[tuple[bytes, bytes | None]],
        partition: int | None = None,
        *,
        at: float = 0,
    ) -> None:
        """`at`: when they count as written, Unix time; 0: now."""
        failed: list[str] = []
        producer = Producer(self.stack.client_config(user) | {"linger.ms": 5, "compression.type": "lz4"})
        for key, value in pairs:
            institution = key.decode().split("/")[0]
            where = topics.slot_of(institution, PARTITIONS) if partition is None else partition
            while True:
                try:
                    producer.produce(
                        topic,
                        value,
                        key,
                        where,
                        on_delivery=lambda e, _: failed.append(str(e)) if e else None,
                        timestamp=int(at * 1000),
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(60) == 0
        assert not failed

    def rows(self, query: str) -> list[tuple[object, ...]]:
        try:
            with psycopg.connect(self.stack.dsn("national", self.database), connect_timeout=3) as connection:
                return connection.execute(query).fetchall()
        except psycopg.Error as error:
            raise ConnectionError(type(error).__name__) from error

    def number(self, query: str) -> int:
        return int(str(self.rows(query)[0][0]))

    def ends(self) -> dict[tuple[str, int], int]:
        """The end of every partition that the sink reads."""
        admin = self.stack.admin_client()
        known = admin.list_topics(timeout=10).topics
        read = [name for name in known if any(re.match(pattern, name) for pattern in SUBSCRIPTION)]
        wanted = {
            TopicPartition(name, number): OffsetSpec.latest() for name in read for number in known[name].partitions
        }
        found = admin.list_offsets(wanted)
        return {(tp.topic, tp.partition): future.result().offset for tp, future in found.items()}

    def end(self, topic: str) -> int:
        """Messages that a topic has ever got."""
        return sum(offset for (name, _), offset in self.ends().items() if name == topic)

    def configure(self, topic: str, values: Mapping[str, str]) -> None:
        """Change a topic's settings."""
        entries = [ConfigEntry(n, v, incremental_operation=AlterConfigOpType.SET) for n, v in values.items()]
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        admin = self.stack.admin_client()
        for future in admin.incremental_alter_configs([resource]).values():
            future.result()

    def compact(self, topic: str, key: bytes) -> None:
        """Have the broker compact a topic until it has one message of a key. Everything before this call is compacted."""
        self.configure(topic, {"min.compaction.lag.ms": "0", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"})

        def compacted() -> bool:
            # The segment that is written to is never compacted: a newer message makes it an older one.
            self.produce("hemis.records", topic, [self.events.change("UNI-A/person/roll", 1)])
            return self._kept(topic, key) == 1

        wait_until(compacted, "the broker has compacted", 90)

    def _kept(self, topic: str, key: bytes) -> int:
        consumer = Consumer(
            self.stack.client_config("hemis.sink") | {"group.id": "hemis-sink-test", "enable.partition.eof": True}
        )
        partitions = [TopicPartition(topic, number, 0) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        found, ended = 0, 0
        while ended < PARTITIONS:
            message = consumer.poll(5)
            assert message is not None
            if message.error():
                ended += 1
            elif message.key() == key:
                found += 1
        consumer.close()
        return found

    def content(self) -> str:
        """Hash of everything that the topics determine: all but the clock of the national database."""
        digest = hashlib.sha256()
        for target in TARGETS.values():
            for table in (target.table, target.history):
                if table is None:
                    continue
                columns = [c.name for c in table.columns if c.name not in ("applied_at", "replaced_at")]
                order = ", ".join([target.key, *target.version])
                listed = ", ".join(f'"{c}"::text' for c in columns)
                for row in self.rows(f"SELECT {listed} FROM {table.name} ORDER BY {order}"):
                    digest.update(repr(row).encode())
        for row in self.rows("SELECT record_key, person_key FROM person_claim ORDER BY 1, 2"):
            digest.update(repr(row).encode())
        return digest.hexdigest()

    def wait_applied(self, topic: str, total: int, timeout: float = 60.0) -> None:
        wait_until(
            lambda: (
                self.number(f"SELECT coalesce(sum(next_offset), 0) FROM applied_offset WHERE topic = '{topic}'")
                == total
            ),
            f"{total} messages of {topic} are applied",
            timeout,
        )


def registered(registry: Registry) -> dict[str, int]:
    """The ids of all subjects; none while the registry is away."""
    try:
        return registry.register_all()
    except RegistryUnavailable:
        return {}


def provisioned(stack: Stack, *institutions: str) -> None:
    roles: tuple[topics.Role, ...] = ("records", "people", "sink", "reader", "operator")
    passwords = {role: stack.secret(f"kafka.{role_user(role)}") for role in roles}
    admin = stack.admin_client()
    provision_national(admin, PARTITIONS, 1, passwords)
    for code in institutions:
        provision_institution(admin, code, stack.secret(f"kafka.inst.{code}"))
