"""What MATCHER holds of all claims: one matcher, in memory, made from the state at the start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stream_processors.identity import comparison
from stream_processors.identity.matcher import Matcher
from stream_processors.people.claim import Claim
from stream_processors.store import Store

UNIT = "all"
"""The one unit: look-alikes are in any partition of claims, so one worker has them all; a second one stands by."""
ROWS, PAIRS, APART = b"all/r/", b"all/p/", b"all/a/"
ACCOUNT = b"all!account"
SEPARATOR = "\x1f"
Row = dict[str, str]


@dataclass
class Account:
    """What holds for the stage as a whole. `places`: by topic and partition."""

    places: dict[str, int] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=dict)
    generation: int = 0

    @property
    def place(self) -> int:
        """Grows with every message of any topic: the findings' place, so that the newest is known whichever topic brought it."""
        return sum(self.places.values())

    def copy(self) -> Account:
        return Account(dict(self.places), dict(self.topic_ids), self.generation)


@dataclass
class Known:
    """A record's newest claim. `row` None: it is retracted."""

    version: list[int]
    person_key: str
    row: Row | None

    def raw(self) -> bytes:
        return json.dumps([self.version, self.person_key, self.row], ensure_ascii=False, separators=(",", ":")).encode()


def pair(record: str, other: str) -> bytes:
    """Where it is noted that two records are candidates; of `other` the beginning of all of a record's."""
    return PAIRS + SEPARATOR.join((record, other)).encode()


def proposed(store: Store) -> list[str]:
    """Records with open candidates."""
    return sorted({key[len(PAIRS) :].decode().partition(SEPARATOR)[0] for key, _ in store.scan(PAIRS)})


def known(raw: bytes | None) -> Known | None:
    return Known(*json.loads(raw)) if raw else None


class Memory:
    """The matcher, and whose claim each record is."""

    def __init__(self, store: Store) -> None:
        self.matcher = Matcher(comparison.load())
        self.person_keys: dict[str, str] = {}
        raw = store.get(ACCOUNT)
        self.account = Account(**json.loads(raw)) if raw else Account()
        for key, value in store.scan(ROWS):
            if (found := known(value)) is not None:
                self.put(key[len(ROWS) :].decode(), found)
        self._lessons = self.matcher.lessons
        self.again = proposed(store)
        """Records with open candidates that are to be looked at once more, because parameters have moved since."""

    def after_a_lesson(self, store: Store) -> None:
        """Whom the young parameters took for one person may be two by now, and neither record need ever change."""
        if self._lessons != self.matcher.lessons:
            self._lessons = self.matcher.lessons
            self.again = proposed(store)

    def put(self, record: str, now: Known | None) -> None:
        """This is the record's newest claim."""
        if now is None or now.row is None:
            self.person_keys.pop(record, None)
            if record in self.matcher:
                self.matcher.remove(record)
        else:
            self.person_keys[record] = now.person_key
            self.matcher.add(record, now.row)


def row_of(claim: Claim) -> Row:
    """The columns of the comparison that a claim fills."""
    value = claim.value()
    person: Mapping[str, Any] = value["person"]
    named = {
        "full_name": person["full_name"],
        "sex": person["sex"],
        "birth_date": person["birth_date"],
        "birth_province": person["birth_province"],
        "citizen_number": person["citizen_number"] or person["document_number"],
        "phone": value["phone"],
        "institution": claim.record_key.partition("/")[0],
    }
    return {name: text for name, text in named.items() if text}
