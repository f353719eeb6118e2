"""Several sinks, frozen sinks, frozen databases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

import psycopg
import pytest

from schemas import topics
from schemas.envelope import NEW
from tests.conformance.sinks.events import Pair
from tests.integration.sinks.running import COMMAND, Place
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real


def changes(place: Place, entity: str, count: int, institution: str, version: int = 1) -> list[Pair]:
    return [place.events.change(f"{institution}/{entity}/{i:06d}", version, NEW) for i in range(count)]


def test_two_sinks_share_and_take_over(place: Place) -> None:
    """Both work, one is killed, the other takes over; every row is applied exactly once."""
    count = 3_000
    total = 0
    for entity in ("person", "learner", "study_record"):
        for institution in ("UNI-A", "UNI-B"):
            place.produce("hemis.records", topics.clean_topic(entity), changes(place, entity, count, institution))
            total += count
    environment = place.environment | {"HEMIS_MEMBER": "two", "HEMIS_BATCH_ROWS": "300"}
    with (place.folder / "second.log").open("ab") as log:
        second = subprocess.Popen([*COMMAND, "run"], env=environment, stderr=log)
        try:
            with place.sink():
                wait_until(lambda: place.number("SELECT coalesce(sum(applied), 0) FROM ledger") > 1000, "rows arrive")
                second.kill()
                second.wait()
                wait_until(lambda: place.number("SELECT sum(applied) FROM ledger") == total, "all rows are applied", 60)
                assert (
                    place.number(
                        "SELECT (SELECT count(*) FROM person_history) + (SELECT count(*) FROM learner_history)"
                    )
                    == 0
                )
        finally:
            second.kill()
            second.wait()


def test_a_frozen_sink_that_wakes_up_is_fenced(place: Place) -> None:
    """A sink frozen past its session loses its partitions; what it wakes up with changes nothing."""
    person = topics.clean_topic("person")
    place.produce("hemis.records", person, changes(place, "person", 5_000, "UNI-A"))
    environment = place.environment | {"HEMIS_MEMBER": "", "HEMIS_BATCH_ROWS": "50"}
    with (place.folder / "second.log").open("ab") as log:
        second = subprocess.Popen([*COMMAND, "run"], env=environment, stderr=log)
        try:
            wait_until(lambda: place.number("SELECT count(*) FROM person") > 0, "the first sink works")
            os.kill(second.pid, signal.SIGSTOP)
            with place.sink():
                place.produce("hemis.records", person, changes(place, "person", 5_000, "UNI-A", version=2))
                wait_until(
                    lambda: place.number("SELECT coalesce(sum(applied), 0) FROM ledger") == 10_000,
                    "the other took over",
                    90,
                )
                os.kill(second.pid, signal.SIGCONT)
                place.produce("hemis.records", person, changes(place, "person", 10, "UNI-B"))
                place.wait_applied(person, 10_010)
            assert second.poll() is None
            assert place.number("SELECT sum(applied) FROM ledger") == 10_010
            assert place.number("SELECT count(*) FROM person_history") == 5_000
        finally:
            os.kill(second.pid, signal.SIGCONT)
            second.kill()
            second.wait()


def test_a_frozen_transaction_does_not_keep_a_partition(place: Place) -> None:
    """A sink that froze within its transaction holds its partition's row; its successor ends it."""
    person = topics.clean_topic("person")
    with place.sink():
        place.produce("hemis.records", person, changes(place, "person", 10, "UNI-A"))
        place.wait_applied(person, 10)
        with psycopg.connect(place.stack.dsn("national", place.database), application_name="hemis sink") as frozen:
            frozen.execute("UPDATE applied_offset SET next_offset = next_offset")
            place.produce("hemis.records", person, changes(place, "person", 10, "UNI-A", version=2))
            place.wait_applied(person, 20)
            with pytest.raises(psycopg.OperationalError):
                frozen.execute("SELECT 1")


def test_not_ready_while_the_database_is_frozen(place: Place) -> None:
    with place.sink() as process:
        person = topics.clean_topic("person")
        place.produce("hemis.records", person, changes(place, "person", 10, "UNI-A"))
        place.wait_applied(person, 10)
        lines = [json.loads(line) for line in (place.folder / "sink.log").read_text().splitlines()]
        url = next(line["health"] for line in lines if "health" in line)

        def answer(path: str) -> int:
            try:
                return int(urllib.request.urlopen(url + path, timeout=2).status)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code

        place.stack.stop("postgres-national")
        place.produce("hemis.records", person, changes(place, "person", 10, "UNI-A", version=2))
        wait_until(lambda: answer("/readyz") == 503, "the sink says that it can't work")
        assert answer("/healthz") == 200
        place.stack.start("postgres-national")
        wait_until(lambda: answer("/readyz") == 200, "the sink is ready again")
        place.wait_applied(person, 20)
        assert process.poll() is None
