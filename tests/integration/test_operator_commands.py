"""The operators' commands, as installed, with a real broker and registry."""

import json
import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from deploy.kafka import read_to_end
from deploy.local.stack import Stack
from deploy.provisioning import institution_user, provision_national, role_user
from deploy.subscribe import Reader
from schemas.avro_schema import subject, subjects
from schemas.codec import codec
from schemas.envelope import header
from schemas.registry import Registry
from schemas.rules import explain
from schemas.settings import AgentSettings, OperatorSettings, ProcessorSettings, load
from schemas.topics import CONTROL, DEAD_LETTERS, ORDERS, partition_of
from sinks.quality.days import today
from tests.integration.sinks.nation import nation

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
CODE = "OPS-1"
KEY, VALUE = f"{CODE}/person/1".encode(), b"\x00\x00\x00\x00\x63 not what it should be \x00\xff"


class Desk:
    """An operator's desk: settings of an administrator and of the operator, and the command."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        admin = stack.admin_config()
        self.administrator = self._settings(
            "administrator",
            **stack.transport | {"kafka_bootstrap": admin["bootstrap.servers"]},
            kafka_user=admin["sasl.username"],
            kafka_password=admin["sasl.password"],
            kafka_mechanism=admin["sasl.mechanism"],
            agent_bootstrap=stack.bootstrap,
            replication=1,
        )
        operator = role_user("operator")
        self.operator = self._settings(
            "operator",
            **stack.transport,
            kafka_user=operator,
            kafka_password=stack.secret(f"kafka.{operator}"),
            actor="tester",
        )

    def _settings(self, name: str, **settings: object) -> Path:
        file = self.folder / f"{name}.yaml"
        common = {"registry_url": self.stack.registry_url, "data": str(self.folder / name)}
        file.write_text(yaml.safe_dump(common | settings), "utf-8")
        return file

    def run(self, *arguments: str, settings: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "deploy.command", *arguments]
        if settings is not None:
            command += ["--settings", str(settings)]
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def wrong(self) -> Path:
        """The operator's settings with a wrong password."""
        text = self.operator.read_text("utf-8")
        file = self.folder / "wrong.yaml"
        file.write_text(text.replace("kafka_password: ", "kafka_password: x"), "utf-8")
        return file

    def orders(self) -> list[dict[str, Any]]:
        settings = load(OperatorSettings, self.operator, {})
        reader = Reader(Registry(settings.registry_url, self.folder / "schemas"))
        messages = read_to_end(settings, [ORDERS.name_for(CODE)])
        return [reader.read(value)[1] for message in messages if (value := message.value()) is not None]

    def write(self, topic: str, key: bytes, type_name: str, value: dict[str, Any], partition: int = 0) -> None:
        registry = Registry(self.stack.registry_url, self.folder / "schemas")
        raw = header(registry.id_of(subject(type_name))) + codec(subject(type_name)).encode(value)
        producer = Producer(self.stack.admin_config())
        producer.produce(topic, raw, key, partition)
        assert producer.flush(10) == 0


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    operator = role_user("operator")
    provision_national(stack.admin_client(), 4, 1, {"operator": stack.secret(f"kafka.{operator}")})
    made = Desk(stack, tmp_path_factory.mktemp("desk"))
    registered = made.run("schemas", "register", settings=made.operator)
    assert registered.returncode == 0, registered.stderr
    assert all(name in registered.stdout for name in subjects())
    added = made.run("institution", "add", CODE, "--output", "out", settings=made.administrator)
    assert added.returncode == 0, added.stderr
    return made


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    told = desk.run("institution", "add", "OPS-2", "--output", "dry", "--dry-run", settings=desk.administrator)
    assert told.returncode == 0, told.stderr
    assert "topic hemis.changes.OPS-2: would be made" in told.stdout
    assert not (desk.folder / "dry").exists()
    assert "hemis.changes.OPS-2" not in desk.stack.admin_client().list_topics(timeout=10).topics


def test_what_add_writes_lets_the_agent_in_and_nobody_read(desk: Desk) -> None:
    folder = desk.folder / "out" / CODE
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    (folder / "source_dsn").write_text("host=nowhere", "utf-8")
    settings = load(AgentSettings, folder / "agent.yaml", {})
    (folder / "source_dsn").unlink()
    assert settings.kafka_user == institution_user(CODE)
    producer = Producer(settings.kafka())
    assert not producer.list_topics(f"hemis.changes.{CODE}", timeout=10).topics[f"hemis.changes.{CODE}"].error
    assert producer.list_topics(f"hemis.state.{CODE}", timeout=10).topics[f"hemis.state.{CODE}"].error


def test_add_again_keeps_the_password_and_changes_nothing(desk: Desk) -> None:
    before = {path.name: path.read_bytes() for path in (desk.folder / "out" / CODE).iterdir()}
    told = desk.run("institution", "add", CODE, "--output", "out", settings=desk.administrator)
    assert told.returncode == 0, told.stderr
    assert "everything was right already" in told.stdout
    assert {path.name: path.read_bytes() for path in (desk.folder / "out" / CODE).iterdir()} == before


def test_add_elsewhere_does_not_lock_the_running_agent_out(desk: Desk) -> None:
    told = desk.run("institution", "add", CODE, "--output", "elsewhere", settings=desk.administrator)
    assert (told.returncode, told.stderr.split()[0]) == (2, "E704")
    assert not (desk.folder / "elsewhere").exists()


def test_orders_say_what_and_who(desk: Desk) -> None:
    before = len(desk.orders())
    for arguments in (("accept", CODE, "7001"), ("release", CODE), ("reject", CODE)):
        told = desk.run("institution", *arguments, settings=desk.operator)
        assert told.returncode == 0, told.stderr
    found = desk.orders()[before:]
    assert [order["kind"] for order in found] == ["ACCEPT_SOURCE", "RELEASE", "REJECT"]
    assert found[0]["argument"] == "7001"
    assert {order["actor"] for order in found} == {"tester"}


def test_an_institution_without_topics_gets_no_order(desk: Desk) -> None:
    told = desk.run("institution", "release", "NOBODY", settings=desk.operator)
    assert (told.returncode, told.stderr.split()[0]) == (2, "E109")


def test_a_wrong_password_is_said(desk: Desk) -> None:
    told = desk.run("institution", "release", CODE, settings=desk.wrong())
    assert (told.returncode, told.stderr.split()[0]) == (2, "E402")


def test_list_tells_whether_a_source_is_accepted(desk: Desk) -> None:
    answer = {
        "instance": "i",
        "hello_offset": 99,
        "epoch": 3,
        "mapping_revision": "m",
        "accepted": False,
        "reload": False,
    }
    desk.write(CONTROL.name_for(CODE), b"hello", "HelloAnswer", answer)
    told = desk.run("institution", "list", "--json", settings=desk.operator)
    assert told.returncode == 0, told.stderr
    found = {one["code"]: one for one in json.loads(told.stdout)}
    assert found[CODE] == {"code": CODE, "state": "refused", "epoch": 3, "system_id": ""}


def test_a_dead_letter_is_listed_shown_and_replayed_byte_for_byte(desk: Desk) -> None:
    letter = {
        "institution": CODE,
        "topic": f"hemis.changes.{CODE}",
        "partition": 0,
        "offset": 42,
        "code": "E102",
        "reason": "unknown",
        "found_at": 1_700_000_000_000_000,
        "attempts": 2,
        "key": KEY,
        "value": VALUE,
    }
    partition = partition_of(CODE.encode(), DEAD_LETTERS.partitions or 1)
    desk.write(DEAD_LETTERS.name, CODE.encode(), "DeadLetter", letter, partition)
    desk.write(
        DEAD_LETTERS.name,
        CODE.encode(),
        "DeadLetter",
        letter | {"offset": 43, "attempts": 6, "key": b"other"},
        partition,
    )

    listed = desk.run("dead-letters", "list", "--institution", CODE, "--code", "E102", "--json", settings=desk.operator)
    assert listed.returncode == 0, listed.stderr
    assert [(row["origin"], row["attempts"]) for row in json.loads(listed.stdout)] == [
        (f"hemis.changes.{CODE}:0:42", 2),
        (f"hemis.changes.{CODE}:0:43", 6),
    ]
    counted = desk.run("dead-letters", "list", "--institution", CODE, "--count", "--json", settings=desk.operator)
    assert json.loads(counted.stdout) == [{"institution": CODE, "code": "E102", "count": 2}]

    shown = desk.run("dead-letters", "show", f"hemis.changes.{CODE}:0:42", "--json", settings=desk.operator)
    assert json.loads(shown.stdout)["bytes"] == len(VALUE)
    assert "key" not in json.loads(shown.stdout), "bytes may hold personal data: only where they are asked for"

    before = len(desk.orders())
    replayed = desk.run("dead-letters", "replay", f"hemis.changes.{CODE}:0:42", settings=desk.operator)
    assert (replayed.returncode, replayed.stdout.strip()) == (0, "1 replayed"), replayed.stderr
    [order] = desk.orders()[before:]
    assert (order["kind"], order["argument"], order["key"], order["payload"]) == ("REPLAY", "2", KEY, VALUE)

    refused = desk.run("dead-letters", "replay", f"hemis.changes.{CODE}:0:43", settings=desk.operator)
    assert (refused.returncode, refused.stderr.split()[0]) == (2, "E702")
    many = desk.run("dead-letters", "replay", "--institution", CODE, "--again", settings=desk.operator)
    assert many.returncode == 1, "one letter is left, and that is a finding"
    assert many.stdout.startswith("1 replayed, 1 left: E702")


def test_a_waiver_is_an_order_with_its_line_in_the_audit(desk: Desk, stack: Stack, tmp_path: Path) -> None:
    with nation(stack, tmp_path) as national:
        key = f"{CODE}/person/9"
        national.finding("f1", CODE, record_key=key, rule="V05", fields=["birth_date"])
        national.finding("f2", CODE, record_key=key, rule="V04", status="RESOLVED")
        national.finding("f3", "OPS-X", record_key="OPS-X/person/9", rule="V01")
        settings = tmp_path / "operator.yaml"
        url = national.engine.url.render_as_string(hide_password=False)
        settings.write_text(desk.operator.read_text("utf-8") + f"national_dsn: {url}\n", "utf-8")

        listed = desk.run("findings", "list", "--institution", CODE, "--json", settings=settings)
        assert listed.returncode == 0, listed.stderr
        assert [(f["finding_id"], f["entity"], f["todo_vi"]) for f in json.loads(listed.stdout)] == [
            ("f1", "person", explain("V05", {}, "vi").todo)
        ]
        until = (today().day + timedelta(days=90)).isoformat()
        given = ("--reason", "số do cơ quan khác cấp", "--approver", "Vụ GDĐH")
        before = len(desk.orders())
        for wrong, code in (
            (("f1", "--approver", "Vụ GDĐH", "--until", until), "E841"),
            (("f1", "--reason", "số do cơ quan khác cấp", "--until", until), "E842"),
            (("f1", *given), "E843"),
            (("f2", *given, "--until", until), "E845"),
            (("f9", *given, "--until", until), "E840"),
            (("f3", *given, "--until", until), "E844"),
        ):
            refused = desk.run("findings", "waive", *wrong, settings=settings)
            assert (refused.returncode, refused.stderr.split()[0]) == (2, code)
        assert desk.run("findings", "unwaive", "f1", settings=settings).stderr.split()[0] == "E845"
        assert national.rows("SELECT count(*) FROM audit") == [(0,)]
        assert len(desk.orders()) == before

        waived = desk.run("findings", "waive", "f1", *given, "--until", until, settings=settings)
        assert waived.returncode == 0, waived.stderr
        [order] = desk.orders()[before:]
        assert (order["kind"], order["key"], order["actor"]) == ("WAIVE", key.encode(), "tester")
        assert json.loads(order["argument"]) == {
            "rule": "V05", "fields": ["birth_date"], "other_record": "", "reason": "số do cơ quan khác cấp",
            "approver": "Vụ GDĐH", "until": until,
        }  # fmt: skip
        audit = national.rows("SELECT actor, action, subject, facts->>'approver' FROM audit")
        assert audit == [("tester", "findings waive", "f1", "Vụ GDĐH")]
        national.finding("f1", CODE, record_key=key, rule="V05", fields=["birth_date"], status="WAIVED")
        assert desk.run("findings", "unwaive", "f1", settings=settings).returncode == 0
        assert desk.orders()[-1]["kind"] == "UNWAIVE"

        shown = desk.run("findings", "show", "f1", settings=settings)
        assert explain("V05", {}, "en").todo in shown.stdout
        assert "open" in shown.stdout.splitlines()[-1]
        counted = desk.run("findings", "counts", "--institution", CODE, "--json", settings=settings)
        assert [(c["rule"], c["status"], c["findings"]) for c in json.loads(counted.stdout)] == [
            ("V04", "RESOLVED", 1), ("V05", "WAIVED", 1),
        ]  # fmt: skip
        sheet = desk.run("findings", "list", "--status", "ALL", "--xlsx", "findings.xlsx", settings=settings)
        assert sheet.returncode == 0, sheet.stderr
        assert (desk.folder / "findings.xlsx").read_bytes().startswith(b"PK")


def test_national_questions_by_command(desk: Desk, stack: Stack, tmp_path: Path) -> None:
    with nation(stack, tmp_path) as national:
        national.record(f"{CODE}/person/1", full_name="A")
        moment = national.clock().isoformat()
        national.record(f"{CODE}/person/1", full_name="B")
        settings = tmp_path / "national.yaml"
        url = national.engine.url.render_as_string(hide_password=False)
        settings.write_text(f"national_dsn: {url}\n", "utf-8")
        text = "select full_name from person"
        asked = desk.run("query", "--as-of", moment, text, "--json", settings=settings)
        assert (asked.returncode, json.loads(asked.stdout)) == (0, {"full_name": "A"}), asked.stderr
        assert desk.run("query", text, settings=settings).stdout.split() == ["full_name", "B"]
        for wrong, code in ((("--as-of", "2999-01-01", text), "E847"), (("drop table person",), "E846")):
            refused = desk.run("query", *wrong, settings=settings)
            assert (refused.returncode, refused.stderr.split()[0]) == (2, code)
        assert desk.run("quality", "show", settings=settings).stderr.split()[0] == "E848"
        ran = desk.run("quality", "run", settings=settings)
        assert ran.returncode == 0, ran.stderr
        shown = json.loads(desk.run("quality", "show", "--json", "--every", settings=settings).stdout)
        now = json.loads(desk.run("quality", "show", "--json", "--every", "--now", settings=settings).stdout)
        assert {row["measure"]: row["value"] for row in shown} == {row["measure"]: row["value"] for row in now}
        assert {"correct", "complete", "clean", "live"} <= {row["measure"] for row in shown}
        assert "◄" in desk.run("quality", "history", settings=settings).stdout
        year = str(today().day.year)
        made = desk.run("quality", "table-1d", "--year", year, "--out", "1d.xlsx", settings=settings)
        assert made.returncode == 0, made.stderr
        assert (desk.folder / "1d.xlsx").read_bytes().startswith(b"PK")
        roles = desk.run("sink", "roles", "--institution", CODE, settings=settings)
        assert (roles.returncode, roles.stdout) == (0, ""), roles.stderr


def test_the_registry_takes_todays_schemas(desk: Desk) -> None:
    told = desk.run("schemas", "check", "--registry-url", desk.stack.registry_url)
    assert told.returncode == 0, told.stdout + told.stderr


def test_national_is_made_once_and_kept(desk: Desk, tmp_path: Path) -> None:
    """Last but for refusals: it gives the operator of the shared stack another password, and back again."""
    operator = role_user("operator")
    try:
        told = desk.run("national", "--output", str(tmp_path), settings=desk.administrator)
        assert told.returncode == 0, told.stderr
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        again = desk.run("national", "--output", str(tmp_path), settings=desk.administrator)
        assert (again.returncode, again.stdout.splitlines()[0]) == (0, "everything was right already"), again.stderr
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
        assert load(ProcessorSettings, tmp_path / "records.yaml", {}).partitions == 4
        listed = desk.run("dead-letters", "list", settings=tmp_path / "operator.yaml")
        assert listed.returncode == 0, listed.stderr
    finally:
        provision_national(desk.stack.admin_client(), 4, 1, {"operator": desk.stack.secret(f"kafka.{operator}")})


@pytest.mark.parametrize("arguments", [("institution", "list"), ("dead-letters", "list")])
def test_a_wrong_password_is_said_by_readers_too(desk: Desk, arguments: tuple[str, ...]) -> None:
    told = desk.run(*arguments, settings=desk.wrong())
    assert (told.returncode, told.stderr.split()[0]) == (2, "E402")
