"""What the ministry tells an agent: answers on `hemis.control.<inst>`, findings on `hemis.findings.<inst>`.

Read by assignment, so that the agent's user needs no consumer group. A thread reads; the agent looks when it likes.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.findings import FindingStore
from producers.hello import Answer, answer
from producers.publisher import translated
from schemas.broker import REFUSALS, refusal
from schemas.errors import DecodeError
from schemas.logs import log
from schemas.topics import CHANGES, CONTROL, FINDINGS


class Inbox:
    """Answers in order of arrival, and the findings, which are kept in `folder`."""

    def __init__(self, config: Callable[[], dict[str, Any]], institution: str, folder: Path) -> None:
        """`config` is asked again when the broker refuses the password: its file may have been replaced meanwhile."""
        self.answers: deque[Answer] = deque(maxlen=100)
        self.findings = (0, 0, 0)
        """Open now; opened and closed since the start."""
        self._folder = folder
        self._store: FindingStore | None = None
        self._findings_end = 0
        self._control = CONTROL.name_for(institution)
        self._findings = FINDINGS.name_for(institution)
        self._changes = CHANGES.name_for(institution)
        self._config = config
        self._given = config()
        self._stop = Event()
        self._refused: KafkaError | None = None
        self._consumer = Consumer(
            self._given
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

    def changes_end(self, wait: float = 5.0) -> int:
        """The end offset of the institution's changes topic.

        Raises:
            HemisError: E401, E409 transient; E402, E403, E404, E408.
        """
        try:
            return int(self._consumer.get_watermark_offsets(TopicPartition(self._changes, 0), timeout=wait)[1])
        except KafkaException as error:
            self._consumer.poll(0)
            kafka = self._refused or error.args[0]
            raise refusal(kafka, self._given) or translated(error.args[0]) from error

    def _on_error(self, error: KafkaError) -> None:
        """A refusal shows here only; the calls just run out of time."""
        if error.code() in REFUSALS:
            self._refused = error

    def _log_in_again(self) -> None:
        """With the password that the file holds now. Not in the refusal's callback: librdkafka's binding ends the process there."""
        if self._refused is None or REFUSALS[self._refused.code()] != "E402":
            return
        fresh = self._config()
        if fresh["sasl.password"] != self._given["sasl.password"]:
            self._given, self._refused = fresh, None
            self._consumer.set_sasl_credentials(fresh["sasl.username"], fresh["sasl.password"])

    def start(self) -> None:
        """Read what comes from now on; findings from their beginning."""
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(self._control, 0), timeout=5.0)
            _, self._findings_end = self._consumer.get_watermark_offsets(TopicPartition(self._findings, 0), timeout=5.0)
        except KafkaException:
            end = OFFSET_END
            self._findings_end = -1
        self._consumer.assign(
            [TopicPartition(self._control, 0, end), TopicPartition(self._findings, 0, OFFSET_BEGINNING)]
        )
        self._thread.start()

    def _run(self) -> None:
        self._store = self._opened()
        try:
            while not self._stop.is_set():
                messages = self._consumer.consume(1, 0.2)  # asking for many would wait out the time for the rest
                if messages:
                    messages += self._consumer.consume(500, 0)
                self._take([message for message in messages if not message.error()])
                self._log_in_again()
        finally:
            if self._store is not None:
                self._store.close()

    def _opened(self) -> FindingStore | None:
        try:
            return FindingStore(self._folder)
        except sqlite3.Error as error:
            self._unstored(error)
            return None

    def _unstored(self, error: sqlite3.Error) -> None:
        """Answers of RECORDS matter more than the list of findings: the agent goes on without it until its next start."""
        self._store = None
        log("error", "findings can't be stored", action="look at the disk, then restart the agent", error=str(error))

    def _take(self, messages: list[Message]) -> None:
        values = [(m.topic(), m.key(), m.value()) for m in messages]
        for topic, key, value in values:
            if topic == self._control and key == b"hello" and value is not None:
                with suppress(DecodeError):  # what RECORDS can't have written concerns no agent
                    self.answers.append(answer(value))
        if self._store is None:
            return
        try:
            found = [value for topic, _, value in values if topic == self._findings and value is not None]
            if found:
                self._store.take(found)
            if self._findings_end >= 0 and self._place() >= self._findings_end:
                self._store.whole()
                self._findings_end = -1
            self.findings = (self._store.open, self._store.opened, self._store.closed)
        except sqlite3.Error as error:
            self._unstored(error)

    def _place(self) -> int:
        (partition,) = self._consumer.position([TopicPartition(self._findings, 0)])
        return max(0, int(partition.offset))

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
