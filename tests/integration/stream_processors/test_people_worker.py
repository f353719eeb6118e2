"""A real PEOPLE process between real topics: whom it tells of what, also institutions that have no record of the person."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.local.stack import Stack
from deploy.provisioning import role_user
from schemas import envelope
from schemas.codec import HEADER_SIZE, codec
from schemas.registry import Registry
from schemas.topics import CLAIMS, FINDINGS, GOLDEN, partition_of
from tests.integration.sinks.running import PARTITIONS, provisioned, registered
from tests.support.waiting import wait_until
from tests.unit.stream_processors.people_bench import KEY, claim, fact, person

pytestmark = pytest.mark.real

ON_BUS = ("PPA", "PPB")


@pytest.fixture
def worker(stack: Stack, tmp_path: Path) -> Iterator[Path]:
    """A running worker's log."""
    provisioned(stack, *ON_BUS)
    environment = os.environ | {
        "HEMIS_KAFKA_BOOTSTRAP": stack.bootstrap,
        "HEMIS_KAFKA_USER": role_user("people"),
        "HEMIS_KAFKA_PASSWORD": stack.secret(f"kafka.{role_user('people')}"),
        "HEMIS_REGISTRY_URL": stack.registry_url,
        "HEMIS_PERSON_KEY_SECRET": "secret",
        "HEMIS_DATA": str(tmp_path / "data"),
    }
    log = tmp_path / "people.log"
    command = [sys.executable, "-c", "from stream_processors.command import processor; processor()", "run", "people"]
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environment, stderr=out, stdout=out)
    yield log
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, log.read_text("utf-8")


def newest(stack: Stack, topic: str, partition: int, name: str) -> list[dict[str, Any]]:
    """The newest message of each key."""
    config = stack.client_config(role_user("operator")) | {"group.id": "hemis-operator", "enable.auto.commit": False}
    consumer = Consumer(config)
    try:
        end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
        consumer.assign([TopicPartition(topic, partition, 0)])
        found = {}
        while consumer.position([TopicPartition(topic, partition)])[0].offset < end:
            for message in consumer.consume(100, 1.0):
                found[message.key()] = codec(f"vn.hemis.{name}").decode(message.value(), HEADER_SIZE)[0]
        return list(found.values())
    finally:
        consumer.close()


def test_the_missing_side_is_told_and_whoever_is_not_on_the_bus_is_not(
    stack: Stack, worker: Path, tmp_path: Path
) -> None:
    ids = wait_until(lambda: registered(Registry(stack.registry_url, tmp_path / "registry")), "the registry answers")
    producer = Producer(stack.client_config(role_user("records")))
    partition = partition_of(KEY.encode(), PARTITIONS)

    def say(*claims: dict[str, Any]) -> None:
        for one in claims:
            value = envelope.header(ids["vn.hemis.Claim"]) + codec("vn.hemis.Claim").encode(one)
            producer.produce(CLAIMS.name, value, KEY.encode(), partition)
        assert producer.flush(30) == 0

    def golden() -> list[dict[str, Any]]:
        assert "Traceback" not in worker.read_text("utf-8"), worker.read_text("utf-8")
        return [g for g in newest(stack, GOLDEN.name, partition, "GoldenPerson") if g["person_key"] == KEY]

    def told(code: str) -> list[tuple[str, str, str]]:
        found = newest(stack, FINDINGS.name_for(code), 0, "Finding")
        return [(f["rule"], f["record_key"], f["status"]) for f in found]

    away = fact("TRANSFER_OUT", "PPA/study_decision/1", valid_from="2021-09-01", other_institution="PPB")
    nowhere = fact("TRANSFER_OUT", "PPA/study_decision/2", valid_from="2022-09-01", other_institution="NOWHERE")
    say(claim("PPA/person/1", 1, person(full_name="A", birth_date="2001"), facts=[away, nowhere], phone="1"))
    wait_until(golden, "the golden person is there", 60)
    assert (golden()[0]["phone"], golden()[0]["live"]) == ("1", True)
    assert (told("PPA"), told("PPB")) == ([], [("R09", "PPA/study_decision/1", "OPEN")])
    say(claim("PPA/person/1", 2, None, moved_to="n:other"))
    wait_until(lambda: not golden()[0]["live"], "the person has moved", 60)
    assert golden()[0]["alias_of"] == "n:other"
    assert told("PPB") == [("R09", "PPA/study_decision/1", "RESOLVED")]
