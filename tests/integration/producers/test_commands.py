"""The university's commands, and errors that fit one screen."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer
from psycopg.conninfo import make_conninfo

from deploy.local.stack import Stack
from schemas import avro_schema
from schemas.rules import explain
from schemas.topics import FINDINGS
from tests.conformance.sinks.events import Events
from tests.integration.producers.world import MAPPING, World
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

PERSON = "insert into students values (1, 'Nguyễn Văn An', '17/05/2001', 'Nam', 1, 'Số 1', 'Huế', '001202003004', 'SV1', 'an@x.vn')"


def test_check_and_preview_mask_the_person(world: World) -> None:
    world.sql(PERSON)
    checked = world.command("check", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["institution"] == world.institution
    masked = world.command("preview", "--json")
    assert masked.returncode == 0, masked.stderr
    assert "Nguyễn" not in masked.stdout
    assert "001202003004" not in masked.stdout
    assert json.loads(masked.stdout.splitlines()[0])["entity"]["sex"] == "M"
    assert "Nguyễn Văn An" in world.command("preview", "--json", "--show").stdout


def test_check_finds_local_codes_without_a_mapping(world: World) -> None:
    world.sql(PERSON)
    assert world.command("check", "--values").returncode == 0
    world.sql(PERSON.replace("values (1", "values (2").replace("'Nam'", "'Khác'"))
    world.sql("insert into groups values (3, '99')")
    world.sql(PERSON.replace("values (1", "values (3").replace("'Nam', 1", "'Nam', 3"))
    checked = world.command("check", "--values", "--json")
    assert checked.returncode == 1, checked.stderr
    found = {field["field"]: field for field in json.loads(checked.stdout)["codes"]}
    assert found["sex"]["unmapped"] == {"Khác": 1}
    assert found["ethnicity"]["unknown"] == ["99"]
    assert world.command("check").returncode == 0


def test_check_judges_every_record_before_anything_is_sent(world: World, tmp_path: Path) -> None:
    sound = PERSON.replace("001202003004", "001201003004")
    world.sql(sound)
    fine = world.command("check", "--data")
    assert fine.returncode == 0, fine.stderr
    for number, (sex, citizen) in enumerate((("Khác", "001201003004"), ("Nam", "12345"), ("Nam", "67890")), 2):
        wrong = (
            sound.replace("values (1", f"values ({number}")
            .replace("'Nam'", f"'{sex}'")
            .replace("'SV1'", f"'SV{number}'")
        )
        world.sql(wrong.replace("001201003004", citizen))
    checked = world.command("check", "--data", "--json")
    assert checked.returncode == 1, checked.stderr
    found = {(g["rule"], *g["fields"]): g for g in json.loads(checked.stdout) if g["severity"] == "ERROR"}
    number, sex = found["V01", "citizen_number"], found["V29", "sex"]
    assert (number["records"], number["of"], number["details"]["length"]) == (2, 4, "5")
    assert number["examples"] == [f"{world.institution}/person/xx/0: citizen_number=00000"] * 2
    assert sex["examples"] == [f"{world.institution}/person/xx/0: sex=Khác"]
    text = (
        world.command("check", "--data", "--xlsx", str(tmp_path / "found.xlsx")).stdout
        + world.command("check", "--data").stdout
    )
    assert "V01" in text
    assert "12345" not in text
    assert (tmp_path / "found.xlsx").stat().st_size > 1000
    assert "citizen_number=12345" in world.command("check", "--data", "--show").stdout
    assert world.command("check", "--data", "--offline").returncode == 2


def test_wrong_mappings_say_where(world: World) -> None:
    world.mapping(MAPPING.format(institution=world.institution).replace("column: born", "column: bor"))
    missing = world.command("check")
    assert missing.returncode == 2
    assert "E203" in missing.stderr
    assert "bor" in missing.stderr
    world.mapping("records: [")
    broken = world.command("check", "--offline")
    assert broken.returncode == 2
    assert "E202" in broken.stderr
    assert "Traceback" not in broken.stderr


def test_init_drafts_what_check_accepts(world: World) -> None:
    world.sql(
        "create table sinh_vien (ma_sv text primary key, ho_ten text, ngay_sinh date, gioi_tinh text, so_can text);"
        "insert into sinh_vien select 'SV' || i, 'x', '2001-01-01', 'Nam', '0' || lpad(i::text, 11, '1')"
        " from generate_series(1, 20) i"
    )
    target = world.folder / "mapping.yaml"
    target.unlink()
    drafted = world.command("init", "--output", str(target))
    assert drafted.returncode == 0, drafted.stderr
    text = target.read_text("utf-8")
    assert "birth_date: ngay_sinh" in text
    assert "citizen_number: so_can" in text
    checked = world.command("check")
    assert checked.returncode == 0, checked.stderr
    assert world.command("init", "--output", str(target)).returncode == 2


def test_doctor_prints_what_to_run(world: World, stack: Stack) -> None:
    world.sql("create role weak login password 'weak'; alter table students drop constraint students_pkey")
    dsn = make_conninfo(stack.dsn("universities", world.database), user="weak", password="weak")
    path = world.settings(source_dsn=dsn)
    try:
        found = world.command_with(path, "doctor", "--json")
        assert found.returncode == 1, found.stderr
        findings = {f["check"]: f for f in map(json.loads, found.stdout.splitlines())}
        assert findings["source: right to replicate"]["sql"] == 'alter role "weak" replication;'
        assert not findings["table public.students: primary key"]["fine"]
        assert 'grant select on "public"."students"' in findings["table public.students: right to read"]["sql"]
        assert findings["source: wal_level"]["fine"]
        assert findings["broker: log in, topic exists"]["fine"]
    finally:
        world.sql("drop role weak")


def test_wrong_passwords_end_and_an_unreachable_source_is_tried_again(world: World, stack: Stack) -> None:
    dsn = stack.dsn("universities", world.database)
    assert world.start(source_dsn=make_conninfo(dsn, password="wrong")).wait(20) == 2
    assert "E302" in world.log()
    assert world.start(kafka_password="wrong").wait(30) == 2
    assert "E402" in world.log()
    process = world.start(source_dsn=make_conninfo(dsn, port=1))
    wait_until(lambda: "E301" in world.log(), "E301")
    assert process.poll() is None


def test_remove_needs_no_broker(world: World) -> None:
    with world.agent() as health:
        world.wait_ready(health)
    path = world.settings(kafka_bootstrap="127.0.0.1:1")
    removed = world.command_with(path, "remove", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert world.sql("select 1 from pg_replication_slots where slot_name = %s", [f"s_{world.database}"]) == []
    assert world.sql("select 1 from pg_publication") == []


def test_missing_rights(world: World, stack: Stack) -> None:
    world.sql(
        "create role halfway login password 'halfway'; grant select on students, groups to halfway;"
        f'grant create on database "{world.database}" to halfway'
    )
    dsn = make_conninfo(stack.dsn("universities", world.database), user="halfway", password="halfway")
    try:
        assert world.start(source_dsn=dsn).wait(20) == 2
        assert "E303" in world.log()
    finally:
        with psycopg.connect(stack.dsn("universities", world.database), autocommit=True) as connection:
            connection.execute("drop owned by halfway; drop role halfway")


def test_findings_are_kept_at_the_university(world: World, stack: Stack, tmp_path: Path) -> None:
    """They come from the institution's own topic, close there, and are listed while the agent runs and after it."""
    events = Events({name: world.registry.id_of(name) for name in avro_schema.subjects()})
    producer = Producer(stack.admin_config() | {"log_level": 0})

    def say(name: str, place: int, **more: object) -> None:
        key, value = events.finding(name, place, institution=world.institution, **more)
        producer.produce(FINDINGS.name_for(world.institution), value, key)
        assert producer.flush(10) == 0

    def listed(*arguments: str) -> list[str]:
        found = world.command("findings", "--json", *arguments)
        assert found.returncode in (0, 1), found.stderr
        return sorted(f["finding_id"] for f in json.loads(found.stdout))

    assert world.command("findings").returncode == 2
    say("a", 1, record_key=f"{world.institution}/person/1", details={"length": "3"})
    say("b", 2, record_key=f"{world.institution}/learner/1", rule="V26")
    with world.agent() as health:
        world.wait_ready(health)
        wait_until(lambda: listed() == ["a", "b"], "both findings are listed")
        assert listed("--entity", "learner") == listed("--rule", "V26") == ["b"]
        say("a", 3, status="RESOLVED", record_key=f"{world.institution}/person/1")
        wait_until(lambda: listed() == ["b"], "the mended one is gone")
    sheet = tmp_path / "findings.xlsx"
    shown = world.command("findings", "--status", "ALL", "--xlsx", str(sheet))
    assert shown.returncode == 1, shown.stderr
    assert sheet.read_bytes().startswith(b"PK")
    text = world.command("findings")
    assert (text.returncode, explain("V26", {}, "en").wrong in text.stdout) == (1, True)
    say("b", 4, status="RESOLVED", record_key=f"{world.institution}/learner/1", rule="V26")
    with world.agent() as health:
        world.wait_ready(health)
        wait_until(lambda: listed() == [], "what was mended while the agent was away is gone too")
    assert world.command("findings").returncode == 0
