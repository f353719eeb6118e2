"""The store after a restore: what the changelog says, the later message of a key, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition

from schemas import envelope
from schemas.envelope import CANCEL, UPDATE
from stream_processors import store as stores
from stream_processors.records import row
from stream_processors.records.institution import Indexes
from stream_processors.records.row import Open
from stream_processors.store import Changelog, Store, offset_key, offset_note
from tests.unit.stream_processors.bench_of_records import Bench

UNIT = b"UNI-A"
PREFIXES = (b"UNI-A/", b"UNI-A!")
TOPIC = "hemis.state.UNI-A"


@dataclass
class Said:
    """A message of the log."""

    at: int
    name: bytes | None
    text: bytes | None
    wrong: str | None = None

    def key(self) -> bytes | None:
        return self.name

    def value(self) -> bytes | None:
        return self.text

    def error(self) -> str | None:
        return self.wrong


class Log:
    """A consumer of one partition; compaction has left holes between the messages. Gives at most two at once."""

    def __init__(self, messages: list[Said], end: int, low: int = 0) -> None:
        self.messages, self.end, self.low = messages, end, low
        self.at = -1001
        self.began: list[int] = []

    def get_watermark_offsets(self, _: TopicPartition, timeout: float) -> tuple[int, int]:
        return self.low, self.end

    def assign(self, parts: list[TopicPartition]) -> None:
        self.at = parts[0].offset
        self.began.append(self.at)

    def unassign(self) -> None:
        self.at = -1001

    def consume(self, most: int, _: float) -> list[Said]:
        found = [message for message in self.messages if message.at >= self.at][: min(most, 2)]
        if found:
            self.at = found[-1].at + 1
        return found

    def position(self, parts: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(parts[0].topic, parts[0].partition, self.at)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state")
    yield made
    made.close()


def restore(monkeypatch: pytest.MonkeyPatch, store: Store, log: Log, topic_id: str = "id") -> int:
    monkeypatch.setattr(stores, "Consumer", lambda _: log)
    monkeypatch.setattr(stores, "Message", Said)
    return Changelog({}, "group").restore(store, UNIT, PREFIXES, TOPIC, 0, topic_id, lambda _: {})


def log() -> Log:
    said = [(0, b"UNI-A/a", b"1"), (3, b"UNI-A/b", b"1"), (4, b"UNI-A/a", b"2"), (5, b"UNI-A/b", None), (9, b"UNI-A!account", b"{}")]  # fmt: skip
    return Log([Said(*each) for each in said], end=10)


def test_the_later_message_of_a_key_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert restore(monkeypatch, store, log()) == 5
    note = offset_note("id", 10)
    assert dict(store.scan(b"UNI-A")) == {b"UNI-A/a": b"2", b"UNI-A!account": b"{}", offset_key(UNIT): note}


def test_only_what_is_new_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write({b"UNI-A/c": b"1", offset_key(UNIT): offset_note("id", 9)})
    whole = log()
    assert restore(monkeypatch, store, whole) == 1
    assert whole.began == [9]
    assert store.get(b"UNI-A/c") == b"1"
    assert restore(monkeypatch, store, log()) == 0


@pytest.mark.parametrize("note", [offset_note("another", 9), offset_note("id", 11)], ids=["other topic", "ahead"])
def test_a_store_of_another_log_is_thrown_away(store: Store, monkeypatch: pytest.MonkeyPatch, note: bytes) -> None:
    store.write({b"UNI-A/c": b"1", b"UNI-A!wait/c": b"[]", b"UNI-B/c": b"1", offset_key(UNIT): note})
    assert restore(monkeypatch, store, log()) == 5
    assert store.get(b"UNI-A/c") is None
    assert store.get(b"UNI-A!wait/c") is None
    assert store.get(b"UNI-B/c") == b"1"


def test_an_error_stops_it_and_what_was_read_before_stays_noted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = log()
    broken.messages[2:] = [Said(4, None, b"not available", "not available")]
    with pytest.raises(KafkaException):
        restore(monkeypatch, store, broken)
    assert store.get(offset_key(UNIT)) == offset_note("id", 4)


def test_waiting_records_and_links_are_indexed(bench: Bench) -> None:
    raw = bench.event("learner", 1, 1, person="UNI-A/person/1")[1]
    key, entry = b"UNI-A/learner/1", b"UNI-A!wait/UNI-A/learner/1"
    link = {b"UNI-A!child/UNI-A/person/1\x1fUNI-A/learner/1": b"", b"UNI-A!child0": b""}
    given = row.stamped(raw, envelope.read(raw), 1, 2)
    waits = row.dump(given._replace(open=(Open("V26", ("person",), "UNI-A/person/1", (), 1),)))
    index = Indexes("UNI-A", bench.store, bench.contract)
    messages = {key: waits, b"UNI-A!account": b"{}", b"UNI-A/learner/2": None}
    assert index(messages) == {entry: b'["UNI-A/person/1"]'} | link
    assert index({key: row.dump(given)}) == {entry: None} | link
    assert index({key: row.dump(given)}) == link


@pytest.mark.parametrize("person", ["", "n:0123", "i:" + "x" * 500])
@pytest.mark.parametrize("marks", [{}, {"code": (1, 2)}])
@pytest.mark.parametrize("operation", [UPDATE, CANCEL])
@pytest.mark.parametrize("place", [1, 10_000_000])
def test_a_state_is_read_as_it_was_written_and_its_life_at_a_glance(
    bench: Bench, person: str, marks: dict[str, Any], operation: int, place: int
) -> None:
    raw = bench.event("learner", 1, 1, operation=operation)[1]
    given = row.stamped(raw, envelope.read(raw), 3, place)
    assert given.envelope.place == place
    found = (Open("V01", ("code",), "UNI-A/person/1", (("case", "x"), ("length", "3")), 5, "WAIVED"),)
    for notes in ((), found):
        for former in ((), ("GRADUATED", None)):
            noted = given._replace(marks=marks, person=person, open=notes, former=former)
            state = row.dump(noted)
            assert row.load(state) == noted
            assert row.is_live(state) == (operation != CANCEL)
