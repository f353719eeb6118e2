"""Admission (P5): how far sink and PEOPLE are, and which institution is further ahead of them than its share.

What an institution has had written lies in partitions that others use too. If sink or PEOPLE is late with it, the institution is
paused and the rest waits in its own topic, where it is in nobody's way. A dead sink thus stops RECORDS.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from threading import Event, Thread
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from schemas.codec import HEADER_SIZE, codec
from schemas.errors import DecodeError
from schemas.topics import CLAIMS, PROGRESS

Partition = tuple[str, int]


class Progress:
    """Tails hemis.progress in a thread; `place[topic, partition]` is the first offset not yet done by the stage that reads it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.place: dict[Partition, int] = {}
        self._moved: dict[int, float] = {}
        self._config = {
            **config,
            "group.id": "hemis-records-progress",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
        }
        self._stop = Event()
        self._thread = Thread(target=self._tail, name="progress", daemon=True)
        self._thread.start()

    def _tail(self) -> None:
        consumer = Consumer(self._config)
        consumer.assign([TopicPartition(PROGRESS.name, 0, 0)])
        decode = codec("vn.hemis.Progress").decode
        while not self._stop.is_set():
            messages = consumer.consume(1, 0.2)  # asking for many would wait out the time for the rest
            if messages:
                messages += consumer.consume(1000, 0)
            for message in messages:
                if message.error() or (value := message.value()) is None:
                    continue
                try:
                    said, _ = decode(value, HEADER_SIZE)
                except DecodeError:
                    continue
                at = said["topic"], said["partition"]
                if said["place"] > self.place.get(at, -1) and said["topic"].startswith("hemis.clean."):
                    self._moved[said["partition"]] = time.monotonic()
                self.place[at] = said["place"]
        consumer.close()

    def others_move(self, slot: int, within: float) -> bool:
        """Did the sink work for other slots than this one within so many seconds? Then somebody shares it."""
        now = time.monotonic()
        return any(now - at < within for partition, at in list(self._moved.items()) if partition != slot)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)


WINDOW_SECONDS = 2.0
SHARE = 500
"""Records that an institution may have had in the last window, and still go on as they come. Who has more takes its turns (P5)."""
SHARED_RUN = 100
"""While others are active, the run of an institution that has had its share is short, and it goes on only when all that it wrote is
done, and after a rest as long as that took: the others find every stage free half of the time, for every few milliseconds.
Shorter than what sink and transport take for a stream that is worth waiting for (their `REST_AFTER`)."""
REST_SECONDS = 0.03
"""Least rest of one whose last run was shorter, since it keeps up: few larger runs cost the others less than many small ones."""


class Ahead:
    """One institution's outputs that sink or PEOPLE have not reached yet, oldest first; and how much it has had lately."""

    def __init__(self) -> None:
        self._took = self._done_at = self._least_rest = 0.0
        self._had: deque[tuple[float, int]] = deque()
        self._written: deque[tuple[float, dict[Partition, int]]] = deque()

    def wrote(self, last_offsets: Mapping[Partition, int], *, began: float, records: int) -> None:
        """A unit of work of so many records that began then was acknowledged: its last offset in each partition that somebody
        downstream reports on."""
        self._had.append((began, records))
        self._least_rest = REST_SECONDS if 0 < records < SHARED_RUN else 0.0
        watched = {tp: o for tp, o in last_offsets.items() if tp[0].startswith("hemis.clean.") or tp[0] == CLAIMS.name}
        if watched:
            self._written.append((began, watched))
        else:
            self._done(began)

    def left(self) -> int:
        """What is left of its share: a late institution with little to say must not be taken for one that loads."""
        since = time.monotonic() - WINDOW_SECONDS
        while self._had and self._had[0][0] < since:
            self._had.popleft()
        return max(SHARE - sum(records for _, records in self._had), 0)

    def seconds(self, place: Mapping[Partition, int]) -> float:
        """Age of the oldest output that is not done; 0 if all is done."""
        while self._written:
            at, offsets = self._written[0]
            if any(place.get(tp, 0) <= offset for tp, offset in offsets.items()):
                return time.monotonic() - at
            self._written.popleft()
            self._done(at)
        return 0.0

    def _done(self, began: float) -> None:
        self._done_at = time.monotonic()
        self._took = self._done_at - began

    def rests(self) -> bool:
        """Is all done for less long than it is to rest?"""
        return time.monotonic() - self._done_at < max(self._took, self._least_rest)
