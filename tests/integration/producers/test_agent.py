"""The agent as a process, against PostgreSQL, Kafka and a registry."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from deploy.local.stack import Stack
from schemas.envelope import CANCEL, NEW, UPDATE, Envelope
from tests.integration.producers.world import TABLES, World
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

STUDENTS = (
    "insert into students select i, 'Nguyễn Văn ' || i, '17/05/2001', case when mod(i, 2) = 0 then 'Nam' else 'Nữ' end,"
    " mod(i, 2) + 1, 'Số ' || i, case when mod(i, 3) = 0 then 'Huế' end, lpad(i::text, 12, '0'), 'SV' || i, null"
    " from generate_series({}, {}) i"
)


def test_first_load_then_changes(world: World) -> None:
    world.sql(STUDENTS.format(1, 1200))
    with world.agent() as health:
        world.wait_ready(health)
        assert world.same()
        world.sql("insert into students (id, name) values (9001, E'tab\\t new\\nline back\\\\slash \\\\N')")
        world.sql("update students set mail = 'a@b.vn' where id = 9001")
        world.sql("delete from students where id = 5")
        world.sql("update students set id = 9002 where id = 6")
        world.wait_same()
    seen = world.seen()
    assert [e.operation for e, _ in seen.events if e.record_key.endswith("/learner/9001")] == [NEW, UPDATE]
    gone, new = ([e for e, _ in seen.events if e.record_key.endswith(f"learner/{k}")][-1] for k in (6, 9002))
    assert (gone.operation, new.operation) == (CANCEL, NEW)
    assert gone.version == new.version
    assert [s["rows"] for s in seen.sweeps] == [1200]
    assert len(seen.hellos) == 1


def test_copy_prints_what_the_log_prints(world: World) -> None:
    world.sql(STUDENTS.format(1, 3))
    world.sql("insert into students (id, name, street) values (4, E'\\\\N', E'\\\\a\\b\\f\\v\\r\\n\\t\\\\')")
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("update students set id = id")
        wait_until(lambda: sum(not e.snapshot for e, _ in world.seen().events) == 8, "updates")
    events = world.seen().events
    snapshot = {e.record_key: entity for e, entity in events if e.snapshot}
    assert snapshot == {e.record_key: entity for e, entity in events if not e.snapshot}


def test_restart_repeats_nothing_and_says_hello(world: World) -> None:
    world.sql(STUDENTS.format(1, 10))
    with world.agent() as health:
        world.wait_ready(health)
    end = world.end()
    world.sql("update students set mail = 'x' where id = 1")
    with world.agent():
        world.wait_same()
    assert world.end() == end + 3  # hello, person, learner
    assert world.epoch == 1


def test_the_canary_begins_in_the_log_and_the_manifest_counts_the_tables(world: World) -> None:
    world.sql(STUDENTS.format(1, 30))

    def canaries() -> list[tuple[Envelope, dict[str, Any]]]:
        return [(e, v) for e, v in world.seen().events if e.record_key == f"{world.institution}/canary/agent"]

    def expected() -> dict[str, int]:
        prefix = f"{world.institution}/manifest/"
        return {
            e.record_key.removeprefix(prefix): v["expected"] for e, v in world.seen().events if prefix in e.record_key
        }

    with world.agent(canary_seconds=0.2, manifest_seconds=3600) as health:
        world.wait_ready(health)
        wait_until(lambda: len(canaries()) > 2, "canaries")
        wait_until(lambda: expected() == {"person": 30, "learner": 30}, "the manifest")
        world.sql(STUDENTS.format(31, 35))
        assert world.command("reload").returncode == 0
        wait_until(lambda: expected() == {"person": 35, "learner": 35}, "a manifest after the reload")
        page = world.page(health, "/metrics")
    sent = canaries()
    versions = [event.version for event, _ in sent]
    assert versions == sorted(set(versions))
    assert all(datetime.fromisoformat(v["sent_at"]).timestamp() * 1e6 == pytest.approx(e.changed_at) for e, v in sent)
    assert f'hemis_stage_canary_timestamp_seconds{{institution="{world.institution}",stage="agent"}}' in page
    assert f'hemis_health{{component="agent",instance="{world.institution}",status="healthy"}} 1.0' in page
    assert not [s for s in world.seen().sweeps if s["source_table"] == "hemis"]


def test_rolled_back_rows_never_appear(world: World) -> None:
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("begin; " + STUDENTS.format(1, 5000) + "; rollback")
        world.sql(STUDENTS.format(7001, 7001))
        world.wait_same()
        assert len(world.seen().events) == 2


def test_partitions_and_a_key_of_two_columns(world: World) -> None:
    """A table in parts is one table to the ministry; a row that moves to another part keeps its record."""
    world.sql(
        "create table marks (year int, number text, name text, primary key (year, number)) partition by range (year);"
        " create table marks_old partition of marks for values from (2000) to (2024);"
        " create table marks_new partition of marks for values from (2024) to (2100);"
        " insert into marks select 2020 + mod(i, 8), 'a/' || i, 'N' || i from generate_series(1, 1200) i"
    )
    record = "{entity: person, table: public.marks, key: [year, number], fields: {full_name: name}}"
    world.mapping(f"institution: {world.institution}\nrecords: [{record}]\n")

    def same() -> bool:
        stored = {key.partition("/person/")[2]: values["full_name"] for key, (_, values) in world.seen().live.items()}
        return stored == {
            f"{year}/{quote(number, safe='')}": name for year, number, name in world.sql("select * from marks")
        }

    with world.agent() as health:
        world.wait_ready(health)
        assert same()
        world.sql("update marks set name = 'X' where year = 2023 and number = 'a/3'")
        world.sql("update marks set year = 2030 where year = 2022 and number = 'a/2'")
        world.sql("delete from marks where year = 2024 and number = 'a/4'")
        world.sql("insert into marks values (2001, 'a/1', 'one'), (2024, 'a/1', 'other')")
        wait_until(same, "store equals source", 30)
    assert {event.source_table for event, _ in world.seen().events} == {"public.marks"}


def test_a_clock_beyond_the_limit_ends_the_agent(world: World) -> None:
    assert world.start(clock_limit_seconds=0).wait(30) != 0
    assert "E308" in world.log()
    assert world.end() == 0


def test_truncate_sweeps(world: World) -> None:
    world.sql(STUDENTS.format(1, 10))
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("truncate students")
        world.wait_same()
    assert [s["reason"] for s in world.seen().sweeps] == ["RELOAD", "TRUNCATE"]


def test_unchanged_toast_is_absent_and_repaired_after_a_key_change(world: World) -> None:
    world.sql("alter table students alter column name set storage external")
    world.sql("insert into students (id, name) values (1, repeat('đ', 6000)), (2, repeat('x', 6000))")
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("update students set mail = 'm' where id = 1")
        world.wait_same()
        world.sql("update students set id = 3 where id = 2")
        world.wait_same()
    seen = world.seen()
    assert [e.absent for e, _ in seen.events if e.record_key.endswith("/person/sv/1")] == [(), ("full_name",)]


def test_full_identity_fills_unchanged_toast(world: World) -> None:
    world.sql("alter table students alter column name set storage external; alter table students replica identity full")
    world.sql("insert into students (id, name) values (1, repeat('x', 6000))")
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("update students set mail = 'm' where id = 1")
        world.wait_same()
    assert all(not e.absent for e, _ in world.seen().events)


def test_columns_come_and_go(world: World) -> None:
    world.sql(STUDENTS.format(1, 3))
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("alter table students add column extra text; update students set extra = 'e', mail = 'n'")
        world.wait_same()
        world.sql("alter table students drop column street; update students set mail = 'o'")
        wait_until(lambda: any("permanent_address" in e.absent for e, _ in world.seen().events), "an absent field")
        last = world.seen().live[f"{world.institution}/learner/1"][1]
        wait_until(lambda: world.seen().live[f"{world.institution}/learner/1"][1]["email"] == "o", f"o after {last}")
    assert "mapped column is gone" in world.log()
    with world.agent() as health:  # and a restart does not fail on it
        world.wait_ready(health)


def test_changed_look_up_sends_dependents_again(world: World) -> None:
    world.sql(STUDENTS.format(1, 10))
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("update groups set code = '55' where id = 2")
        world.wait_same()
        world.sql("update students set group_id = 3 where id = 1")
        wait_until(lambda: any(e.untyped for e, _ in world.seen().events), "a miss")
        world.sql("insert into groups values (3, '33')")
        world.wait_same()


def test_reload_on_request(world: World) -> None:
    world.sql(STUDENTS.format(1, 700))
    with world.agent() as health:
        world.wait_ready(health)
        assert world.command("reload", "students").returncode == 0
        wait_until(lambda: len(world.seen().sweeps) == 2, "a second sweep")
        world.wait_same()


def test_killed_during_first_load_with_changes_beside(world: World) -> None:
    world.sql(STUDENTS.format(1, 60_000))
    cut = 0
    for round_ in range(4):
        process = world.start(chunk_rows=500)
        before = world.state().get("load")
        wait_until(lambda before=before: world.state().get("load") != before, "the load moves")  # type: ignore[misc]
        for i in range(20):
            key = round_ * 15_000 + i * 701 + 1
            world.sql(
                f"update students set mail = 'c{key}' where id = {key}; delete from students where id = {key + 1};"
                f" update students set id = id + 100000 where id = {key + 2}"
            )
        process.send_signal(signal.SIGKILL)
        process.wait()
        cut += bool(world.state()["load"])
    assert cut
    with world.agent(chunk_rows=500) as health:
        world.wait_ready(health)
        world.wait_same(60)


def test_lost_slot_makes_a_gap_and_a_full_reload(world: World) -> None:
    world.sql(STUDENTS.format(1, 50))
    with world.agent() as health:
        world.wait_ready(health)
    world.sql("select pg_drop_replication_slot(%s)", [f"s_{world.database}"])
    world.sql("delete from students where id = 7; update students set mail = 'gap' where id = 8")
    with world.agent() as health:
        world.wait_ready(health)
        world.wait_same()
    assert [h["gap"] for h in world.seen().hellos] == [False, True]
    assert len({h["instance"] for h in world.seen().hellos}) == 2


def test_dropped_connection_and_server_restart(world: World, stack: Stack) -> None:
    world.sql(STUDENTS.format(1, 50))
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hemis-agent'")
        world.sql("update students set mail = 'one' where id = 8")
        world.wait_same()
        stack.stop("postgres-universities")
        stack.start("postgres-universities")
        world.sql("update students set mail = 'two' where id = 8")
        world.wait_same()


def test_broker_outage_holds_the_position(world: World, stack: Stack) -> None:
    world.sql(STUDENTS.format(1, 50))
    with world.agent() as health:
        world.wait_ready(health)
        stack.kill("kafka")
        world.sql("update students set mail = 'three'")
        stack.start("kafka")
        world.wait_same()


def test_second_agent_is_refused(world: World) -> None:
    with world.agent() as health:
        world.wait_ready(health)
        second = world.folder / "second"
        second.mkdir()
        process = world.start(data=str(second))
        assert process.wait(30) == 2
    assert "E305" in world.log()


def test_idle_table_beside_a_busy_one_keeps_little_log(world: World) -> None:
    world.sql(STUDENTS.format(1, 5))
    world.sql("create table busy (v text)")
    with world.agent() as health:
        world.wait_ready(health)
        for _ in range(5):
            world.sql("insert into busy select repeat('y', 500) from generate_series(1, 10000)")
        world.sql("checkpoint")
        lag = "select pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint from pg_replication_slots where slot_name = %s"
        wait_until(lambda: world.sql(lag, [f"s_{world.database}"])[0][0] < 100_000, "the slot follows")


def test_refused_source_sends_nothing_until_accepted(world: World) -> None:
    world.sql(STUDENTS.format(1, 5))
    world.accept = False
    with world.agent() as health:
        wait_until(lambda: "E108" in world.log(), "refused")
        assert world.seen().events == []
        assert not world.ready(health)
    world.accept = True
    with world.agent() as health:
        world.wait_ready(health)
        assert world.same()


def test_huge_transaction_in_bounded_memory(world: World) -> None:
    with world.agent(buffer_bytes=4 << 20) as health:
        world.wait_ready(health)
        pid = world.processes[-1].pid

        def resident() -> int:
            with open(f"/proc/{pid}/statm") as file:
                return int(file.read().split()[1]) * 4096

        before = resident()
        world.sql(STUDENTS.format(1, 200_000))
        peak = 0

        def all_there() -> bool:
            nonlocal peak
            peak = max(peak, resident())
            return world.end() >= 400_000

        wait_until(all_there, "all rows", 60)
        assert peak - before < 60 << 20
        wait_until(lambda: world.sql("select confirmed_flush_lsn > '0/0' from pg_replication_slots") != [], "confirmed")


def test_table_without_key_is_never_published(world: World) -> None:
    world.sql("alter table students drop constraint students_pkey")
    process = world.start()
    assert process.wait(20) == 2
    assert "E204" in world.log()
    assert world.sql("select 1 from pg_publication_tables") == []


def test_too_large_an_event_is_kept_on_disk_and_stood_for(world: World) -> None:
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("insert into students (id, name) values (1, repeat('z', 9000000)), (2, 'small')")
        wait_until(lambda: f"{world.institution}/learner/2" in world.seen().live, "the next record")
    seen = world.seen()
    assert [o["record_key"] for o in seen.oversized] == [f"{world.institution}/person/sv/1"]
    kept = world.folder / "data" / "dead-letters" / seen.oversized[0]["sha256"]
    assert kept.stat().st_size == seen.oversized[0]["size"] > 9_000_000
    assert kept.stat().st_mode & 0o777 == 0o600


def test_changed_mapping_is_greeted_and_loaded_anew(world: World) -> None:
    world.sql(STUDENTS.format(1, 20))
    with world.agent() as health:
        world.wait_ready(health)
    world.mapping((world.folder / "mapping.yaml").read_text("utf-8").replace("Nam: M", "Nam: U"))
    with world.agent() as health:
        world.wait_ready(health)
    sexes = {entity["sex"] for key, (_, entity) in world.seen().live.items() if "/person/" in key}
    assert sexes == {"U", "F"}
    assert world.epoch == 2


def test_topic_that_lost_its_end_is_a_gap(world: World, stack: Stack) -> None:
    world.sql(STUDENTS.format(1, 20))
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("update students set mail = 'n'")
        world.wait_same()
    state = world.folder / "data" / "agent.json"
    assert '"next_offset": ' in state.read_text()
    state.write_text(state.read_text().replace('"next_offset": ', '"next_offset": 9'))
    with world.agent() as health:
        wait_until(lambda: [h["gap"] for h in world.seen().hellos] == [False, True], "a second hello")
        wait_until(lambda: len(world.seen().sweeps) == 2, "a reload")
        world.wait_ready(health)
        world.wait_same()


def test_dropped_key_column_holds_the_position(world: World) -> None:
    world.sql(STUDENTS.format(1, 20))
    with world.agent() as health:
        world.wait_ready(health)
        world.sql("alter table students rename column id to student_id; update students set mail = 'n'")
        wait_until(lambda: "E203" in world.log(), "E203")
        assert not world.ready(health)
        world.sql("alter table students rename column student_id to id; update students set mail = 'o'")
        world.wait_ready(health)


def test_log_that_the_server_threw_away(stack: Stack, tmp_path: Path) -> None:
    small = Stack(tmp_path / "source", settings={"postgres-universities.max_slot_wal_keep_size": "1MB"})
    small.start("postgres-universities")
    world = World(stack, "LOST", tmp_path, small)
    try:
        world.sql(TABLES)
        world.sql(STUDENTS.format(1, 20))
        with world.agent() as health:
            world.wait_ready(health)
        world.sql("create table filler (v text)")
        world.sql("delete from students where id = 3")
        for _ in range(3):
            world.sql("insert into filler select repeat('f', 900) from generate_series(1, 20000)")
            world.sql("select pg_switch_wal()")
        world.sql("checkpoint")
        assert world.sql("select wal_status from pg_replication_slots") == [("lost",)]
        with world.agent() as health:
            world.wait_ready(health)
            world.wait_same()
        assert [h["gap"] for h in world.seen().hellos] == [False, True]
        world.sql("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
        small.stop("postgres-universities")
        small = Stack(tmp_path / "source", settings={"postgres-universities.wal_level": "replica"})
        small.start("postgres-universities")
        world.source = small
        assert world.start().wait(30) != 0
        assert "E304" in world.log()
    finally:
        world.close()
        small.stop("postgres-universities")


def test_broker_with_a_lower_limit_gets_the_stand_in(world: World, stack: Stack) -> None:
    resource = ConfigResource(ConfigResource.Type.TOPIC, world.topic)
    limit = ConfigEntry("max.message.bytes", "1500000", incremental_operation=AlterConfigOpType.SET)
    resource.add_incremental_config(limit)
    admin = stack.admin_client()
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    with world.agent() as health:
        world.wait_ready(health)
        world.sql(
            "insert into students (id, name) select 1, string_agg(md5(i::text), '') from generate_series(1, 120000) i;"
            " insert into students (id, name) values (2, 'small')"
        )
        wait_until(lambda: f"{world.institution}/learner/2" in world.seen().live, "the next record", 60)
    assert {o["record_key"] for o in world.seen().oversized} == {f"{world.institution}/person/sv/1"}
