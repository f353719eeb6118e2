"""A dead letter as the operator sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from deploy.kafka import read_to_end
from deploy.subscribe import Reader
from schemas.errors import HemisError
from schemas.registry import Registry
from schemas.settings import OperatorSettings
from schemas.topics import CHANGES, DEAD_LETTERS, ORDERS

MOST_ATTEMPTS = 5
"""A letter that came back more often is not replayed: the same bytes would come back again."""

Content = tuple[str, bytes]


@dataclass(frozen=True)
class Letter:
    """A dead letter. `position` is its own, `origin` where its bytes were read; both are topic:partition:offset."""

    position: str
    origin: str
    institution: str
    code: str
    reason: str
    found_at: int
    attempts: int
    key: bytes | None
    value: bytes | None

    @property
    def content(self) -> Content:
        """Equal for letters about the same bytes: one that was replayed in vain comes again under another position."""
        digest = sha256(b"%d:" % len(self.key or b"") + (self.key or b"") + (self.value or b""))
        return self.institution, digest.digest()

    @property
    def refusal(self) -> HemisError | None:
        """Why it can't be replayed; None if it can."""
        if self.attempts > MOST_ATTEMPTS:
            return HemisError("E702", position=self.position, attempts=self.attempts)
        if self.value is None or not self.origin.startswith((CHANGES.prefix, ORDERS.prefix)):
            return HemisError("E703", position=self.position, origin=self.origin)
        return None

    def facts(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "origin": self.origin,
            "institution": self.institution,
            "code": self.code,
            "reason": self.reason,
            "found_at": datetime.fromtimestamp(self.found_at / 1e6, UTC).isoformat(timespec="seconds"),
            "attempts": self.attempts,
            "bytes": len(self.value or b""),
        }


def read(settings: OperatorSettings, wanted: Iterable[str | TopicPartition] = (DEAD_LETTERS.name,)) -> Iterator[Letter]:
    """Every letter that the topic still has, or that these of its partitions have from an offset on.

    Raises:
        HemisError E401 … E409.
    """
    reader = Reader(Registry(settings.registry_url, Path(settings.data) / "schemas"))
    for message in read_to_end(settings, wanted):
        value = message.value()
        if value is None:
            continue
        said = reader.read(value)[1]
        yield Letter(
            f"{message.topic()}:{message.partition()}:{message.offset()}",
            f"{said['topic']}:{said['partition']}:{said['offset']}",
            said["institution"],
            said["code"],
            said["reason"],
            said["found_at"],
            said["attempts"],
            said["key"],
            said["value"],
        )


def find(letters: Iterable[Letter], position: str) -> Letter:
    """The newest letter at a position.

    Raises:
        HemisError E701: there is none.
    """
    found = [letter for letter in letters if position in (letter.position, letter.origin)]
    if not found:
        raise HemisError("E701", position=position)
    return max(found, key=lambda letter: letter.found_at)


def newest(letters: Iterable[Letter], letter: Letter) -> Letter:
    """The letter about the same bytes with the highest count of attempts."""
    return max((one for one in letters if one.content == letter.content), key=lambda one: one.attempts)
