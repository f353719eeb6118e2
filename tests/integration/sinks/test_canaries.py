"""The canaries of the national table: told as times, and their history kept short."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from schemas.registry import Registry
from schemas.topics import clean_topic
from sinks.base import Partition, Run
from sinks.canaries import Canaries, look, tidy
from sinks.database import engine
from sinks.postgresql.sink import PostgresSink
from sinks.writers import Writers
from tests.integration.sinks.running import Place
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real


def test_the_newest_canary_is_told_and_old_ones_are_deleted(place: Place) -> None:
    national = engine(place.url)
    sink = PostgresSink(national, Writers(Registry(place.stack.registry_url, place.folder / "registry")))
    partition = Partition(clean_topic("canary"), 0, "id")
    now = time.time()
    sent = [
        place.events.change(
            f"{code}/canary/agent", version, changed_at=int((now - age) * 1e6), interval_seconds=5, sent_at=str(version)
        )
        for code, version, age in (("UNI-A", 1, 90), ("UNI-A", 2, 60), ("UNI-B", 1, 300))
    ]
    assert sink.places([partition]) == {partition: 0}
    sink.apply([Run(partition, 0, 1, sent[:1])])
    sink.apply([Run(partition, 1, 3, sent[1:])])
    seen = look(national)
    assert {
        code: (pytest.approx(one.changed_at.timestamp(), abs=0.01), one.interval) for code, one in seen.items()
    } == {
        "UNI-A": (now - 60, 5.0),
        "UNI-B": (now - 300, 5.0),
    }
    assert tidy(national, datetime.now(UTC) - timedelta(days=1)) == 0
    assert tidy(national, datetime.now(UTC) + timedelta(days=1)) == 1
    registry, canaries = CollectorRegistry(), Canaries(national)
    registry.register(canaries)
    try:
        name = "hemis_canary_timestamp_seconds"
        wait_until(lambda: registry.get_sample_value(name, {"institution": "UNI-B"}), "the table was read")
        assert registry.get_sample_value(name, {"institution": "UNI-A"}) == pytest.approx(now - 60, abs=0.01)
        assert list(canaries.ready()) == ["canary"], "no institution's canary is younger than four intervals"
        sink.apply(
            [Run(partition, 3, 4, [place.events.change("UNI-A/canary/agent", 3, sent_at="3", interval_seconds=5)])]
        )
        wait_until(lambda: canaries.ready() == {}, "a fresh canary")
    finally:
        canaries.close()
        sink.close()
        national.dispose()
