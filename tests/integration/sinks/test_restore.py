"""The national database replaced by an older copy, in every way that happens: it heals from the topics, without anybody's help."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import KafkaException, TopicPartition
from psycopg.conninfo import conninfo_to_dict

from deploy import postgres_programs
from deploy.local.stack import Stack
from schemas import topics
from schemas.avro_schema import canonical_text
from schemas.envelope import CANCEL, NEW, UPDATE
from schemas.registry import Registry
from tests.conformance.sinks.events import Pair
from tests.integration.sinks.running import Place
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

PERSON = topics.clean_topic("person")
HOUR = 3600.0
POSTGRES = 18


class Days:
    """What happens before and after the backup, at two institutions, in every kind of topic; and what must come of it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.now = time.time()

    def people(self, first: int, last: int, version: int, institution: str, operation: int = UPDATE) -> list[Pair]:
        fields = {} if operation == CANCEL else {"full_name": f"Nguyễn Văn {version}"}
        return [
            self.place.events.change(f"{institution}/person/{i:06d}", version, operation, **fields)  # type: ignore[arg-type]
            for i in range(first, last)
        ]

    def yesterday(self) -> None:
        at = self.now - 26 * HOUR
        for code in ("UNI-A", "UNI-B"):
            self.place.produce("hemis.records", PERSON, self.people(0, 300, 1, code, NEW), at=at)
        self._golden([("n:1", 1, ["UNI-A/person/000001"]), ("n:2", 2, ["UNI-B/person/000002"])], at)
        self._findings("UNI-B", [("f1", 1, "OPEN"), ("f2", 2, "OPEN")], at)
        self.arrived()
        for table in ("person", "golden_person", "finding", "applied_offset"):
            self.place.rows(f"UPDATE {table} SET applied_at = applied_at - interval '26 hours' RETURNING 1")

    def today(self) -> None:
        """Changes of every kind; UNI-B's findings are its last words for now."""
        place = self.place
        place.produce("hemis.records", PERSON, self.people(0, 200, 2, "UNI-A"), at=self.now - 3 * HOUR)
        self._golden([("n:1", 3, []), ("n:2", 4, ["UNI-B/person/000002", "UNI-A/person/000001"])], self.now - 3 * HOUR)
        self._findings("UNI-B", [("f1", 3, "RESOLVED"), ("f3", 4, "OPEN")], self.now - 2 * HOUR)
        place.produce("hemis.records", PERSON, self.people(50, 100, 3, "UNI-A"), at=self.now - HOUR)
        place.produce("hemis.records", PERSON, self.people(100, 120, 4, "UNI-A", CANCEL), at=self.now - HOUR)
        place.produce("hemis.records", PERSON, self.people(300, 350, 1, "UNI-A", NEW), at=self.now - HOUR)
        self.arrived()

    def _golden(self, persons: list[tuple[str, int, list[str]]], at: float) -> None:
        pairs = [self.place.events.golden(key, number, claims, full_name="A") for key, number, claims in persons]
        self.place.produce("hemis.people", topics.GOLDEN.name, pairs, 0, at=at)

    def _findings(self, code: str, said: list[tuple[str, int, str]], at: float) -> None:
        pairs = [self.place.events.finding(name, n, institution=code, status=status) for name, n, status in said]
        self.place.produce("hemis.records", topics.FINDINGS.name_for(code), pairs, 0, at=at)

    def arrived(self) -> None:
        wait_until(self._at_the_end, "the sink is at every topic's end")

    def _at_the_end(self) -> bool:
        applied = self.place.rows("SELECT topic, partition, next_offset FROM applied_offset")
        ends = self.place.ends()
        return {(t, n): o for t, n, o in applied} == ends

    def state(self) -> tuple[str, object]:
        return self.place.content(), self.place.rows("SELECT institution, target, applied FROM ledger ORDER BY 1, 2")


@pytest.fixture
def days(place: Place) -> Days:
    return Days(place)


def backed_up(place: Place) -> Path:
    done = place.hemis("backup", "--output", "backups")
    assert done.returncode == 0, done.stderr
    [folder] = (place.folder / "backups").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    return folder


def logged(place: Place, event: str) -> list[dict[str, object]]:
    lines = map(json.loads, (place.folder / "sink.log").read_text().splitlines())
    return [line for line in lines if event in line["event"]]


def test_restored_under_a_running_sink_it_is_equal_again(days: Days, place: Place) -> None:
    """Nothing arrives meanwhile that would tell the sink; and the history knows when each row was there before."""
    with place.sink() as process:
        days.yesterday()
        folder = backed_up(place)
        days.today()
        before = days.state()
        done = place.hemis("restore", str(folder))
        assert done.returncode == 0, done.stderr
        assert "is kept" in done.stdout
        wait_until(lambda: days.state() == before, "the database is equal again")
        assert process.poll() is None
    assert [line["level"] for line in logged(place, "is an older copy")] == ["warning"]
    assert place.rows("SELECT action FROM audit") == [("restore",)], "the backup was noted behind its own snapshot"
    for hours, wanted in ((4, {1: 300}), (2.5, {1: 100, 2: 200}), (0.5, {1: 150, 2: 130, 3: 50, 4: 20})):
        moment = datetime.fromtimestamp(days.now - hours * HOUR, UTC)
        query = f"SELECT version, count(*) FROM person_as_of('{moment}') WHERE institution = 'UNI-A' GROUP BY 1"
        assert {int(str(v)): int(str(n)) for v, n in place.rows(query)} == wanted, hours


def test_without_any_backup_the_topics_fill_an_empty_database(days: Days, place: Place) -> None:
    """And the set rules wait: from a database that is half full they would close what is open at the institutions."""
    place.more = {"HEMIS_SET_RULES_SECONDS": "0.2"}
    degrees = topics.clean_topic("degree")
    fields = {"register_year": 2025, "kind": "BACHELOR"}
    said = "SELECT rule, status FROM finding WHERE generation = -1"
    with place.sink() as process:
        days.yesterday()
        days.today()
        gap = [place.events.change(f"UNI-A/degree/{n}", n, NEW, register_number=str(n), **fields) for n in (1, 2, 4)]
        place.produce("hemis.records", degrees, gap)  # type: ignore[arg-type]
        wait_until(lambda: place.rows(said) == [("V18", "OPEN")], "the gap is found")
        days.arrived()
        before, findings = days.state(), place.end(topics.FINDINGS.name_for("UNI-A"))
        done = place.hemis("restore", "--empty")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: days.state() == before, "the database is equal again")
        assert process.poll() is None
        # Once more the rules run, and have nothing to say.
        place.produce(
            "hemis.records", degrees, [place.events.change("UNI-A/degree/3", 9, NEW, register_number="3", **fields)]
        )  # type: ignore[arg-type]
        wait_until(lambda: place.rows(said) == [("V18", "RESOLVED")], "the rules run again")
        assert place.end(topics.FINDINGS.name_for("UNI-A")) == findings + 1


def test_restored_while_the_sink_is_away_and_killed_while_it_catches_up(days: Days, place: Place) -> None:
    """What was there before is known by the group's offsets, which the first of several restarts may not move back."""
    place.more = {"HEMIS_BATCH_ROWS": "20"}
    with place.sink():
        days.yesterday()
        folder = backed_up(place)
        days.today()
    before = days.state()
    assert place.hemis("restore", str(folder)).returncode == 0
    for applied in (1, 60):
        with place.sink() as process:
            wait_until(
                lambda n=applied: place.number("SELECT count(*) FROM person_history") >= n,  # type: ignore[misc]
                "some rows are there again",
            )
            process.kill()
            process.wait()
    with place.sink():
        wait_until(lambda: days.state() == before, "the database is equal again")
    assert (
        place.number("SELECT count(*) FROM person WHERE applied_at > now() - interval '30 minutes' AND version > 1")
        == 0
    )


def test_restored_in_place_by_other_means(days: Days, place: Place) -> None:
    """pg_restore --clean under the running sink: tables vanish and come back one by one."""
    with place.sink() as process:
        days.yesterday()
        folder = backed_up(place)
        days.today()
        before = days.state()
        login = {
            f"PG{n.upper()}": str(v) for n, v in conninfo_to_dict(place.stack.dsn("national", place.database)).items()
        }
        login["PGDATABASE"] = login.pop("PGDBNAME")
        with psycopg.connect(place.stack.dsn("national", place.database), autocommit=True) as admin:
            # Whatever hangs from the tables goes with them; the next migration makes it anew.
            admin.execute(
                "DROP SCHEMA public CASCADE; DROP SCHEMA IF EXISTS ministry, owned, reader CASCADE; CREATE SCHEMA public"
            )
        wait_until(lambda: logged(place, "lost tables"), "the sink has seen it")
        program = postgres_programs.find("pg_restore", POSTGRES)
        arguments = ["--no-owner", "--no-acl", f"--dbname={place.database}", str(folder / "national.dump")]
        subprocess.run([program, *arguments], env=place.environment | login, check=False, capture_output=True)
        wait_until(lambda: days.state() == before, "the database is equal again")
        assert process.poll() is None


def test_what_compaction_removed_is_missing_from_history_only(days: Days, place: Place) -> None:
    """The topics keep 14 days of every version. Of older ones the newest is left, which is all that the state needs."""
    with place.sink() as process:
        days.yesterday()
        days.today()
        current = "SELECT record_key, version, operation, full_name FROM person WHERE record_key <> 'UNI-A/person/roll' ORDER BY 1"
        before = place.rows(current)
        assert place.number("SELECT count(*) FROM person_history WHERE version = 2") == 70
        place.compact(PERSON, b"UNI-A/person/000050")
        assert place.hemis("restore", "--empty").returncode == 0
        wait_until(lambda: place.rows(current) == before, "every newest row is there again")
        assert place.number("SELECT count(*) FROM person_history WHERE version = 2") < 70
        assert process.poll() is None


def test_a_place_before_the_logs_beginning(days: Days, place: Place) -> None:
    """The broker refuses to delete the head of a compacted topic. Somebody changed that: the sink goes on with what is left."""
    with place.sink():
        days.yesterday()
        tp = TopicPartition(PERSON, topics.slot_of("UNI-A", 4), 100)
        admin = place.stack.admin_client()
        with pytest.raises(KafkaException, match="POLICY_VIOLATION"):
            [future.result() for future in admin.delete_records([tp]).values()]
        place.configure(PERSON, {"cleanup.policy": "compact,delete"})
        for future in admin.delete_records([tp]).values():
            future.result()
        assert place.hemis("restore", "--empty").returncode == 0
        wait_until(
            lambda: place.number("SELECT count(*) FROM person WHERE institution = 'UNI-A'") == 200, "what is left"
        )
        days.arrived()


def test_a_drill_touches_nothing(days: Days, place: Place) -> None:
    with place.sink() as process:
        days.yesterday()
        folder = backed_up(place)
        done = place.hemis("restore", str(folder), "--drill")
        assert (done.returncode, done.stdout.splitlines()[-1]) == (
            0,
            "the drill's database is gone again; nothing else was touched",
        )
        assert process.poll() is None
        assert not logged(place, "is an older copy")
        dump = folder / "national.dump"
        dump.write_bytes(dump.read_bytes()[:-10])
        for arguments in ((str(folder), "--drill"), (str(folder),), (str(folder / "nowhere"),)):
            done = place.hemis("restore", *arguments)
            assert (done.returncode, done.stderr.split()[0]) == (2, "E860"), done.stderr
        assert place.number("SELECT count(*) FROM person") == 600
    databases = place.rows(
        "SELECT count(*) FROM pg_database WHERE datname LIKE 'national%drill' OR datname LIKE 'national%restoring'"
    )
    assert databases == [(0,)]


def test_a_lost_registry_gets_every_schema_back_under_its_id(place: Place) -> None:
    """Ids stand in every message of every topic, so another id is worse than none."""
    before = place.events.ids
    folder = backed_up(place)

    def restored() -> subprocess.CompletedProcess[str]:
        return place.hemis("restore", str(folder), "--registry")

    assert restored().stdout == "registry: 0 versions brought back\n"
    # One that was restored from its own older copy lacks the newest.
    _emptied_registry(place.stack)
    for name, _ in sorted(before.items(), key=lambda one: one[1])[:3]:
        registered(place.stack, name)
    assert restored().stdout == f"registry: {len(before) - 3} versions brought back\n"
    assert Registry(place.stack.registry_url, place.folder / "again").register_all() == before
    # Somebody was faster, and ids went to other schemas.
    _emptied_registry(place.stack)
    registered(place.stack, max(before, key=lambda name: before[name]))
    refused = restored()
    assert (refused.returncode, refused.stderr.split()[0]) == (2, "E863"), refused.stderr
    _emptied_registry(place.stack)
    assert restored().stdout == f"registry: {len(before)} versions brought back\n"
    assert Registry(place.stack.registry_url, place.folder / "once more").register_all() == before


def _emptied_registry(stack: Stack) -> None:
    stack.stop("registry")
    with psycopg.connect(stack.dsn("national", "postgres"), autocommit=True) as admin:
        admin.execute("DROP DATABASE registry WITH (FORCE)")
    stack.start("registry")


def registered(stack: Stack, name: str) -> None:
    body = json.dumps({"schema": canonical_text(name)}).encode()
    kind = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{stack.registry_url}/subjects/{name}/versions", body, kind), timeout=10
    ) as answer:
        assert answer.status == 200
