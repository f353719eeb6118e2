"""How an older copy of the national database is known, and what is known of it after restarts."""

from __future__ import annotations

from confluent_kafka import TopicPartition

from sinks.reached import APART_SECONDS, Reached

PERSON, LEARNER = ("hemis.clean.person", 0), ("hemis.clean.learner", 1)


class Broker:
    """What a group has committed, and the ends of logs."""

    def __init__(self, end: int = 1000) -> None:
        self.offsets: dict[tuple[str, int], int] = {}
        self.end = end
        self.commits = 0

    def committed(self, partitions: list[TopicPartition], timeout: float = 0.0) -> list[TopicPartition]:
        return [
            TopicPartition(p.topic, p.partition, self.offsets.get((p.topic, p.partition), -1001)) for p in partitions
        ]

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float = 0.0) -> tuple[int, int]:
        return 0, self.end

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool = True) -> None:
        self.commits += 1
        self.offsets |= {(one.topic, one.partition): one.offset for one in offsets}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_place_behind_what_was_committed_is_an_older_copys() -> None:
    broker = Broker()
    broker.offsets = {PERSON: 500, LEARNER: 70}
    reached = Reached(broker)
    reached.placed({PERSON: 400, LEARNER: 70})
    assert reached.behind == {PERSON: 500}
    reached.done({PERSON: 499})
    assert reached.behind == {PERSON: 500}
    reached.done({PERSON: 500})
    assert reached.behind == {}


def test_it_never_goes_back_over_restarts() -> None:
    broker, clock = Broker(), Clock()
    reached = Reached(broker, clock=clock)
    reached.placed({PERSON: 0})
    reached.done({PERSON: 500})
    reached.tell()
    for place in (100, 300):
        restarted = Reached(broker, clock=clock)
        restarted.placed({PERSON: place})
        restarted.done({PERSON: place + 50})
        restarted.tell(wait=True)
        assert restarted.behind == {PERSON: 500}
    assert broker.offsets == {PERSON: 500}


def test_a_topic_made_anew_makes_no_older_copy() -> None:
    """Its log ends before the offset that the group had in the former one; that offset goes."""
    broker = Broker(end=30)
    broker.offsets = {PERSON: 500}
    reached = Reached(broker)
    reached.placed({PERSON: 30})
    assert reached.behind == {}
    reached.tell()
    assert broker.offsets == {PERSON: 30}


def test_it_is_told_now_and_then() -> None:
    broker, clock = Broker(), Clock()
    reached = Reached(broker, clock=clock)
    reached.placed({PERSON: 0})
    for place in range(1, 100):
        reached.done({PERSON: place})
    assert broker.commits == 0
    clock.now = APART_SECONDS
    reached.done({PERSON: 100})
    assert (broker.commits, broker.offsets) == (1, {PERSON: 100})


def test_what_another_member_took_over_is_its_own() -> None:
    broker = Broker()
    reached = Reached(broker)
    reached.placed({PERSON: 0})
    reached.done({PERSON: 500})
    reached.forget(PERSON)
    reached.tell()
    assert (broker.offsets, reached.behind) == ({}, {})
