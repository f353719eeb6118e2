"""The whole system under SIGKILL, SIGSTOP and outages, and against rubbish, forgery and curiosity (P1-P6, P8, P9)."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException

from deploy.provisioning import delete_topics, institution_user, provision_institution, role_user
from schemas import envelope
from schemas.topics import CHANGES, CONTROL, STATE, TOPICS, clean_topic, slot_of
from tests.faults import wire
from tests.faults.conftest import SEED
from tests.faults.ledger import arrived
from tests.faults.running import Running, wait_well
from tests.faults.world import PARTITIONS, SESSION_SECONDS
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

OUTAGE_SECONDS = 20.0
BURSTS = 14
"""Transactions of 300 long texts (4.5 MB) in an outage: far more than the agent, with its buffer of 4 MB, may grow by."""
MOST_GROWTH = 36 << 20
"""Bytes: the buffer, the batch that waits before it and the client library's copies of both."""
SECRET_NAME, SECRET_NUMBER, SECRET_ESSAY = "Nguyễn Bí Mật Chớ Lộ", "079205998877", "nhà số bảy ngõ không tên"
RUBBISH_NUMBER = "so-cccd-sai-99"


@pytest.fixture(scope="module", autouse=True)
def planted(running: Running) -> None:
    """Personal data that no log, metric or command line may ever show; some of it is wrong, so that errors speak of it."""
    for one in running.load.universities.values():
        one.put("persons", (900_001, "planted", SECRET_NAME, "2001-02-03", "Nam", SECRET_NUMBER, None, SECRET_ESSAY))
        one.put(
            "persons", (900_002, "planted", SECRET_NAME, "2001-02-03", "không rõ", RUBBISH_NUMBER, None, SECRET_ESSAY)
        )


def test_without_faults(running: Running) -> None:
    with running.under_load():
        running.changes_arrive()


def test_each_of_our_processes_is_killed_once(running: Running) -> None:
    names = list(running.world.processes)
    random.Random(SEED).shuffle(names)
    with running.under_load():
        for name in names:
            running.world.kill(name)
            running.world.start(name)
            running.changes_arrive()
    wait_well(running)


def test_each_service_is_killed_once(running: Running) -> None:
    with running.under_load():
        for name in ("postgres-national", "kafka", "registry", "postgres-universities"):
            running.world.kill(name)
            running.world.start(name)
        running.changes_arrive()
    wait_well(running)


def test_all_of_our_processes_are_killed_together(running: Running) -> None:
    with running.under_load():
        for name in running.world.processes:
            running.world.kill(name)
        for name in running.world.processes:
            running.world.start(name)
        running.changes_arrive()
    wait_well(running)


def test_workers_come_and_go(running: Running) -> None:
    """P3 over rebalances: institutions move from worker to worker and back while changes flow."""
    with running.under_load():
        running.world.stop("records-2")
        wait_until(lambda: all(n == ["records-1"] for n in running.holders().values()), "one worker has all", 60.0)
        running.changes_arrive()
        running.world.start("records-2")
        wait_until(running.evenly_held, "the workers share again", 60.0)
        running.changes_arrive()


def test_an_institution_leaves_while_its_worker_is_away(running: Running) -> None:
    """A worker that comes back within its session time-out gets what it had, the topics that are gone too; the others' go on (P5)."""
    world, code = running.world, "UX"
    admin = world.stack.admin_client()
    provision_institution(admin, code, world.stack.secret(f"kafka.{institution_user(code)}"))

    def holder() -> str | None:
        pages = {worker.name: worker.fetch("/metrics") or "" for worker in world.workers("records")}
        return next((name for name, page in pages.items() if f'institution="{code}"' in page), None)

    worker = wait_until(holder, "a worker has it", 60.0)
    assert worker is not None
    world.kill(worker)
    delete_topics(admin, [topic.name_for(code) for topic in TOPICS if topic.scope == "institution"])
    world.start(worker)
    with running.under_load():
        wait_until(lambda: all(len(n) == 1 for n in running.holders().values()), "the others are served", 60.0)
        running.changes_arrive()
    wait_until(running.evenly_held, "the workers share again", 90.0)


def test_killed_between_the_acknowledgements_of_its_outputs(running: Running) -> None:
    """P1, the state-bearing output last: clean records are acknowledged, their state is not, and the worker dies."""
    world, code = running.world, "UA"
    one = running.load.universities[code]
    before = world.ledger(code)
    clean, slot = clean_topic("person"), slot_of(code, PARTITIONS)
    with wire.no_right_to_write(world.stack, role_user("records"), STATE.name_for(code)):
        clean_end, state_end = wire.end_of(world.stack, clean, slot), wire.end_of(world.stack, STATE.name_for(code))
        one.canary()
        wait_until(lambda: wire.end_of(world.stack, clean, slot) > clean_end, "clean records are written", 30.0)
        assert wire.end_of(world.stack, STATE.name_for(code)) == state_end
        for worker in world.workers("records"):
            worker.kill()
    for worker in world.workers("records"):
        worker.start()
    wait_until(lambda: world.ledger(code), "the institution is served again", 60.0)
    running.changes_arrive()
    running.all_is_well()
    after = world.ledger(code)
    assert after["applied"] > before["applied"]
    assert after["duplicate"] == before["duplicate"], "an event whose state was lost counts as applied, not as seen"
    wait_well(running)


@pytest.mark.parametrize(
    "names",
    [
        ("records-1", "people-1", "matcher-1", "agent-UA"),
        ("records-2", "people-2", "matcher-2", "sink"),
        ("kafka",),
        ("postgres-national", "postgres-universities", "registry"),
    ],
    ids="+".join,
)
def test_frozen_beyond_its_session_and_thawed(running: Running, names: tuple[str, ...]) -> None:
    """P3 against zombies: what a worker had prepared before it froze may not end up on top of its successor's work."""
    with running.under_load():
        for name in names:
            running.world.freeze(name)
        passed = Passed(SESSION_SECONDS + 2)
        wait_until(passed, "the session time-out has passed")
        for name in names:
            running.world.thaw(name)
        running.changes_arrive()
    wait_well(running)


def test_what_a_former_owner_wrote_to_a_changelog_is_put_right(running: Running) -> None:
    """P3: a worker that was frozen right before the socket writes an old state when it wakes. Its successor says the newest
    again, so that not even a worker with an empty disk believes the old one."""
    world, stack, topic, key = running.world, running.world.stack, STATE.name_for("UA"), b"UA/person/0"
    running.changes_arrive()
    history = [message.value() or b"" for message in wire.read(stack.admin_config(), topic) if message.key() == key]
    accounts = [m.value() or b"" for m in wire.read(stack.admin_config(), topic) if m.key() == b"UA!account"]
    wire.send_as_anyone(stack, topic, key, history[0])
    wire.send_as_anyone(stack, topic, b"UA!account", accounts[-2])
    # Others than the canary change, so that nothing but the owner's care renews its state.
    running.load.universities["UA"].put("persons", (900_003, "after", "A B", "2001-02-03", "Nam", None, None, None))

    def renewed() -> bool:
        last = [m.value() for m in wire.read(stack.admin_config(), topic) if m.key() == key][-1]
        return bool(last == history[-1])

    wait_until(renewed, "the newest state is the last again")
    for worker in world.workers("records"):
        worker.kill()
        shutil.rmtree(world.home / "data" / worker.name / "state")
        worker.start()
    with running.under_load():
        running.changes_arrive()
    wait_well(running)


def test_outage_of_the_broker(running: Running) -> None:
    """Everything arrives afterwards; meanwhile an agent's memory stays bounded, whatever its university does (P5)."""
    world = running.world
    agent = world.processes["agent-UA"]
    with running.under_load():
        resting = _memory(agent.pid)
        world.kill("kafka")
        passed, most = Passed(OUTAGE_SECONDS), resting
        one = running.load.universities["UA"]
        for _ in range(BURSTS):
            one.essays(300)

        def over() -> bool:
            nonlocal most
            most = max(most, _memory(agent.pid))
            return passed()

        wait_until(over, "the outage has lasted long enough", OUTAGE_SECONDS * 2)
        world.start("kafka")
        running.changes_arrive()
        most = max(most, _memory(agent.pid))
    assert most - resting < MOST_GROWTH, f"{resting >> 20} MiB became {most >> 20}"
    wait_well(running)


def test_outage_of_registry_and_national_database(running: Running) -> None:
    world = running.world
    with running.under_load():
        for name in ("registry", "postgres-national"):
            world.kill(name)
        world.kill("records-1")  # a worker that starts without the registry knows its schemas from its disk
        world.start("records-1")
        wait_until(Passed(OUTAGE_SECONDS), "the outage has lasted long enough", OUTAGE_SECONDS * 2)
        world.start("postgres-national")
        world.start("registry")
        running.changes_arrive()
    wait_well(running)


def test_replay_of_every_topic_changes_no_row(running: Running) -> None:
    """P4: at least once on the wire, once in the store."""
    world = running.world
    running.all_is_well()
    wait_until(running.applied_to_the_end, "the sink is at the end")
    before = running.national_content()
    world.stop("sink")
    with psycopg.connect(world.national_dsn) as national:
        national.execute("delete from applied_offset")
    world.start("sink")
    wait_until(lambda: world.processes["sink"].fetch("/readyz"), "the sink is ready", 60.0)
    wait_until(running.applied_to_the_end, "everything has been read again", 180.0)
    assert running.is_as(before)
    running.all_is_well()


def test_the_national_database_restored_from_a_backup(running: Running) -> None:
    """It heals from the topics while changes go on: RECORDS waits for the sink, nobody helps, and source and store are equal.
    Of what it had before, nothing is missing from its history."""
    place = running.world.home
    settings = ("--settings", str(place / "sink.settings.yaml"))

    def hemis(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.command", *arguments, *settings],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    with running.under_load():
        running.changes_arrive()
        hemis("backup", "--output", "backups")
        wait_until(Passed(OUTAGE_SECONDS / 2), "there is something that the backup lacks")
    wait_until(running.applied_to_the_end, "the sink is at the end")
    before = running.national_content()
    [folder] = (place / "backups").iterdir()
    hemis("restore", str(folder))
    wait_until(lambda: running.is_as(before), "it is equal again", 180.0)
    with running.under_load():
        running.changes_arrive()
        hemis("restore", str(folder))
        running.changes_arrive()
    wait_well(running)


def test_an_institution_reaches_only_its_own_topics(running: Running) -> None:
    """P6: the broker itself refuses A the topics of B."""
    stack = running.world.stack
    with pytest.raises(KafkaException) as refused:
        wire.send_as_institution(stack, "UA", CHANGES.name_for("UB"), b"UB/person/1", b"x")
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert wire.refusal(stack.client_config("inst.UA"), CONTROL.name_for("UA")) == KafkaError.NO_ERROR
    for topic in (CHANGES.name_for("UB"), CONTROL.name_for("UB"), STATE.name_for("UB"), clean_topic("person")):
        assert wire.refusal(stack.client_config("inst.UA"), topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED, topic


def test_an_event_that_claims_another_institutions_record(running: Running) -> None:
    """P6: dead letter E105 and an alarm; the other's row stays as it was."""
    world = running.world
    topic = CHANGES.name_for("UA")
    running.changes_arrive()
    alarms = world.metric("hemis_alarms_total", "alarm").get("forged_institution", 0)
    _, genuine = _newest(running, "UA", "UA/person/0")
    event = envelope.read(genuine)
    forged = _again(genuine, event, record_key="UB/person/0", version=event.version + (1 << 40))
    offset = wire.send_as_institution(world.stack, "UA", topic, b"UB/person/0", forged)
    letter = wait_until(lambda: wire.dead_letters(world.stack, topic).get(offset), "the dead letter")
    assert letter is not None
    assert (letter["code"], letter["institution"], letter["value"]) == ("E105", "UA", forged)
    wait_until(
        lambda: world.metric("hemis_alarms_total", "alarm").get("forged_institution", 0) == alarms + 1, "the alarm"
    )
    running.all_is_well()


def test_poison_becomes_dead_letters_and_the_next_version_is_applied(running: Running) -> None:
    """P2, P5: byte for byte, and nothing waits behind them."""
    world = running.world
    topic, key = CHANGES.name_for("UA"), b"UA/person/0"
    running.changes_arrive()
    _, genuine = _newest(running, "UA", key.decode())
    event = envelope.read(genuine)
    newer = _again(genuine, event, record_key=event.record_key, version=event.version + 1)
    tag = newer.rindex(b"UA-")
    poison: list[tuple[str, bytes | None, bytes]] = [
        ("E101", key, random.Random(SEED).randbytes(200).replace(b"\0", b"\1")),
        ("E101", key, b""),
        ("E102", key, envelope.header(999_999) + newer[5:]),
        ("E101", key, newer[:-3]),
        ("E101", key, newer + b"\0"),
        ("E101", key, newer[:tag] + b"\0" + newer[tag + 1 :]),
        ("E104", b"UA/person/1", newer),
        ("E104", None, newer),
    ]
    sent = {wire.send_as_institution(world.stack, "UA", topic, k, v): (code, k, v) for code, k, v in poison}

    def letters() -> bool:
        found = wire.dead_letters(world.stack, topic)
        assert {o: (found[o]["code"], found[o]["key"], found[o]["value"] or b"") for o in sent if o in found} == sent
        return True

    wait_until(letters, "every poison record is a dead letter")
    running.changes_arrive()
    running.all_is_well()


def test_an_unknown_schema_id_waits_for_the_registry_and_nobody_else_does(running: Running) -> None:
    """P5: one worker has both institutions, and the registry says nothing at all."""
    world, topic, key = running.world, CHANGES.name_for("UA"), b"UA/person/0"
    running.changes_arrive()
    _, genuine = _newest(running, "UA", key.decode())
    world.stop("records-2")
    wait_until(lambda: all(names == ["records-1"] for names in running.holders().values()), "one worker has both", 60.0)
    running.changes_arrive()
    world.freeze("registry")
    try:
        sent = [
            wire.send_as_institution(world.stack, "UA", topic, key, envelope.header(999_000 + n) + genuine[5:])
            for n in range(200)
        ]
        neighbour = running.load.universities["UB"]
        for _ in range(3):
            arrived(world, "UB", neighbour.canary(), 60.0)
        assert not set(sent) & set(wire.dead_letters(world.stack, topic)), "nobody has said yet that they are unknown"
    finally:
        world.thaw("registry")
    wait_until(lambda: set(sent) <= set(wire.dead_letters(world.stack, topic)), "the registry has answered", 60.0)
    assert {letter["code"] for at, letter in wire.dead_letters(world.stack, topic).items() if at in sent} == {"E102"}
    running.changes_arrive()
    world.start("records-2")
    running.all_is_well()


def test_an_institution_that_came_while_every_worker_was_away(running: Running) -> None:
    """Who comes back within its session time-out gets what it had, without a rebalance; nobody is given the new topics.
    After the tests that count on each worker having one of two institutions."""
    world, code = running.world, "UNEW"
    workers = world.workers("records")
    for worker in workers:
        worker.kill()
    provision_institution(world.stack.admin_client(), code, world.stack.secret(f"kafka.{institution_user(code)}"))
    for worker in workers:
        worker.start()
    wait_until(lambda: world.served(code) == 1, "the new institution has a worker", 60.0)
    world.wait_ready()  # of three institutions one worker may well have the two old ones


def test_no_secret_and_no_personal_data_where_they_do_not_belong(running: Running) -> None:
    """P8. Last in the file, so that every fault above has had its say in the logs."""
    world = running.world
    places: dict[str, Callable[[], bytes]] = {str(log): log.read_bytes for log in world.logs.iterdir()}
    places |= {str(log): log.read_bytes for log in (world.home / "stack").glob("*.log")}
    for process in world.processes.values():
        for page in ("/metrics", "/healthz", "/readyz"):
            places[process.name + page] = lambda p=process, page=page: (p.fetch(page) or "").encode()  # type: ignore[misc]
    secrets = [*world.secrets, SECRET_NAME, SECRET_NUMBER, SECRET_ESSAY, RUBBISH_NUMBER]
    assert len(world.secrets) > 5
    assert not [place for place, text in places.items() for secret in secrets if secret.encode() in text()]
    assert not [line for line in _command_lines() for secret in secrets if secret.encode() in line]


class Passed:
    """Whether so many seconds have passed since it was made: what a fault's length is measured with."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def __call__(self) -> bool:
        return time.monotonic() >= self._end


def _memory(pid: int | None) -> int:
    """Resident bytes of a process."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _command_lines() -> Iterable[bytes]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield (folder / "cmdline").read_bytes()
            except OSError:
                continue


def _newest(running: Running, code: str, key: str) -> tuple[int, bytes]:
    """The last event of a record in its institution's topic."""
    stack = running.world.stack
    messages = wire.read(stack.admin_config(), CHANGES.name_for(code))
    found = [m for m in messages if m.key() == key.encode()][-1]
    offset, value = found.offset(), found.value()
    assert offset is not None
    assert value is not None
    return offset, value


def _again(raw: bytes, event: envelope.Envelope, *, record_key: str, version: int) -> bytes:
    """The event with another key and version."""
    return (
        envelope.write(
            envelope.schema_id_of(raw),
            operation=event.operation,
            snapshot=event.snapshot,
            version=version,
            changed_at=event.changed_at,
            captured_at=event.captured_at,
            instance=event.instance,
            source_table=event.source_table,
            record_key=record_key,
            absent=event.absent,
            untyped=event.untyped,
        )
        + raw[event.body :]
    )
