"""`hemis doctor` on a system that is well, and on one that is ill in many ways at once; what it says mends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from deploy.local.stack import Stack
from deploy.provisioning import provision_institution, provision_national, role_user
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header
from schemas.registry import Registry
from schemas.topics import CONTROL, DEAD_LETTERS, PROBE, Role
from tests.integration.sinks.nation import Nation, nation

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[3]
CODE = "DOC-1"


@dataclass
class Patient:
    stack: Stack
    national: Nation
    folder: Path

    def settings(self, **more: object) -> Path:
        operator = role_user("operator")
        file = self.folder / "operator.yaml"
        known: dict[str, object] = {
            **self.stack.transport,
            "kafka_user": operator,
            "kafka_password": self.stack.secret(f"kafka.{operator}"),
            "registry_url": self.stack.registry_url,
            "data": str(self.folder),
            "replication": 1,
            "national_dsn": self.national.engine.url.render_as_string(hide_password=False),
        }
        file.write_text(yaml.safe_dump(known | more), "utf-8")
        file.chmod(0o600)
        return file

    def run(self, *arguments: str, language: str = "en", **more: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deploy.command", "doctor", *arguments, "--settings", str(self.settings(**more))],
            env={**os.environ, "PYTHONPATH": str(ROOT), "HEMIS_LANGUAGE": language, "PYTHONFAULTHANDLER": "1"},
            cwd=self.folder, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    def examined(self, **more: object) -> tuple[int, dict[str, dict[str, Any]]]:
        done = self.run("--json", **more)
        assert done.stdout, done.stderr
        found = {one["check"]: one for one in json.loads(done.stdout)}
        assert done.returncode == int(any(one["state"] == "fail" for one in found.values()))
        declared = found["topics.declared"]
        if declared["state"] == "fail" and CODE not in declared["detail"] and "national" not in declared["mend"]:
            # Of another test's institution, on the stack that all share.
            declared["state"] = "pass"
        return int(any(one["state"] == "fail" for one in found.values())), found

    def reached(self, offset: int) -> None:
        """How far the sink's group says it is."""
        sink = Consumer(self.stack.client_config(role_user("sink")) | {"group.id": "hemis-sink"})
        sink.commit(offsets=[TopicPartition("hemis.clean.person", 0, offset)], asynchronous=False)
        sink.close()

    def write(self, topic: str, key: bytes, name: str, value: dict[str, Any]) -> None:
        registry = Registry(self.stack.registry_url, self.folder / "schemas")
        raw = header(registry.id_of(subject(name))) + codec(subject(name)).encode(value)
        producer = Producer(self.stack.admin_config())
        producer.produce(topic, raw, key, 0)
        assert producer.flush(10) == 0


@pytest.fixture
def patient(stack: Stack, tmp_path: Path) -> Iterator[Patient]:
    roles: tuple[Role, ...] = ("operator", "sink")
    provision_national(stack.admin_client(), 4, 1, {role: stack.secret(f"kafka.{role_user(role)}") for role in roles})
    provision_institution(stack.admin_client(), CODE, stack.secret(f"kafka.inst.{CODE}"))
    registry = Registry(stack.registry_url, tmp_path / "schemas")
    registry.register_all()
    registry.id_of(subject("Finding"))
    with nation(stack, tmp_path) as national:
        yield Patient(stack, national, tmp_path)


def test_a_system_that_is_well(patient: Patient) -> None:
    patient.reached(0)  # a cluster on which no group ever committed knows no lag
    code, found = patient.examined()
    wrong = {name: one["detail"] for name, one in found.items() if one["state"] == "fail"}
    assert (code, wrong) == (0, {})
    # One broker, no backup yet, other tests' letters, and a machine that others use too are no reason to be called at night.
    worth_a_look = {name for name, one in found.items() if one["state"] == "warn"}
    environment = {"broker.disk", "broker.replicas", "broker.writes"}
    assert worth_a_look <= environment | {"database.backup", "letters.recent", "institutions.source"}
    assert "MiB free" in found["broker.disk"]["detail"], found["broker.disk"]
    for name in (
        "broker.clock",
        "topics.declared",
        "registry.ids",
        "database.schema",
        "database.copy",
        "stages.lag",
    ):
        assert found[name]["state"] == "pass", found[name]
    told = patient.run(language="vi")
    assert told.returncode in (0, 1)
    assert "✓ Kafka trả lời và cho người dùng này đăng nhập" in told.stdout
    assert " tốt, " in told.stdout.splitlines()[-1]


def test_what_is_ill_is_said_with_what_mends_it(patient: Patient) -> None:
    national = patient.national
    database = national.engine.url.database
    national.do(f'ALTER DATABASE "{database}" SET synchronous_commit = off', "DROP TABLE code")
    answer = {
        "instance": "i",
        "hello_offset": 0,
        "epoch": 1,
        "mapping_revision": "m",
        "accepted": False,
        "reload": False,
    }
    patient.write(CONTROL.name_for(CODE), b"hello", "HelloAnswer", answer)
    letter = {
        "institution": CODE, "topic": f"hemis.changes.{CODE}", "partition": 0, "offset": 1, "code": "E101", "reason": "", "found_at": 1,
        "attempts": 0, "key": None, "value": b"x",
    }  # fmt: skip
    patient.write(DEAD_LETTERS.name, CODE.encode(), "DeadLetter", letter)
    # The group has been further than this database says.
    national.record(f"{CODE}/person/1")
    patient.reached(500)
    national.engine.dispose()

    code, found = patient.examined()
    assert code == 1
    assert (found["database.schema"]["state"], found["database.schema"]["mend"]) == ("fail", "hemis sink migrate")
    durable = found["database.durable"]
    assert (durable["state"], durable["mend"]) == ("fail", f"ALTER DATABASE {database} RESET synchronous_commit;")
    assert (found["database.copy"]["state"], found["database.copy"]["detail"]) == (
        "warn",
        "499 messages to be applied again",
    )
    assert found["institutions.source"]["state"] == "warn"
    assert CODE in found["institutions.source"]["detail"]
    assert found["letters.recent"]["state"] == "warn"
    shown = patient.run("--wrong").stdout
    assert "✗ The national database has this program's schema" in shown
    assert "    → hemis sink migrate" in shown
    assert "✓" not in shown

    with national.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text(durable["mend"]))
    patient.reached(1)
    known = yaml.safe_load(patient.settings().read_text("utf-8"))
    (patient.folder / "sink.yaml").write_text(
        yaml.safe_dump({n: v for n, v in known.items() if n != "replication"}), "utf-8"
    )
    migrated = subprocess.run(
        [sys.executable, "-m", "deploy.command", "sink", "migrate", "--settings", str(patient.folder / "sink.yaml")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert migrated.returncode == 0, migrated.stderr
    code, found = patient.examined()
    assert code == 0, {name: one for name, one in found.items() if one["state"] == "fail"}


def test_a_transaction_that_stands_open(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    from deploy.doctor import database
    from schemas.settings import OperatorSettings, load

    monkeypatch.setattr(database, "OPEN_SECONDS", 0.0)
    dsn = patient.national.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = load(OperatorSettings, patient.settings(), {})

    def said() -> Any:
        return next(one for one in database.examine(settings) if one.check.id == "database.transactions")

    with psycopg.connect(dsn) as forgotten:
        forgotten.execute("SELECT 1")
        pid = forgotten.info.backend_pid
        found = said()
        assert found.state == "warn"
        assert f"{pid} for" in found.detail
        with psycopg.connect(dsn, autocommit=True) as admin:
            admin.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(psycopg.OperationalError):
            forgotten.execute("SELECT 1")
    assert f"{pid} for" not in said().detail


@pytest.mark.parametrize(
    ("more", "check", "told"),
    [
        ({"kafka_password": "wrong"}, "broker.login", "E402"),
        ({"kafka_bootstrap": "127.0.0.1:9"}, "broker.login", "E401"),
        ({"registry_url": "http://127.0.0.1:9"}, "registry.answers", "E405"),
        ({"national_dsn": "postgresql://nobody@127.0.0.1:9/none"}, "database.login", "E501"),
    ],
)
def test_what_is_away_holds_up_nothing_else(patient: Patient, more: dict[str, object], check: str, told: str) -> None:
    code, found = patient.examined(**more)
    assert code == 1
    assert (found[check]["state"], found[check]["detail"].split()[0]) == ("fail", told)
    others = {name for name, one in found.items() if one["state"] == "fail"} - {check}
    assert not others, {name: found[name]["detail"] for name in others}
    fine = {name.split(".")[0] for name, one in found.items() if one["state"] == "pass"}
    assert {"broker", "registry", "database", "machine"} - {check.split(".")[0]} <= fine


def test_an_older_cluster_has_no_topic_for_the_probe(patient: Patient) -> None:
    admin = patient.stack.admin_client()
    admin.delete_topics([PROBE.name], operation_timeout=30)[PROBE.name].result()
    _, found = patient.examined()
    assert (found["broker.writes"]["state"], found["broker.clock"]["state"]) == ("skip", "skip")


def test_topics_settings_and_rights_that_are_not_as_declared(patient: Patient) -> None:
    admin = patient.stack.admin_client()
    surplus = AclBinding(
        ResourceType.TOPIC, f"hemis.state.{CODE}", ResourcePatternType.LITERAL, f"User:inst.{CODE}", "*", AclOperation.READ,
        AclPermissionType.ALLOW,
    )  # fmt: skip
    admin.create_acls([surplus])[surplus].result(30)
    entry = ConfigEntry("retention.ms", "60000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, f"hemis.changes.{CODE}", incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)
    _, found = patient.examined()
    said = found["topics.declared"]
    assert said["state"] == "fail"
    assert f"topic hemis.changes.{CODE}: other retention.ms" in said["detail"]
    assert f"user inst.{CODE}: 0 rights missing, 1 not declared" in said["detail"]
    assert said["mend"] == f"hemis institution add {CODE}"
    provision_institution(admin, CODE, patient.stack.secret(f"kafka.inst.{CODE}"))
    _, found = patient.examined()
    assert found["topics.declared"]["state"] == "pass", found["topics.declared"]
