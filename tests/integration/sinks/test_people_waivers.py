"""A waiver of a finding of PEOPLE holds until its day, whatever PEOPLE says meanwhile, and in whatever order it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sinks.quality import people_waivers
from sinks.quality.days import today
from sinks.quality.findings import one
from sinks.quality.waivers import keep, waiver
from tests.integration.sinks.nation import Nation

pytestmark = pytest.mark.real

NOW = datetime(2026, 10, 1, 3, tzinfo=UTC)
TODAY = today(NOW).day
LAST = TODAY + timedelta(days=10)
NAME = "f1"


class Country:
    """PEOPLE and the scheduled job write to one topic, and the sink reads it."""

    def __init__(self, national: Nation) -> None:
        self.national = national
        self.topic: list[dict[str, Any]] = []
        self.read = 0

    def people(self, place: int, status: str) -> None:
        self.topic.append(
            {
                "finding_id": NAME, "institution": "UNI-A", "rule": "R12", "severity": "WARNING", "record_key": "UNI-A/staff_contract/1",
                "fields": ["highest_degree"], "other_record": "", "status": status, "generation": 0, "place": place, "orders_place": 0,
                "at": place, "details": {"level": "9"}, "waived_until": None, "waiver": None,
            }
        )  # fmt: skip

    def put(self, finding: dict[str, Any]) -> None:
        self.topic.append(finding)

    def flush(self) -> None:
        pass

    def deliver(self) -> None:
        for finding in self.topic[self.read :]:
            self.national.said(finding)
        self.read = len(self.topic)

    def job(self, days: int = 0) -> int:
        with self.national.engine.begin() as connection:
            return people_waivers.run(connection, self, today(NOW + timedelta(days=days)))

    def decide(self, until: bool = True) -> None:
        finding, *_ = one(self.national.engine, NAME)
        given = waiver("bằng nước ngoài đã công nhận", "Vụ GDĐH", LAST.isoformat(), TODAY) if until else None
        keep(self.national.engine, finding, given, TODAY)

    @property
    def status(self) -> str:
        self.deliver()
        (row,) = self.national.rows("SELECT status FROM finding")
        return str(row[0])

    @property
    def last_of_topic(self) -> str:
        """What a reader of the compacted topic sees."""
        return str(self.topic[-1]["status"])


@pytest.fixture
def country(national: Nation) -> Country:
    made = Country(national)
    made.people(7, "OPEN")
    made.deliver()
    return made


def test_a_waiver_holds_until_its_day_and_opens_again(country: Country) -> None:
    assert country.job() == 0
    country.decide()
    assert (country.job(), country.status, country.job()) == (1, "WAIVED", 0)
    (row,) = country.national.rows("SELECT waived_until, waiver, details FROM finding")
    assert row == (LAST.isoformat(), "Vụ GDĐH: bằng nước ngoài đã công nhận", {"level": "9"})
    assert (country.job(days=10), country.status) == (0, "WAIVED")
    assert (country.job(days=11), country.status, country.job(days=11)) == (1, "OPEN", 0)


def test_a_dispute_is_one_again_when_the_waiver_is_withdrawn(country: Country) -> None:
    country.people(8, "DISPUTED")
    country.deliver()
    country.decide()
    assert (country.job(), country.status) == (1, "WAIVED")
    country.decide(until=False)
    assert (country.job(), country.status, country.job()) == (1, "DISPUTED", 0)


def test_what_people_says_next_counts_and_is_waived_again(country: Country) -> None:
    country.decide()
    assert (country.job(), country.status) == (1, "WAIVED")
    country.people(9, "RESOLVED")
    assert country.status == "RESOLVED"
    country.job()
    assert country.status == "RESOLVED"
    country.people(11, "OPEN")
    assert country.status == "OPEN"
    assert (country.job(), country.status) == (1, "WAIVED")


def test_a_message_of_the_job_behind_a_newer_one_is_not_the_topics_last_word(country: Country) -> None:
    country.decide()
    country.people(9, "RESOLVED")
    country.job()  # has not seen it yet
    assert (country.status, country.last_of_topic) == ("RESOLVED", "WAIVED")
    assert country.job() == 1
    assert (country.status, country.last_of_topic) == ("RESOLVED", "RESOLVED")
    assert country.job() == 0


def test_a_replayed_message_of_people_does_not_end_a_waiver(country: Country) -> None:
    country.decide()
    assert (country.job(), country.status) == (1, "WAIVED")
    country.people(7, "OPEN")
    assert country.status == "WAIVED"
