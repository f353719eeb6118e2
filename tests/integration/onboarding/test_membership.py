"""A university's whole way: taken up by the guide, suspended, resumed, gone, back again; beside one that goes on all the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.state import write_private
from tests.faults.process import ROOT
from tests.faults.world import World
from tests.integration.onboarding.course import CODE, ENTITIES, Course
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

OTHER = "UA"


def former_tree(folder: Path) -> Path:
    """The newest release, until there is one the last commit before the contract's newest change, without its history."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    commit = git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    if not commit:
        changed = git("log", "-1", "--format=%H", "--", "schemas/avro")
        commit = changed and git("rev-parse", "--verify", "--quiet", f"{changed}^")
    if not commit:
        pytest.skip("no history here that holds a former contract")
    archive, tree = folder / "former.tar", folder / "former"
    git("archive", "--output", str(archive), commit)
    with tarfile.open(archive) as file:
        file.extractall(tree, filter="data")
    return tree


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    world = World(tmp_path_factory.mktemp("onboarding"), (OTHER,), workers=1, canary_seconds=1.0)
    made: Course | None = None
    try:
        world.up(lambda _: None)
        made = Course(world)
        yield made
    finally:
        if made is not None:
            made.agent.stop()
        world.down()


def national(course: Course, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(course.world.national_dsn) as connection:
        return connection.execute(query.encode()).fetchall()


def other_goes_on(course: Course, number: int) -> None:
    """What the other university commits now arrives."""
    with psycopg.connect(course.world.source_dsn(OTHER), autocommit=True) as source:
        source.execute("insert into persons (id, tag, full_name) values (%s, 'x', 'Đặng Văn Khác')", [number])
    wait_until(
        lambda: national(course, f"select 1 from person where record_key = '{OTHER}/person/{number}'"),
        "the other university's row arrives",
    )
    course.world.require()


def state(course: Course) -> str:
    found = json.loads(course.ministry("institution", "list", "--json"))
    return str(next(one["state"] for one in found if one["code"] == CODE))


def canaries(course: Course) -> set[str]:
    page = course.world.processes["sink"].fetch("/metrics") or ""
    return {code for code in (CODE, OTHER) if f'hemis_canary_timestamp_seconds{{institution="{code}"}}' in page}


def test_from_nothing_to_the_first_national_row(course: Course) -> None:
    counted = course.run()
    assert len(counted.commands) <= 10, counted
    assert counted.mapping_lines <= 60, counted
    assert counted.first_row_seconds <= 600, counted
    name = national(course, f"select full_name, sex, birth_date from person where record_key = '{CODE}/person/1'")
    assert name == [("Lương Thị Kim Số 1", "M", "2002-01-02")]
    assert national(
        course, f"select count(*) from study_record where institution = '{CODE}' and enrolment_date = '2025-09-05'"
    ) == [(ENTITIES["study_record"],)]
    wait_until(lambda: state(course) == "accepted", "the source is accepted")
    assert course.world.ledger(CODE)["dead_letter"] == 0
    other_goes_on(course, 1)


def test_suspended_nothing_comes_in_nothing_is_lost_and_nobody_else_is_harmed(course: Course) -> None:
    course.agent.stop()
    settings = course.folder / "agent.yaml"
    write_private(settings, settings.read_text("utf-8") + "canary_seconds: 1\n")
    course.agent.start()
    wait_until(lambda: canaries(course) == {CODE, OTHER}, "both canaries are seen", 60.0)

    said = course.ministry("institution", "suspend", CODE)
    assert "its canary is taken back" in said
    assert state(course) == "suspended"
    course.sql(
        "update ca_nhan set ten = 'Mới' where id_cn <= 50; insert into ca_nhan (id_cn, ten) values (1001, 'Thêm')"
    )
    wait_until(lambda: "E403" in course.agent.log.read_text("utf-8"), "the agent is refused", 60.0)
    wait_until(lambda: canaries(course) == {OTHER}, "no alert will tell of its silence")
    other_goes_on(course, 2)
    assert course.rows("person") == ENTITIES["person"]

    course.agent.kill()
    course.agent.start()
    course.sql("delete from ca_nhan where id_cn = 1001; insert into ca_nhan (id_cn, ten) values (1002, 'Thêm')")
    course.ministry("institution", "resume", CODE)
    changed = f"select count(*) from person where institution = '{CODE}' and full_name like '% Mới'"
    wait_until(lambda: national(course, changed) == [(50,)], "what was changed meanwhile arrives", 60.0)
    wait_until(lambda: course.rows("person") == ENTITIES["person"] + 1, "and what was added and deleted", 60.0)
    wait_until(lambda: canaries(course) == {CODE, OTHER}, "its canary is back", 60.0)
    course.sql("delete from ca_nhan where id_cn = 1002")
    wait_until(course.complete, "as before")
    other_goes_on(course, 3)


def test_an_agent_of_the_former_contract_with_todays_national_side_and_back(course: Course, tmp_path: Path) -> None:
    """Upgrade and downgrade in place: one data folder, one slot, one settings file; nothing is lost, nobody else notices."""
    former = former_tree(tmp_path)
    subprocess.run(
        [sys.executable, "-m", "deploy.command", "schemas", "register", "--settings", str(course.administrator)],
        cwd=former,
        env={**os.environ, "PYTHONPATH": str(former)},
        check=True,
        capture_output=True,
    )
    epoch = national(course, f"select max(epoch) from person where institution = '{CODE}'")
    for number, program in enumerate((former, ROOT, former, ROOT), start=1):
        course.sql(f"update ca_nhan set ten = 'Trước {number}' where id_cn = {number}")
        course.agent.stop()
        course.agent.program = program
        course.agent.start()
        course.sql(f"update ca_nhan set ten = 'Sau {number}' where id_cn = {number + 10}")
        query = f"select full_name from person where record_key in ('{CODE}/person/{number}', '{CODE}/person/{number + 10}')"
        wanted = {(f"Lương Thị Kim Trước {number}",), (f"Lương Thị Kim Sau {number}",)}
        wait_until(lambda query=query, wanted=wanted: set(national(course, query)) == wanted, "both arrive", 60.0)  # type: ignore[misc]
        assert course.agent.pid is not None
        other_goes_on(course, 10 + number)
    assert national(course, f"select max(epoch) from person where institution = '{CODE}'") == epoch, (
        "no reload was needed"
    )
    assert course.world.ledger(CODE)["dead_letter"] == 0
    course.complete()


def test_gone_and_back_again(course: Course) -> None:
    before = json.loads(course.ministry("institution", "show", CODE, "--json"))
    history = f"select count(*) from person_history where institution = '{CODE}'"
    kept = national(course, history)
    said = course.ministry("institution", "remove", CODE, "--yes")
    assert f"topic hemis.state.{CODE}: deleted" in said
    assert f"national rows and history of {CODE}" in said
    assert state(course) == "departed"
    topics = course.world.stack.admin_client().list_topics(timeout=10).topics
    assert {name for name in topics if name.endswith(f".{CODE}")} == {f"hemis.control.{CODE}", f"hemis.findings.{CODE}"}
    wait_until(lambda: "E40" in course.agent.log.read_text("utf-8"), "the agent is refused")
    course.agent.stop()
    wait_until(lambda: course.world.served(CODE) == 0, "RECORDS has let it go", 60.0)
    wait_until(lambda: canaries(course) == {OTHER}, "no alert will tell of its silence")
    other_goes_on(course, 4)
    course.complete()
    assert national(course, history) == kept
    assert "has left already" in course.ministry("institution", "remove", CODE, "--yes")

    # A return begins above what it left: a change made meanwhile counts as newer than what the national database has.
    course.sql("update ca_nhan set ten = 'Trở lại' where id_cn = 7")
    said = course.ministry("institution", "add", CODE)
    assert f"it begins above epoch {before['epoch']}" in said
    course.agent.start()
    back = f"select full_name, epoch from person where record_key = '{CODE}/person/7'"
    wait_until(
        lambda: national(course, back) == [("Lương Thị Kim Trở lại", before["epoch"] + 1)],
        "it is the newest again",
        90.0,
    )
    wait_until(lambda: state(course) == "accepted", "it is a member as before")
    wait_until(course.complete, "nothing is missing, nothing is doubled", 60.0)
    wait_until(lambda: canaries(course) == {CODE, OTHER}, "its canary is back", 60.0)
    other_goes_on(course, 5)
    acts = [
        (entry["action"], entry["outcome"])
        for entry in json.loads(course.ministry("audit", "--subject", CODE, "--json"))
    ]
    assert acts == [
        ("institution add", "done"),
        ("institution suspend", "done"),
        ("institution resume", "done"),
        ("institution remove", "done"),
        ("institution remove", "done"),
        ("institution add", "done"),
    ]


def test_no_secret_of_it_is_in_any_log(course: Course) -> None:
    secret = (course.folder / "kafka_password").read_text("utf-8").strip()
    for log in Path(course.world.logs).iterdir():
        text = log.read_text("utf-8")
        assert secret not in text
        assert "Lương" not in text
