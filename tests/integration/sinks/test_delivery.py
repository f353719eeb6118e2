"""From topics into the database, through crashes."""

from __future__ import annotations

import json
import signal
import urllib.request

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas import topics
from schemas.avro_schema import subject
from schemas.codec import HEADER_SIZE, codec
from schemas.envelope import CANCEL, NEW
from tests.conformance.sinks.events import Pair
from tests.integration.sinks.running import Place, provisioned
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

PERSON = topics.clean_topic("person")


def people(place: Place, count: int, round: int = 1, institution: str = "UNI-A") -> list[Pair]:
    return [
        place.events.change(
            f"{institution}/person/{i:06d}",
            round * 1_000_000 + i,
            NEW,
            full_name=f"Nguyễn Văn {i}",
            birth_date="2001-05",
        )
        for i in range(count)
    ]


def test_every_kind_of_message_arrives(place: Place) -> None:
    with place.sink() as process:
        place.produce("hemis.records", PERSON, people(place, 10))
        place.produce(
            "hemis.people",
            topics.GOLDEN.name,
            [place.events.golden("n:1", 3, ["UNI-A/person/000001"], full_name="A")],
            0,
        )
        place.produce("hemis.records", "hemis.findings.UNI-A", [place.events.finding("f1", 7)], 0)
        wait_until(
            lambda: (
                place.rows(
                    "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM person_claim), (SELECT count(*) FROM finding)"
                )
                == [(10, 1, 1)]
            ),
            "all is applied",
        )
        assert place.rows("SELECT institution, target, applied FROM ledger ORDER BY 1, 2") == [
            ("UNI-A", "finding", 1),
            ("UNI-A", "person", 10),
        ]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_killed_in_the_middle_it_goes_on(place: Place) -> None:
    total = 30_000
    for institution in ("UNI-A", "UNI-B"):
        place.produce("hemis.records", PERSON, people(place, total // 2, institution=institution))
    for kill_at in (1, total // 4, total // 2):
        with place.sink() as process:
            wait_until(lambda n=kill_at: place.number("SELECT count(*) FROM person") >= n, "some rows are there")  # type: ignore[misc]
            process.kill()
            process.wait()
    with place.sink():
        place.wait_applied(PERSON, total)
        assert place.number("SELECT count(*) FROM person") == total
        assert place.number("SELECT sum(applied) FROM ledger") == total
        assert place.number("SELECT count(*) FROM person_history") == 0


def test_database_killed_and_started_again(place: Place) -> None:
    place.produce("hemis.records", PERSON, people(place, 20_000))
    with place.sink() as process:
        wait_until(lambda: place.number("SELECT count(*) FROM person") > 0, "some rows are there")
        place.stack.kill("postgres-national")
        place.produce("hemis.records", PERSON, people(place, 5_000, round=2))
        place.stack.start("postgres-national")
        place.wait_applied(PERSON, 25_000)
        assert process.poll() is None
    assert place.number("SELECT count(*) FROM person") == 20_000
    assert place.number("SELECT count(*) FROM person_history") == 5_000
    assert place.number("SELECT sum(applied) FROM ledger") == 25_000


def test_replay_changes_nothing(place: Place) -> None:
    changes = [*people(place, 500), *people(place, 500, round=2)]
    changes += [place.events.change(f"UNI-A/person/{i:06d}", 9_000_000, CANCEL) for i in range(0, 500, 7)]
    place.produce("hemis.records", PERSON, changes)
    place.produce(
        "hemis.people",
        topics.GOLDEN.name,
        [place.events.golden(f"n:{i % 50}", i, [f"UNI-A/person/{i:06d}"], full_name="A") for i in range(200)],
        0,
    )
    with place.sink():
        place.wait_applied(PERSON, len(changes))
        place.wait_applied(topics.GOLDEN.name, 200)
    before = place.content()
    place.rows("DELETE FROM applied_offset RETURNING topic")
    with place.sink():
        place.wait_applied(PERSON, len(changes))
        place.wait_applied(topics.GOLDEN.name, 200)
    assert place.content() == before
    assert place.number("SELECT count(*) FROM person_claim") == 50


def test_an_undecodable_message_is_a_dead_letter_and_no_stop(place: Place) -> None:
    good = people(place, 3)
    key, value = good[1]
    place.produce("hemis.records", PERSON, [good[0], (key, value[:-1]), good[2]])
    slot = topics.slot_of("UNI-A", 4)
    with place.sink():
        place.wait_applied(PERSON, 3)
        assert place.number("SELECT count(*) FROM person") == 2
        consumer = Consumer(place.stack.client_config("hemis.sink") | {"group.id": "hemis-sink-test"})
        consumer.assign([TopicPartition("hemis.dead-letters", p, 0) for p in range(4)])
        message = wait_until(lambda: consumer.poll(0.5), "the dead letter is there")
        consumer.close()
    letter, _ = codec(subject("DeadLetter")).decode(message.value() or b"", HEADER_SIZE)
    assert (letter["institution"], letter["topic"], letter["partition"], letter["offset"]) == ("UNI-A", PERSON, slot, 1)
    assert (letter["code"], letter["value"]) == ("E101", value[:-1])


def test_a_topic_made_anew_is_read_from_its_start(place: Place) -> None:
    place.produce("hemis.records", PERSON, people(place, 50))
    with place.sink():
        place.wait_applied(PERSON, 50)
    admin = place.stack.admin_client()
    admin.delete_topics([PERSON])[PERSON].result()
    wait_until(lambda: PERSON not in admin.list_topics(timeout=5).topics, "the topic is gone")
    provisioned(place.stack, "UNI-A")
    place.produce("hemis.records", PERSON, people(place, 60, round=2))
    with place.sink():
        place.wait_applied(PERSON, 60)
        assert place.number("SELECT count(*) FROM person WHERE version >= 2000000") == 60


def test_progress_tells_the_last_place(place: Place) -> None:
    with place.sink():
        place.produce("hemis.records", PERSON, people(place, 100))
        place.wait_applied(PERSON, 100)
        consumer = Consumer(place.stack.client_config("hemis.sink") | {"group.id": "hemis-sink-test"})
        consumer.assign([TopicPartition(topics.PROGRESS.name, 0, 0)])
        places: dict[bytes, int] = {}

        def told() -> bool:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                record, _ = codec(subject("Progress")).decode(message.value() or b"", HEADER_SIZE)
                places[message.key() or b""] = record["place"]
            return places.get(f"sink/{PERSON}/{topics.slot_of('UNI-A', 4)}".encode()) == 100

        wait_until(told, "progress is told")
        consumer.close()


def test_health_and_metrics(place: Place) -> None:
    with place.sink() as process:
        place.produce("hemis.records", PERSON, people(place, 100))
        place.wait_applied(PERSON, 100)
        started = [json.loads(line) for line in (place.folder / "sink.log").read_text().splitlines()]
        url = next(line["health"] for line in started if "health" in line)
        assert urllib.request.urlopen(url + "/readyz").status == 200
        page = urllib.request.urlopen(url + "/metrics").read().decode()
        assert 'hemis_end_to_end_seconds_count{institution="UNI-A"} 100.0' in page
        assert 'hemis_sink_rows_total{outcome="applied",table="person"} 100.0' in page
        assert process.poll() is None


def test_set_rules_and_measures_run_beside_the_stream(place: Place) -> None:
    """A set rule's finding goes to its institution's topic and comes to the national table by it; mended, it closes."""
    place.more = {"HEMIS_QUALITY_SECONDS": "0.3", "HEMIS_SET_RULES_SECONDS": "0.3"}
    degrees = topics.clean_topic("degree")

    def degree(number: int) -> Pair:
        fields = {"register_number": str(number), "register_year": 2025, "kind": "BACHELOR"}
        return place.events.change(f"UNI-A/degree/{number}", number, NEW, **fields)

    query = "SELECT rule, record_key, status FROM finding"
    with place.sink():
        place.produce("hemis.records", degrees, [degree(n) for n in (1, 2, 4)])
        wait_until(lambda: place.rows(query) == [("V18", "UNI-A/degree/4", "OPEN")], "the gap is found")
        place.produce("hemis.records", degrees, [degree(3)])
        wait_until(lambda: place.rows(query) == [("V18", "UNI-A/degree/4", "RESOLVED")], "the gap is closed")
        measured = "SELECT numerator, denominator FROM quality_day WHERE measure = 'clean' AND scope = 'degree'"
        wait_until(lambda: place.rows(measured) == [(4, 4)], "today's measures follow")
