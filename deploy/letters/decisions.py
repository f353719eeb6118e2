"""What was decided about dead letters: replayed or discarded, up to which attempt. Kept longer than any letter.

A letter is open until something was decided about its bytes at its count of attempts or a higher one; one that comes back from a
replay counts one more, and is open again. A replay is an order first and a decision after: what a crash leaves between them
is read from the orders topics.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from confluent_kafka import KafkaError, Message, Producer

from deploy.kafka import TIMEOUT_SECONDS, Refusals, kafka_errors, read_to_end, translated
from deploy.letters.letter import Content, Letter
from deploy.subscribe import Reader
from schemas.errors import HemisError
from schemas.registry import Registry
from schemas.settings import OperatorSettings
from schemas.topics import LETTER_DECISIONS, ORDERS

Kind = Literal["replayed", "discarded"]


@dataclass(frozen=True)
class Decision:
    """`attempts`: the count of the letter that it was made for."""

    kind: Kind
    attempts: int
    at: float
    actor: str
    reason: str = ""

    def settles(self, letter: Letter) -> bool:
        return letter.attempts <= self.attempts


Decisions = Mapping[Content, Decision]


def read(settings: OperatorSettings, institutions: Iterable[str]) -> dict[Content, Decision]:
    """The last decision about each content, of these institutions.

    Raises:
        HemisError E401 … E409.
    """
    codes = {code for code in institutions if code}
    found = _ordered(settings, codes)
    for message in read_to_end(settings, [LETTER_DECISIONS.name]):
        key, value = message.key(), message.value()
        if key is None or value is None or (code := key.decode()) not in codes:
            continue
        said = json.loads(value)
        content = code, bytes.fromhex(said.pop("content"))
        decision = Decision(**said)
        if content not in found or decision.attempts >= found[content].attempts:
            found[content] = decision
    return found


def _ordered(settings: OperatorSettings, codes: set[str]) -> dict[Content, Decision]:
    """Replays as far back as the orders topics reach."""
    reader = Reader(Registry(settings.registry_url, Path(settings.data) / "schemas"))
    names = {ORDERS.name_for(code): code for code in codes}
    found: dict[Content, Decision] = {}
    for message in read_to_end(settings, names):
        value = message.value()
        if value is None or (order := reader.read(value)[1])["kind"] != "REPLAY":
            continue
        code = names[message.topic() or ""]
        content = Letter("", "", code, "", "", 0, 0, order["key"], order["payload"]).content
        decision = Decision("replayed", int(order["argument"] or 0), order["ordered_at"] / 1e6, order["actor"])
        if content not in found or decision.attempts >= found[content].attempts:
            found[content] = decision
    return found


class Writer:
    """Writes decisions; `flush` says that the broker has them."""

    def __init__(self, settings: OperatorSettings) -> None:
        self._refusals = Refusals(settings)
        more = {
            "acks": "all",
            "enable.idempotence": True,
            "allow.auto.create.topics": False,
            "message.timeout.ms": int(TIMEOUT_SECONDS * 1000),
            "compression.type": "lz4",
            "linger.ms": 5,
        }
        self._refusals.client = self._producer = Producer(settings.kafka(error_cb=self._refusals, **more))
        self._actor = settings.who
        self._failed: KafkaError | None = None
        with kafka_errors(self._refusals):
            found = self._producer.list_topics(LETTER_DECISIONS.name, timeout=TIMEOUT_SECONDS)
        if found.topics[LETTER_DECISIONS.name].error is not None:
            raise HemisError("E404", "hemis national makes it", topic=LETTER_DECISIONS.name)

    def put(self, letter: Letter, kind: Kind, reason: str = "") -> None:
        institution, digest = letter.content
        said: dict[str, Any] = {
            "content": digest.hex(),
            "kind": kind,
            "attempts": letter.attempts,
            "at": time.time(),
            "actor": self._actor,
            "reason": reason,
        }
        value = json.dumps(said, ensure_ascii=False).encode()
        while True:
            try:
                self._producer.produce(
                    LETTER_DECISIONS.name, value, institution.encode(), 0, on_delivery=self._delivered
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self) -> None:
        """Raises HemisError E401 … E409: some may be missing."""
        with kafka_errors(self._refusals):
            left = self._producer.flush(2 * TIMEOUT_SECONDS)
        if self._failed is not None:
            raise translated(self._failed, topic=LETTER_DECISIONS.name)
        if left:
            raise HemisError("E407", topic=LETTER_DECISIONS.name)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failed = error
