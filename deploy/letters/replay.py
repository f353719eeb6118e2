"""Which letters are worth a replay, the replay itself, and what came of it."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy import audit
from deploy.kafka import TIMEOUT_SECONDS, Refusals, administrator, committed, kafka_errors
from deploy.letters import decisions, letter
from deploy.letters.decisions import Decisions
from deploy.letters.letter import Content, Letter
from deploy.orders import Orders
from schemas.envelope import schema_id_of
from schemas.errors import CATALOGUE, DecodeError, HemisError
from schemas.settings import OperatorSettings
from schemas.topics import DEAD_LETTERS, partition_of

CHUNK = 10_000
"""Orders between two flushes: what a crash leaves without its decision is no more than this."""
RECORDS_GROUP = "hemis-records"
LOOK_SECONDS = 0.5
ACTION = "dead-letters replay"
RUNS_AT_MOST = timedelta(minutes=10)
"""A replay that the audit shows begun for longer was cut off."""
SETTLED = ("replayed already", "discarded")
"""Left without being a finding: somebody has seen to them."""
NO_EVENT = "E101 no event: these bytes can't become one"

KnowsSchema = Callable[[int], bool]


@dataclass(frozen=True)
class Plan:
    """`chosen`: one letter per content, oldest first. `left`: how many contents are left, by reason."""

    chosen: list[Letter]
    left: Counter[str]

    @property
    def findings(self) -> int:
        return sum(count for why, count in self.left.items() if why not in SETTLED)


def latest(letters: Iterable[Letter]) -> dict[Content, Letter]:
    """Of letters about the same bytes the one with the most attempts."""
    found: dict[Content, Letter] = {}
    for one in letters:
        content = one.content
        known = found.get(content)
        if known is None or one.attempts >= known.attempts:
            found[content] = one
    return found


def plan(letters: Iterable[Letter], decided: Decisions, knows_schema: KnowsSchema, *, again: bool = False) -> Plan:
    """What to replay. `again`: also what was replayed since and has not come back.

    A letter whose schema the registry does not know would only use up an attempt, and so would one that is no event.
    """
    chosen, left = [], Counter[str]()
    for content, one in latest(letters).items():
        why = _refused(one) or _decided(one, decided.get(content), again) or _unreadable(one, knows_schema)
        if why:
            left[why] += 1
        else:
            chosen.append(one)
    return Plan(sorted(chosen, key=lambda one: one.found_at), left)


def _refused(one: Letter) -> str:
    refusal = one.refusal
    return f"{refusal.code} {refusal.declared.en}" if refusal else ""


def _decided(one: Letter, decision: decisions.Decision | None, again: bool) -> str:
    if decision is None or not decision.settles(one):
        return ""
    if decision.kind == "discarded":
        return "discarded"
    return "" if again else "replayed already"


def _unreadable(one: Letter, knows_schema: KnowsSchema) -> str:
    try:
        number = schema_id_of(one.value or b"")
    except DecodeError:
        return NO_EVENT
    return "" if knows_schema(number) else f"E102 {CATALOGUE['E102'].en}"


@dataclass
class Outcome:
    """What became of replayed letters. `came_back`: by code. `waiting`: RECORDS has not come to them in time."""

    replayed: int = 0
    came_back: Counter[str] = field(default_factory=Counter)
    waiting: int = 0

    @property
    def taken(self) -> int:
        """Applied, superseded, duplicate or held: the ledger says which."""
        return self.replayed - self.waiting - sum(self.came_back.values())

    def as_dict(self) -> dict[str, Any]:
        return {
            "replayed": self.replayed,
            "taken": self.taken,
            "came_back": dict(sorted(self.came_back.items())),
            "waiting": self.waiting,
        }


def replay(settings: OperatorSettings, chosen: Sequence[Letter], wait_seconds: float, **facts: object) -> Outcome:
    """Give the orders, note the decisions, and wait until RECORDS has carried them out. Who did it is in the audit, with `facts`.

    Raises:
        HemisError E109, E401 … E409: some letters may have been replayed; the same command goes on with the others. E721: somebody
        else's replay runs.
    """
    run = secrets.token_hex(8)
    with audit.audited(settings, ACTION, "dead letters", run=run, letters=len(chosen), **facts) as told:
        _alone(settings, run)
        orders, noted = Orders(settings), decisions.Writer(settings)
        began = _ends(settings, {one.institution for one in chosen})
        left = iter(chosen)
        while chunk := list(islice(left, CHUNK)):
            for one in chunk:
                orders.give(one.institution, "REPLAY", str(one.attempts), key=one.key, payload=one.value)
            orders.flush()
            for one in chunk:
                noted.put(one, "replayed")
            noted.flush()
        outcome = _outcome(settings, orders.given, began, time.monotonic() + wait_seconds)
        told |= outcome.as_dict()
    return outcome


def _alone(settings: OperatorSettings, run: str) -> None:
    """Of two that began at once, the one that the audit has first goes on: else both would replay the same letters.

    Raises:
        HemisError E721.
    """
    since = (datetime.now(UTC) - RUNS_AT_MOST).isoformat(timespec="milliseconds")
    running = [e for e in audit.entries(settings) if e.action == ACTION and e.outcome == "begun" and e.at > since]
    if running and running[0].facts.get("run") != run:
        raise HemisError("E721", actor=running[0].actor, since=running[0].at)


def _outcome(
    settings: OperatorSettings, given: dict[str, set[int]], began: list[TopicPartition], deadline: float
) -> Outcome:
    outcome = Outcome(sum(map(len, given.values())))
    while True:
        places = committed(settings, RECORDS_GROUP, ((topic, 0) for topic in given))
        outcome.waiting = sum(
            sum(offset >= places.get((topic, 0), 0) for offset in offsets) for topic, offsets in given.items()
        )
        if not outcome.waiting or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    for one in letter.read(settings, began):
        topic, _, offset = one.origin.rsplit(":", 2)
        if int(offset) in given.get(topic, ()):
            outcome.came_back[one.code] += 1
    return outcome


def _ends(settings: OperatorSettings, institutions: Iterable[str]) -> list[TopicPartition]:
    """Where letters about these institutions will come to lie."""
    partitions = DEAD_LETTERS.partitions or 1
    numbers = sorted({partition_of(code.encode(), partitions) for code in institutions})
    wanted = {TopicPartition(DEAD_LETTERS.name, number): OffsetSpec.latest() for number in numbers}
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        admin: AdminClient = administrator(settings, refusals)
        ends = admin.list_offsets(wanted, request_timeout=TIMEOUT_SECONDS) if wanted else {}
        return [TopicPartition(tp.topic, tp.partition, f.result(TIMEOUT_SECONDS).offset) for tp, f in ends.items()]


def histogram(letters: Iterable[Letter]) -> Iterator[dict[str, Any]]:
    """How many contents, by institution, code and reason, the most first."""
    counts = Counter((one.institution, one.code, one.reason) for one in latest(letters).values())
    for (institution, code, reason), count in counts.most_common():
        yield {"institution": institution, "code": code, "reason": reason, "letters": count}
