"""What the ministry tells an agent: answers on `hemis.control.<inst>`, findings on `hemis.findings.<inst>`.

Read by assignment, so that the agent's user needs no consumer group. A thread reads; the agent looks when it likes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from producers.hello import Answer, answer
from producers.publisher import translated
from schemas.codec import codec
from schemas.errors import DecodeError
from schemas.topics import CHANGES, CONTROL, FINDINGS


class Inbox:
    """Answers in order of arrival, and the number of open findings."""

    def __init__(self, config: dict[str, Any], institution: str) -> None:
        self.answers: deque[Answer] = deque(maxlen=100)
        self._open: set[str] = set()
        self._control = CONTROL.name_for(institution)
        self._findings = FINDINGS.name_for(institution)
        self._changes = CHANGES.name_for(institution)
        self._stop = Event()
        self._refused: KafkaError | None = None
        self._consumer = Consumer(
            config
            | {
                # The client insists on a name; nothing is ever committed to it.
                "group.id": f"hemis-agent-{institution}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 500,
                "fetch.error.backoff.ms": 100,
                "queued.max.messages.kbytes": 4096,
                "error_cb": self._on_error,
            }
        )
        self._thread = Thread(target=self._run, name="inbox", daemon=True)

    @property
    def findings_open(self) -> int:
        return len(self._open)

    def changes_end(self, wait: float = 5.0) -> int:
        """The end offset of the institution's changes topic.

        Raises:
            HemisError: E401 transient; E402, E403, E404.
        """
        try:
            return int(self._consumer.get_watermark_offsets(TopicPartition(self._changes, 0), timeout=wait)[1])
        except KafkaException as error:
            self._consumer.poll(0)
            raise translated(self._refused or error.args[0]) from error

    def _on_error(self, error: KafkaError) -> None:
        """A wrong password shows here only; the calls just run out of time."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
            self._refused = error

    def start(self) -> None:
        """Read what comes from now on; findings from their beginning."""
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(self._control, 0), timeout=5.0)
        except KafkaException:
            end = OFFSET_END
        self._consumer.assign(
            [TopicPartition(self._control, 0, end), TopicPartition(self._findings, 0, OFFSET_BEGINNING)]
        )
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            messages = self._consumer.consume(1, 0.2)  # asking for many would wait out the time for the rest
            if messages:
                messages += self._consumer.consume(500, 0)
            for message in messages:
                if message.error() or message.value() is None:
                    continue
                self._take(message.topic(), message.key(), message.value())

    def _take(self, topic: str, key: bytes | None, value: bytes) -> None:
        try:
            if topic == self._control and key == b"hello":
                self.answers.append(answer(value))
            elif topic == self._findings:
                finding, _ = codec("vn.hemis.Finding").decode(value, 5)
                if finding["status"] == "OPEN":
                    self._open.add(finding["finding_id"])
                else:
                    self._open.discard(finding["finding_id"])
        except DecodeError:
            return  # what RECORDS can't have written concerns no agent

    def wait(self, fits: Callable[[Answer], bool], seconds: float, waiting: Callable[[], None]) -> Answer | None:
        """The first answer that fits; None if there is none in time."""
        end = time.monotonic() + seconds
        while True:
            while self.answers:
                if fits(found := self.answers.popleft()):
                    return found
            if time.monotonic() > end or self._stop.wait(0.02):
                return None
            waiting()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._consumer.close()
