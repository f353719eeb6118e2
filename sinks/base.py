"""What a sink is. The delivery gives it runs of messages; it applies them with their offsets in one transaction (P1, P4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

Message = tuple[bytes, bytes | None]
"""Key and value as on the topic; a value None asks for legal erasure of the record."""


class Partition(NamedTuple):
    topic: str
    number: int
    topic_id: str


@dataclass(frozen=True)
class Run:
    """Messages of one partition, in order. The sink applies them only if `expected` is its stored place, and stores `next`.

    `at`: when a former copy of the store applied them, for its history; None: now. All runs of one transaction have the same.
    """

    partition: Partition
    expected: int
    next: int
    messages: Sequence[Message]
    at: datetime | None = None


@dataclass
class Applied:
    """What a transaction did. `applied` counts rows that were newer, per target; `live` holds (record key, changed_at in
    µs) of each event that was not read by a load, whatever became of it."""

    read: dict[str, int] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)
    live: list[tuple[bytes, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Refused:
    """A message that can't be stored: `run` and `index` say which, `code` is of the error catalogue (1xx)."""

    run: int
    index: int
    code: str
    reason: str


class Undecodable(Exception):
    """Nothing was applied: the caller puts these messages into the dead letters and applies the rest."""

    def __init__(self, refused: Sequence[Refused]) -> None:
        super().__init__(f"{len(refused)} messages can't be stored")
        self.refused = refused


class Fenced(Exception):
    """Nothing was applied: a place in the store is not the expected one. Another sink has the partition, or an earlier
    transaction was committed although its answer got lost. The caller reads the places again."""


@dataclass(frozen=True)
class Capabilities:
    """`durable`: survives the process. `concurrent`: several processes may write. `history`: replaced versions are kept."""

    durable: bool
    concurrent: bool
    history: bool


class Sink(Protocol):
    """Every method raises a transient HemisError while the store can't be reached; the call may then be repeated."""

    @property
    def capabilities(self) -> Capabilities: ...

    def places(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """The first offset not yet applied of each partition; 0 for a new partition and for a topic made anew.

        Asked for again and again: it writes nothing that is there already.
        """
        ...

    def apply(self, runs: Sequence[Run]) -> Applied:
        """Apply all runs, or nothing. For each key the newest version wins, replays change nothing.

        Raises:
            Undecodable, Fenced: nothing was applied.
        """
        ...

    def close(self) -> None: ...
