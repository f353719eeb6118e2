"""People who stand at two universities: does the nation see that they are one, or is somebody asked?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeAlias

import psycopg

from deploy.demo.seeded import PATIENCE_SECONDS, PAUSE_SECONDS, Truth

Connection: TypeAlias = psycopg.Connection[Any]
Pair: TypeAlias = tuple[str, str]

_PROPOSED = "SELECT DISTINCT record_key, other_record FROM finding WHERE rule IN ('R03', 'R04') AND status = 'OPEN' AND record_key < other_record"
_DISPUTED = "SELECT record_key FROM finding WHERE rule = 'R02' AND status <> 'RESOLVED'"
_LOOK = "SELECT record_key, hemis_name_key(full_name), birth_date FROM person WHERE record_key = ANY (%s)"


@dataclass
class Outcome:
    """`overlooked`: pairs of one person with equal name and birth date that are neither one person nationally, nor proposed,
    nor in dispute. `left`: how many more are neither, whose files contradict each other."""

    pairs: int = 0
    joined: int = 0
    proposed: int = 0
    disputed: int = 0
    left: int = 0
    overlooked: list[Pair] = field(default_factory=list)
    candidates: int = 0
    strangers: int = 0


def judge(
    truth: Truth,
    person_keys: Mapping[str, str],
    proposed: Collection[Pair],
    disputed: Collection[str],
    looks: Mapping[str, tuple[str | None, str | None]],
) -> Outcome:
    """`person_keys` and `looks` (name and birth date) by record."""
    pairs = truth.pairs()
    fates = Counter[str]()
    outcome = Outcome(len(pairs), candidates=len(proposed), strangers=len(set(proposed) - truth.same()))
    for one, other in pairs:
        if person_keys.get(one, one) == person_keys.get(other, other):
            fates["joined"] += 1
        elif (one, other) in proposed:
            fates["proposed"] += 1
        elif one in disputed and other in disputed:
            fates["disputed"] += 1
        elif None not in (look := looks.get(one, (None, None))) and look == looks.get(other):
            outcome.overlooked.append((one, other))
        else:
            fates["left"] += 1
    outcome.joined, outcome.proposed = fates["joined"], fates["proposed"]
    outcome.disputed, outcome.left = fates["disputed"], fates["left"]
    return outcome


def compare(truth: Truth, national: Connection) -> Outcome:
    """As the national database stands now."""
    person_keys = dict(national.execute("SELECT record_key, person_key FROM person_claim").fetchall())
    proposed = {(one, other) for one, other in national.execute(_PROPOSED)}
    disputed = {record for (record,) in national.execute(_DISPUTED)}
    concerned = sorted({record for pair in truth.pairs() for record in pair})
    looks = {record: (name, born) for record, name, born in national.execute(_LOOK, [concerned])}
    return judge(truth, person_keys, proposed, disputed, looks)


def wait(truth: Truth, national: Connection, stop: Event) -> Outcome:
    """Compare until nobody is overlooked, or no further one is seen for a time: MATCHER comes after all others."""
    best, better_at = None, time.monotonic()
    while True:
        outcome = compare(truth, national)
        now, missing = time.monotonic(), len(outcome.overlooked)
        if best is None or missing < best:
            best, better_at = missing, now
        if not missing or stop.is_set() or now - better_at > PATIENCE_SECONDS:
            return outcome
        stop.wait(PAUSE_SECONDS)


def lines(outcome: Outcome) -> Iterable[str]:
    """For people."""
    yield (
        f"at two universities: {outcome.pairs:,} pairs of records, {outcome.joined:,} are one person, {outcome.proposed:,} proposed "
        f"(R03, R04), {outcome.disputed:,} in dispute (R02), {outcome.left:,} too unlike, {len(outcome.overlooked):,} overlooked"
    )
    yield from (f"  overlooked: {one} {other}" for one, other in outcome.overlooked[:20])
    yield f"proposed: {outcome.candidates:,} pairs, of them {outcome.strangers:,} of two people"
