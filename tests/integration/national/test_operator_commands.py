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
from click.testing import CliRunner
from confluent_kafka import KafkaException, Producer

from deploy import audit
from deploy.command import root
from deploy.kafka import read_to_end
from deploy.local.certificates import ensure
from deploy.local.stack import Stack
from deploy.local.state import State
from deploy.provisioning import institution_user, provision_national, role_user
from deploy.subscribe import Reader
from schemas.avro_schema import subject, subjects
from schemas.codec import codec
from schemas.envelope import header
from schemas.errors import HemisError
from schemas.registry import Registry
from schemas.rules import explain
from schemas.settings import AgentSettings, OperatorSettings, ProcessorSettings, load
from schemas.topics import CONTROL, DEAD_LETTERS, ORDERS, partition_of
from sinks.quality.days import today
from tests.integration.sinks.nation import nation

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[3]
CODE = "OPS-1"
KEY, VALUE = f"{CODE}/person/1".encode(), header(1) + b" not what it should be \x00\xff"


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


def well(done: "subprocess.CompletedProcess[str]", code: int = 0) -> str:
    assert done.returncode == code, done.stderr
    out: str = done.stdout
    return out


def audited(desk: Desk, subject: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        well(desk.run("audit", "--subject", subject, "--json", settings=desk.operator))
    )
    return found


def test_the_bundle_is_made_for_this_institution(desk: Desk) -> None:
    folder = desk.folder / "out" / CODE
    assert {path.name for path in folder.iterdir()} == {
        "agent.yaml",
        "kafka_password",
        "ca.crt",
        "hemis-agent.service",
        "GUIDE.md",
        "HUONG-DAN.md",
    }
    assert (folder / "ca.crt").read_bytes() == Path(desk.stack.transport["kafka_ca"]).read_bytes()
    for guide in ("GUIDE.md", "HUONG-DAN.md"):
        text = (folder / guide).read_text("utf-8")
        for fact in (CODE, desk.stack.bootstrap, f"hemis.changes.{CODE}", f"inst.{CODE}", desk.stack.registry_url):
            assert fact in text
        for command in ("init", "check", "preview", "doctor"):
            assert f"hemis agent {command} --settings agent.yaml" in text
        assert (folder / "kafka_password").read_text("utf-8").strip() not in text


def test_every_command_refuses_what_is_no_institution(desk: Desk) -> None:
    def refused(*arguments: str) -> str:
        result = CliRunner().invoke(root, ["institution", *arguments, "--settings", str(desk.administrator)])
        assert isinstance(result.exception, HemisError), result
        return result.exception.code

    for command in ("suspend", "resume", "rotate", "quota", "show", "remove"):
        assert refused(command, "NOBODY") == "E707"
        for code in ("no-body", "X" * 17, "../..", ""):
            assert refused(command, code) == "E706"
    assert refused("add", "a b") == "E706"
    assert audited(desk, "NOBODY") == []


def test_an_operator_without_an_administrators_rights_changes_nothing(desk: Desk) -> None:
    refused = desk.run("institution", "suspend", CODE, settings=desk.operator)
    assert (refused.returncode, refused.stderr.split()[0]) == (2, "E403")
    last = audited(desk, CODE)[-1]
    assert (last["action"], last["outcome"], last["error"], last["actor"]) == (
        "institution suspend",
        "failed",
        "E403",
        "tester",
    )


def test_a_suspended_institution_writes_nothing_until_it_is_resumed(desk: Desk) -> None:
    code = "OPS-S"
    well(desk.run("institution", "add", code, "--output", "out", settings=desk.administrator))

    def written() -> bool:
        password = (desk.folder / "out" / code / "kafka_password").read_text("utf-8").strip()
        config = desk.stack.client_config(institution_user(code)) | {"sasl.password": password, "log_level": 0}
        failed: list[str] = []
        producer = Producer(config)
        producer.produce(f"hemis.changes.{code}", b"x", on_delivery=lambda e, _: failed.append(e.name() if e else ""))
        producer.flush(20)
        assert failed in ([""], ["TOPIC_AUTHORIZATION_FAILED"])
        return failed == [""]

    def state() -> str:
        found = json.loads(well(desk.run("institution", "list", "--json", settings=desk.operator)))
        return str(next(one["state"] for one in found if one["code"] == code))

    run = ("institution", "suspend", code, "--patience", "0.5")
    assert "would be suspended" in well(desk.run(*run, "--dry-run", settings=desk.administrator))
    assert written()
    assert "nothing more can be written" in well(desk.run(*run, settings=desk.administrator))
    assert (written(), state()) == (False, "suspended")
    assert "suspended already" in well(desk.run(*run, settings=desk.administrator))
    well(desk.run("institution", "add", code, "--output", "out", settings=desk.administrator))
    assert not written(), "taking it up again does not resume it"
    well(desk.run("institution", "resume", code, settings=desk.administrator))
    assert (written(), state()) == (True, "no hello yet")
    assert "not suspended" in well(desk.run("institution", "resume", code, settings=desk.administrator))
    assert [(e["action"], e["outcome"]) for e in audited(desk, code)] == [
        ("institution add", "done"),
        ("institution suspend", "done"),
        ("institution suspend", "done"),
        ("institution add", "done"),
        ("institution resume", "done"),
        ("institution resume", "done"),
    ]


def test_quotas_are_given_changed_and_kept(desk: Desk) -> None:
    def quotas(*arguments: str) -> dict[str, Any]:
        done = desk.run("institution", "quota", CODE, "--json", *arguments, settings=desk.administrator)
        found: dict[str, Any] = json.loads(well(done))
        return found

    declared = {"produce_bytes": 8 << 20, "fetch_bytes": 4 << 20, "request_percent": 50.0}
    assert quotas() == declared
    assert quotas("--produce-bytes", "1000000", "--dry-run") == declared | {"produce_bytes": 1_000_000}
    assert quotas() == declared
    quotas("--produce-bytes", "1000000", "--request-percent", "12.5")
    well(desk.run("institution", "add", CODE, "--output", "out", settings=desk.administrator))
    changed = declared | {"produce_bytes": 1_000_000, "request_percent": 12.5}
    assert quotas() == changed
    shown = json.loads(well(desk.run("institution", "show", CODE, "--json", settings=desk.operator)))
    assert shown["quotas"] == changed
    assert shown["topics"][f"hemis.changes.{CODE}"].endswith("wait for RECORDS")
    for wrong in (
        ("--produce-bytes", "1"),
        ("--fetch-bytes", str(2**40)),
        ("--request-percent", "0"),
        ("--request-percent", "nan"),
        ("--produce-bytes", "-5"),
    ):
        refused = desk.run("institution", "quota", CODE, *wrong, settings=desk.administrator)
        assert (refused.returncode, refused.stderr.split()[0]) == (2, "E708"), wrong
    assert quotas("--default") == declared


def test_a_new_password_takes_the_old_ones_place(desk: Desk) -> None:
    code = "OPS-R"
    folder = desk.folder / "out" / code
    well(desk.run("institution", "add", code, "--output", "out", settings=desk.administrator))
    old = (folder / "kafka_password").read_text("utf-8")
    rotate = ("institution", "rotate", code, "--output", "out")
    well(desk.run(*rotate, "--dry-run", settings=desk.administrator))
    assert (folder / "kafka_password").read_text("utf-8") == old
    said = well(desk.run(*rotate, settings=desk.administrator))
    new = (folder / "kafka_password").read_text("utf-8")
    assert new != old
    assert new.strip() not in said
    assert stat.S_IMODE((folder / "kafka_password").stat().st_mode) == 0o600
    (folder / "source_dsn").write_text("host=nowhere", "utf-8")
    settings = load(AgentSettings, folder / "agent.yaml", {})
    producer = Producer(settings.kafka())
    assert not producer.list_topics(f"hemis.changes.{code}", timeout=10).topics[f"hemis.changes.{code}"].error
    with pytest.raises(KafkaException):
        Producer(settings.kafka() | {"sasl.password": old.strip()}).list_topics(timeout=3)
    text = json.dumps(audited(desk, code))
    assert old.strip() not in text
    assert new.strip() not in text


def test_nothing_goes_before_everything_was_read(desk: Desk) -> None:
    """No RECORDS runs here, so a departure stops half-way; what is left can go on later."""
    code = "OPS-D"
    well(desk.run("institution", "add", code, "--output", "out", settings=desk.administrator))
    remove = ("institution", "remove", code, "--yes", "--patience", "0.5")
    planned = well(desk.run(*remove, "--dry-run", settings=desk.administrator))
    assert f"topic hemis.changes.{code}: would be deleted" in planned
    assert f"national rows and history of {code}" in planned
    stopped = desk.run(*remove, settings=desk.administrator)
    assert (stopped.returncode, stopped.stderr.split()[0]) == (3, "E709")
    assert {f"hemis.changes.{code}", f"hemis.state.{code}"} <= set(
        desk.stack.admin_client().list_topics(timeout=10).topics
    )
    assert audited(desk, code)[-1]["error"] == "E709"
    well(desk.run("institution", "add", code, "--output", "out", settings=desk.administrator))


def test_wrong_certificates_are_said(desk: Desk, tmp_path: Path) -> None:
    other = ensure(State(tmp_path)).authority
    empty = tmp_path / "empty.crt"
    empty.touch()
    text = desk.operator.read_text("utf-8")
    right = desk.stack.transport["kafka_ca"]
    for authority, code in ((str(other), "E408"), (str(tmp_path / "none.crt"), "E201"), (str(empty), "E201")):
        file = tmp_path / "wrong.yaml"
        file.write_text(text.replace(right, authority), "utf-8")
        refused = desk.run("institution", "list", settings=file)
        assert (refused.returncode, refused.stderr.split()[0]) == (2, code), refused.stderr


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
    guessed = desk.run("dead-letters", "replay", "--institution", CODE, "--dry-run", "--json", settings=desk.operator)
    assert json.loads(guessed.stdout)["histogram"] == [
        {"institution": CODE, "code": "E102", "reason": "unknown", "letters": 1}
    ]
    assert len(desk.orders()) == before
    replayed = desk.run("dead-letters", "replay", f"hemis.changes.{CODE}:0:42", "--wait", "0", settings=desk.operator)
    assert replayed.stdout.startswith("1 replayed"), replayed.stderr
    assert replayed.returncode == 1, "no RECORDS runs here, and what is not processed is a finding"
    [order] = desk.orders()[before:]
    assert (order["kind"], order["argument"], order["key"], order["payload"]) == ("REPLAY", "2", KEY, VALUE)

    refused = desk.run("dead-letters", "replay", f"hemis.changes.{CODE}:0:43", settings=desk.operator)
    assert (refused.returncode, refused.stderr.split()[0]) == (2, "E702")
    many = desk.run(
        "dead-letters", "replay", "--institution", CODE, "--again", "--wait", "0", "--json", settings=desk.operator
    )
    assert many.returncode == 1, "one letter is left, and that is a finding"
    told = json.loads(many.stdout)
    assert (told["replayed"], sum(told["left"].values())) == (1, 1)

    orphan = letter | {"offset": 44, "key": b"orphan", "value": header(999_999) + b"of a schema that no longer exists"}
    desk.write(DEAD_LETTERS.name, CODE.encode(), "DeadLetter", orphan, partition)
    shown = desk.run("dead-letters", "show", f"hemis.changes.{CODE}:0:44", "--json", settings=desk.operator)
    assert json.loads(shown.stdout)["schema"] == "999999: unknown to the registry"
    before = len(desk.orders())
    left = desk.run("dead-letters", "replay", f"hemis.changes.{CODE}:0:44", settings=desk.operator)
    assert left.returncode == 1
    assert left.stdout.startswith("0 replayed, 1 left: E102"), left.stderr
    assert len(desk.orders()) == before, "it would only use up an attempt"

    unsaid = desk.run("dead-letters", "discard", "--institution", CODE, settings=desk.operator)
    assert (unsaid.returncode, unsaid.stderr.split()[0]) == (2, "E720")
    because = ("--reason", "lược đồ thử nghiệm đã bỏ")
    gone = desk.run("dead-letters", "discard", f"hemis.changes.{CODE}:0:44", *because, settings=desk.operator)
    assert (gone.returncode, gone.stdout.strip()) == (0, "1 discarded"), gone.stderr
    every = desk.run("dead-letters", "list", "--institution", CODE, "--all", "--json", settings=desk.operator)
    assert [(row["origin"][-2:], row["state"]) for row in json.loads(every.stdout)] == [
        ("42", "replayed"), ("43", "open"), ("44", "discarded"),
    ]  # fmt: skip
    shown = desk.run("dead-letters", "show", f"hemis.changes.{CODE}:0:44", "--json", settings=desk.operator)
    assert (json.loads(shown.stdout)["by"], json.loads(shown.stdout)["why"]) == ("tester", because[1])
    told = desk.run("audit", "--action", "dead-letters", "--json", settings=desk.operator)
    acts = [
        (e["action"], e["outcome"], e["facts"]["letters"], e["facts"].get("replayed")) for e in json.loads(told.stdout)
    ]
    assert acts == [
        ("dead-letters replay", "done", 1, 1), ("dead-letters replay", "done", 1, 1), ("dead-letters replay", "done", 0, 0),
        ("dead-letters discard", "done", 1, None),
    ]  # fmt: skip
    settings = load(OperatorSettings, desk.operator, {})
    with audit.audited(settings, "dead-letters replay", "dead letters", run="another"):
        refused = desk.run("dead-letters", "replay", "--institution", CODE, "--again", settings=desk.operator)
    assert (refused.returncode, refused.stderr.split()[0]) == (3, "E721")


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
