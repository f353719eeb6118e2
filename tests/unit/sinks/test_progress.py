"""Progress: throttled, and never without its last word."""

from __future__ import annotations

from schemas.codec import HEADER_SIZE, codec
from sinks.progress import APART_SECONDS, Progress


class Recorder:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes | None, int]] = []
        self.full = False

    def produce(self, topic: str, value: bytes | None = None, key: bytes | None = None, partition: int = -1) -> None:
        if self.full:
            raise BufferError
        record, _ = codec("vn.hemis.Progress").decode(value or b"", HEADER_SIZE)
        assert (topic, partition, record["stage"]) == ("hemis.progress", 0, "sink")
        self.sent.append((key, record["place"]))

    def poll(self, timeout: float) -> int:
        return 0


def test_places_of_one_partition_are_apart_and_the_last_is_sent() -> None:
    now = [0.0]
    producer = Recorder()
    progress = Progress(producer, 1, clock=lambda: now[0])
    for place in (1, 2, 3):
        progress.done({("t", 0): place})
        now[0] += APART_SECONDS / 4
    progress.done({("t", 1): 9})
    assert producer.sent == [(b"sink/t/0", 1), (b"sink/t/1", 9)]
    assert progress.waiting
    now[0] += APART_SECONDS
    progress.tick()
    assert producer.sent[2:] == [(b"sink/t/0", 3)]
    assert not progress.waiting


def test_at_the_end_everything_is_sent() -> None:
    producer = Recorder()
    progress = Progress(producer, 1, clock=lambda: 0.0)
    progress.done({("t", 0): 1})
    progress.done({("t", 0): 2})
    progress.tick(last=True)
    assert producer.sent == [(b"sink/t/0", 1), (b"sink/t/0", 2)]


def test_a_full_queue_keeps_the_place_for_later() -> None:
    producer = Recorder()
    producer.full = True
    progress = Progress(producer, 1, clock=lambda: 0.0)
    progress.done({("t", 0): 5})
    assert progress.waiting
    producer.full = False
    progress.tick(last=True)
    assert producer.sent == [(b"sink/t/0", 5)]
