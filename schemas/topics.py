"""Every topic, declared once: name, partitions, cleanup and who may read and write it.

Provisioning, the reference page and the access tests follow this file. `{institution}` in a name makes one topic per
institution, with one partition: a total order per institution.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

Role = Literal["agent", "records", "people", "matcher", "sink", "reader", "operator"]
DAY_MS = 86_400_000
FOR_EVER = -1

PARTITIONS = 4
"""P, the partitions of clean, golden and claims topics, unless provisioning says otherwise."""


@dataclass(frozen=True)
class Topic:
    """A declared topic. `partitions` None means P. `dense`: no compaction and no transactions, so that offsets have no holes."""

    name: str
    doc: str
    cleanup: Literal["delete", "compact"]
    readers: tuple[Role, ...]
    writers: tuple[Role, ...]
    partitions: int | None = None
    retention_ms: int | None = None
    config: dict[str, str] = field(default_factory=dict)
    dense: bool = False

    @property
    def scope(self) -> Literal["institution", "national"]:
        return "institution" if "{institution}" in self.name else "national"

    def name_for(self, institution: str) -> str:
        return self.name.format(institution=institution)

    @property
    def prefix(self) -> str:
        """The name up to the institution, ending in a dot; rights for all institutions are given on it."""
        return self.name.partition("{institution}")[0]


_COMPACT = {"min.compaction.lag.ms": str(14 * DAY_MS), "delete.retention.ms": str(14 * DAY_MS)}
_STATE = {"delete.retention.ms": str(7 * DAY_MS), "segment.bytes": str(64 << 20)}
STORED = "stored"
"""Header of a canary's clean message: the broker's time of its event, in ms as decimal text."""
MAX_EVENT_BYTES = 1_000_000
"""Largest event the bus carries; a changes topic takes more, so that what is too large still reaches the dead letters."""
_LARGE = {"max.message.bytes": str(8 << 20)}
_DERIVED = {"max.message.bytes": str(9 << 20)}
"""What RECORDS derives from an event is a little larger than the event."""

CHANGES = Topic(
    "hemis.changes.{institution}",
    "What an institution's agent captured.",
    "delete",
    ("records", "operator"),
    ("agent",),
    partitions=1,
    retention_ms=14 * DAY_MS,
    # The broker's time of an event: no agent's clock tells how long it took to come here.
    config={**_LARGE, "message.timestamp.type": "LogAppendTime"},
    dense=True,
)
ORDERS = Topic(
    "hemis.orders.{institution}",
    "The ministry's orders to RECORDS about one institution.",
    "delete",
    ("records", "matcher", "operator"),
    ("operator", "sink"),
    partitions=1,
    retention_ms=14 * DAY_MS,
    config=_LARGE,
    dense=True,
)
QUIET = "quiet"
"""Argument of an order TOUCH without a key: the institution is suspended or leaves, so its canary and manifests are taken back. No kind
of its own, since programs that do not know it must be able to read the order."""
STATE = Topic(
    "hemis.state.{institution}",
    "RECORDS' changelog: record states, place and ledger.",
    "compact",
    ("records",),
    ("records",),
    partitions=1,
    config={**_STATE, **_DERIVED},
)
CONTROL = Topic(
    "hemis.control.{institution}",
    "RECORDS' answers to the agent.",
    "compact",
    ("agent", "records", "operator"),
    ("records",),
    partitions=1,
)
FINDINGS = Topic(
    "hemis.findings.{institution}",
    "What is wrong with the institution's records.",
    "compact",
    ("agent", "sink", "records", "people", "operator"),
    ("records", "people", "matcher", "sink"),
    partitions=1,
    config=_COMPACT,
)
CLEAN = Topic(
    "hemis.clean.{entity}",
    "The newest state of every record of an entity.",
    "compact",
    ("sink", "reader", "operator"),
    ("records",),
    config={**_COMPACT, **_DERIVED},
)
GOLDEN = Topic(
    "hemis.golden.person",
    "One golden person out of many claims.",
    "compact",
    ("sink", "reader", "operator"),
    ("people",),
    config={**_COMPACT, **_DERIVED},
)
CLAIMS = Topic(
    "hemis.claims",
    "Institutions' person records as claims about a person.",
    "delete",
    ("people", "matcher", "operator"),
    ("records",),
    retention_ms=14 * DAY_MS,
    config=_DERIVED,
    dense=True,
)
PEOPLE_STATE = Topic(
    "hemis.people-state",
    "PEOPLE's changelog: claims per person, and places.",
    "compact",
    ("people",),
    ("people",),
    config={**_STATE, **_DERIVED},
)
MATCHER_STATE = Topic(
    "hemis.matcher-state",
    "MATCHER's changelog: what it compares of every claim, open candidates, decisions, and places.",
    "compact",
    ("matcher",),
    ("matcher",),
    partitions=1,
    config={**_STATE, **_DERIVED},
)
PROGRESS = Topic(
    "hemis.progress",
    "How far sink and PEOPLE are; RECORDS' admission reads it.",
    "compact",
    ("records", "sink", "people", "operator"),
    ("sink", "people"),
    partitions=1,
    config={"segment.ms": "600000"},
)
DEAD_LETTERS = Topic(
    "hemis.dead-letters",
    "What could not be decoded, typed, keyed or authorised, byte for byte.",
    "delete",
    ("operator", "sink"),
    ("records", "people", "sink"),
    partitions=4,
    retention_ms=90 * DAY_MS,
    config={"max.message.bytes": str(10 << 20)},
)
LETTER_DECISIONS = Topic(
    "hemis.letter-decisions",
    "Which dead letters were replayed or discarded, by whom; kept longer than any letter.",
    "delete",
    ("operator",),
    ("operator",),
    partitions=1,
    retention_ms=120 * DAY_MS,
)
PROBE = Topic(
    "hemis.probe",
    "What `hemis doctor` and `hemis bundle` write, to see that the broker takes messages and what time it has.",
    "delete",
    ("operator",),
    ("operator",),
    partitions=1,
    retention_ms=3_600_000,
    config={"message.timestamp.type": "LogAppendTime"},
)

AUDIT = Topic(
    "hemis.audit",
    "Who did what, when, and how it ended; JSON. Kept for ever.",
    "delete",
    ("operator",),
    ("operator",),
    partitions=1,
    retention_ms=FOR_EVER,
)

TOPICS: tuple[Topic, ...] = (
    CHANGES,
    ORDERS,
    STATE,
    CONTROL,
    FINDINGS,
    CLEAN,
    GOLDEN,
    CLAIMS,
    PEOPLE_STATE,
    MATCHER_STATE,
    PROGRESS,
    DEAD_LETTERS,
    AUDIT,
    LETTER_DECISIONS,
    PROBE,
)


def clean_topic(entity: str) -> str:
    """The clean topic of an entity."""
    return f"hemis.clean.{entity}"


def institution_of(topic: str) -> str:
    """The institution that a per-institution topic belongs to: who sent it is who may write the topic (P6)."""
    return topic.rsplit(".", 1)[1]


def partition_of(key: bytes, partitions: int) -> int:
    """The one partitioner, for every keyed topic: clients' defaults differ, so no client's default is used."""
    return crc32(key) % partitions


def slot_of(institution: str, partitions: int) -> int:
    """The partition of an institution's records in clean topics: one institution, one partition, so its order holds."""
    return partition_of(institution.encode(), partitions)
