"""A university, its agent as a real process, and a RECORDS that only answers hellos and applies the version rule."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from deploy.local.stack import Stack
from deploy.provisioning import institution_user, provision_institution
from schemas import avro_schema, envelope
from schemas.codec import codec
from schemas.registry import Registry
from tests.support.waiting import wait_until

MAPPING = """
institution: {institution}
records:
  - entity: person
    table: public.students
    key: [{{constant: sv}}, id]
    fields:
      full_name: name
      birth_date: {{column: born, format: DD/MM/YYYY}}
      sex: {{column: sex, codes: sex}}
      ethnicity: {{column: group_id, lookup: groups}}
      permanent_address: {{join: [street, town], separator: ", "}}
      citizen_number: number
  - entity: learner
    table: public.students
    key: [id]
    fields: {{code: code, email: mail, person: {{reference: person, key: [{{constant: sv}}, id]}}}}
codes:
  sex: {{Nam: M, Nữ: F}}
lookups:
  groups: {{table: public.groups, key: id, value: code}}
"""
TABLES = """
create table groups (id int primary key, code text);
insert into groups values (1, '01'), (2, '02');
create table students (id bigint primary key, name text, born text, sex text, group_id int, street text, town text,
                       number text, code text, mail text);
"""


@dataclass
class Seen:
    """What a replay of the topic gives."""

    live: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    events: list[tuple[envelope.Envelope, dict[str, Any]]] = field(default_factory=list)
    sweeps: list[dict[str, Any]] = field(default_factory=list)
    hellos: list[dict[str, Any]] = field(default_factory=list)
    oversized: list[dict[str, Any]] = field(default_factory=list)


class World:
    def __init__(self, stack: Stack, institution: str, folder: Path, source: Stack | None = None) -> None:
        self.stack = stack
        self.source = source or stack
        self.institution = institution
        self.folder = folder
        self.database = f"u_{institution.lower().replace('-', '_')}"
        self.topic = f"hemis.changes.{institution}"
        self.registry = Registry(stack.registry_url, folder / "schemas")
        self.registry.register_all()
        self._names = {self.registry.id_of(name): name for name in avro_schema.subjects()}
        user = institution_user(institution)
        provision_institution(stack.admin_client(), institution, stack.secret(f"kafka.{user}"))
        with psycopg.connect(self.source.dsn("universities", "postgres"), autocommit=True) as connection:
            connection.execute(f'create database "{self.database}"'.encode())
        self.accept = True
        self.answering = True
        self.epoch = 0
        self._stop = Event()
        self._thread = Thread(target=self._answer, daemon=True)
        self._thread.start()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.mapping(MAPPING.format(institution=institution))

    # -- the university ------------------------------------------------------------------------------------------------

    def sql(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.source.dsn("universities", self.database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def mapping(self, text: str) -> None:
        (self.folder / "mapping.yaml").write_text(text, "utf-8")

    # -- the agent -----------------------------------------------------------------------------------------------------

    def settings(self, **more: object) -> Path:
        user = institution_user(self.institution)
        values: dict[str, object] = {
            "institution": self.institution,
            "mapping": str(self.folder / "mapping.yaml"),
            "source_dsn": self.source.dsn("universities", self.database),
            "slot": f"s_{self.database}",
            **self.stack.transport,
            "kafka_user": user,
            "kafka_password": self.stack.secret(f"kafka.{user}"),
            "registry_url": self.stack.registry_url,
            "data": str(self.folder / "data"),
            "heartbeat_seconds": 0.5,
            "canary_seconds": 0,
            "manifest_seconds": 0,
            "chunk_rows": 500,
            **more,
        }
        path = self.folder / "settings.yaml"
        path.write_text(json.dumps({name: value for name, value in values.items() if value is not None}), "utf-8")
        return path

    def start(self, **more: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "producers.command", "run", "--settings", str(self.settings(**more))]
        with (self.folder / "agent.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env={**os.environ})
        self.processes.append(process)
        return process

    @contextmanager
    def agent(self, **more: object) -> Iterator[str]:
        """A running agent's health address; at the end it must stop cleanly."""
        process = self.start(**more)
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["health"]
        process.send_signal(signal.SIGTERM)
        assert (code := process.wait(15)) == 0, f"exit code {code}\n{self.log()}"

    def log(self) -> str:
        return (self.folder / "agent.log").read_text("utf-8")

    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "data" / "agent.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.command_with(self.settings(), *arguments)

    def command_with(self, settings: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "producers.command", arguments[0], "--settings", str(settings)]
        return subprocess.run([*command, *arguments[1:]], capture_output=True, text=True, check=False, timeout=60)

    # -- RECORDS -------------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        config = self.stack.admin_config() | {
            "log_level": 0,
            "group.id": "x",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
        }
        consumer, producer = Consumer(config), Producer(self.stack.admin_config() | {"linger.ms": 0, "log_level": 0})
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        last: tuple[str, str] | None = None
        while not self._stop.is_set():
            message = consumer.poll(0.1)
            if message is None or message.error() or message.key() != b"hello" or not self.answering:
                continue
            said, _ = codec("vn.hemis.Hello").decode(message.value(), 5)
            known = (said["instance"], said["mapping_revision"])
            if known != last or said["gap"]:
                last, self.epoch = known, self.epoch + 1
            body = codec("vn.hemis.HelloAnswer").encode(
                {
                    "instance": said["instance"],
                    "hello_offset": message.offset(),
                    "epoch": self.epoch,
                    "mapping_revision": said["mapping_revision"],
                    "accepted": self.accept,
                    "reload": False,
                }
            )
            head = envelope.header(self.registry.id_of("vn.hemis.HelloAnswer"))
            producer.produce(f"hemis.control.{self.institution}", head + body, b"hello")
            producer.flush(5)
        consumer.close()

    def end(self) -> int:
        consumer = Consumer(self.stack.admin_config() | {"log_level": 0, "group.id": "x"})
        try:
            return int(consumer.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=10)[1])
        finally:
            consumer.close()

    def seen(self) -> Seen:
        """Replay the topic with the version rule; the epoch of an event is that of its instance's last hello."""
        consumer = Consumer(self.stack.admin_config() | {"log_level": 0, "group.id": "x", "enable.auto.commit": False})
        part = TopicPartition(self.topic, 0, 0)
        end = consumer.get_watermark_offsets(part, timeout=10)[1]
        consumer.assign([part])
        seen, epoch, last = Seen(), 0, None
        state: dict[str, tuple[tuple[int, int], envelope.Envelope, dict[str, Any]]] = {}
        place = 0
        while place < end:
            for message in consumer.consume(1000, 1.0):
                place = message.offset() + 1
                value = message.value()
                name = self._names[envelope.schema_id_of(value)]
                if name.endswith("Change"):
                    read = envelope.read(value)
                    assert read.record_key.encode() == message.key()
                    entity, _ = codec(name.removesuffix("Change")).decode(value, read.body)
                    seen.events.append((read, entity))
                    if read.instance != (last and last[0]):
                        continue
                    version = (epoch, read.version)
                    known = state.get(read.record_key)
                    if known is None or version > known[0]:
                        if known is not None:
                            entity |= {name: known[2][name] for name in read.absent}
                        state[read.record_key] = (version, read, entity)
                    continue
                body, _ = codec(name).decode(value, 5)
                if name == "vn.hemis.Hello":
                    seen.hellos.append(body)
                    if last != (body["instance"], body["mapping_revision"]) or body["gap"]:
                        last, epoch = (body["instance"], body["mapping_revision"]), epoch + 1
                elif name == "vn.hemis.Sweep":
                    seen.sweeps.append(body)
                    for key, (version, read, _) in list(state.items()):
                        if read.source_table == body["source_table"] and version < (epoch, body["version"]):
                            del state[key]
                else:
                    seen.oversized.append(body)
        consumer.close()
        seen.live = {k: (r.source_table, e) for k, (_, r, e) in state.items() if r.operation != envelope.CANCEL}
        return seen

    def ready(self, health: str) -> bool:
        try:
            with urllib.request.urlopen(f"{health}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def page(self, health: str, path: str) -> str:
        with urllib.request.urlopen(health + path, timeout=5) as answer:
            return str(answer.read().decode())

    def wait_ready(self, health: str) -> None:
        wait_until(lambda: self.ready(health), "the agent is ready")

    def expected(self) -> dict[str, tuple[Any, ...]]:
        """What the store must hold, straight from the source."""
        rows = self.sql(
            "select s.id, name, to_char(to_date(born, 'DD/MM/YYYY'), 'YYYY-MM-DD'), case sex when 'Nam' then 'M' when 'Nữ'"
            " then 'F' end, g.code, nullif(concat_ws(', ', street, town), ''), number, s.code, mail"
            " from students s left join groups g on g.id = s.group_id"
        )
        return {str(row[0]): row[1:] for row in rows}

    def stored(self) -> dict[str, tuple[Any, ...]]:
        live = self.seen().live
        found = {}
        for key, (_, person) in live.items():
            if "/person/" in key:
                record = key.rsplit("/", 1)[1]
                learner = live[f"{self.institution}/learner/{record}"][1]
                assert learner["person"] == key
                names = ("full_name", "birth_date", "sex", "ethnicity", "permanent_address", "citizen_number")
                found[record] = (*(person[n] for n in names), learner["code"], learner["email"])
        return found

    def same(self) -> bool:
        try:
            return self.stored() == self.expected()
        except KafkaException as error:  # a broker that just starts
            raise AssertionError(error.args[0].name()) from error

    def wait_same(self, timeout: float = 30.0) -> None:
        wait_until(self.same, "store equals source", timeout)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        name = f"s_{self.database}"
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                self.sql(
                    "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s", [name]
                )
                return
            except psycopg.Error:
                continue
