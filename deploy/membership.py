"""An institution's way through the bus: taken up, suspended, resumed, departed. Every act may be repeated.

Taking up: topics before rights, so that whoever may write finds all it needs.

Suspending forbids writing and nothing else: the broker refuses the agent's next event, the agent holds its position.

Departure: rights first, then wait until RECORDS has read every event, so that none disappears (P2), then topics. Its control topic stays,
with what a return must begin above: epoch and generation, without which everything that comes later would count as older than
what the national database has. Its findings topic stays too, for its records stay nationally, and other institutions' may
contradict them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy import quotas
from deploy.kafka import TIMEOUT_SECONDS, read_to_end
from deploy.orders import Orders
from deploy.provisioning import (
    Report,
    delete_topics,
    ensure_topics,
    forbid_writing,
    institution_topics,
    institution_user,
    let_write,
    log_end,
    may_not_write,
    place_of,
    provision_institution,
    topic_names,
    withdraw,
)
from deploy.quotas import Quotas
from schemas.errors import HemisError
from schemas.settings import OperatorSettings
from schemas.topics import CHANGES, CONTROL, FINDINGS, ORDERS, QUIET, STATE, Topic

DEPARTED = b"departed"
"""Key of the message on the control topic that says so; agents read the key `hello` only."""
GOES = (CHANGES, ORDERS, STATE)
"""Topics that are deleted at departure."""
POLL_SECONDS = 0.2
ACCOUNT_WITHIN = 1000
"""RECORDS ends each of its writes with the institution's account, so it is among the last messages."""


@dataclass(frozen=True)
class Membership:
    """One institution, seen by a Kafka administrator. `existing`: the cluster's topics."""

    settings: OperatorSettings
    admin: AdminClient
    code: str
    patience: float = 30.0
    """Seconds to wait until RECORDS has read what is there."""

    # -- what is -------------------------------------------------------------------------------------------------------

    def known(self) -> bool:
        return self._name(CHANGES) in topic_names(self.admin)

    def require_known(self) -> None:
        """Raises HemisError E707."""
        if not self.known():
            raise HemisError("E707", institution=self.code)

    def suspended(self) -> bool:
        return may_not_write(self.admin, self.code)

    def departed(self) -> dict[str, Any] | None:
        """What was kept when the institution left; None if it has not left."""
        return departures(self.settings, [self.code]).get(self.code)

    # -- what is done --------------------------------------------------------------------------------------------------

    def take_up(self, password: str, given: Quotas | None) -> Report:
        """Topics, user, rights, and quotas, if given. One that had left begins above what it left."""
        report: Report = []
        left = self.departed()
        if left is not None:
            report += self._begin_above(left)
        report += provision_institution(self.admin, self.code, password, self.settings.replication)
        if given is not None:
            report += self.limit(given)
        if left is not None:
            self._say_departed(None)
        return report

    def limit(self, given: Quotas) -> Report:
        """Set the quotas."""
        user = institution_user(self.code)
        before = quotas.read(self.settings, [user])[user]
        if before == given:
            return []
        quotas.write(self.settings, user, given)
        return [f"user {user}: quotas set"]

    def suspend(self) -> Iterator[str]:
        """Forbid writing, and let what watches over it rest."""
        if self.suspended():
            yield f"{self.code} is suspended already"
        else:
            forbid_writing(self.admin, self.code)
            yield f"{self.code}: nothing more can be written to {self._name(CHANGES)}"
        if (waiting := self._await_read(CHANGES)) == 0:
            self._order_quiet()
            yield "its canary is taken back: no alert tells of its silence"
        else:
            yield f"{waiting} events wait for RECORDS; give the command again when they are read, or an alert tells of its silence"

    def resume(self) -> Iterator[str]:
        if not self.suspended():
            yield f"{self.code} is not suspended"
            return
        let_write(self.admin, self.code)
        yield f"{self.code}: the agent goes on by itself within ten seconds"

    def depart(self) -> Iterator[str]:
        """Take away rights, user, quotas, topics and state.

        Raises:
            HemisError E709 (transient): events wait to be read; rights are gone, everything else is there. Give the command again.
        """
        user = institution_user(self.code)
        yield from withdraw(self.admin, self.code)
        if quotas.read(self.settings, [user])[user] != Quotas():
            quotas.write(self.settings, user, None)
            yield f"user {user}: quotas taken away"
        if self._name(STATE) in topic_names(self.admin) and self.departed() is None:
            if self.known():
                self._read_up()
            self._say_departed(self._account())
            yield f"{self._name(CONTROL)}: keeps where a return begins"
        for name in delete_topics(self.admin, [self._name(topic) for topic in GOES]):
            yield f"topic {name}: deleted"

    def would_depart(self) -> Iterator[str]:
        """What `depart` would do, one line each."""
        if not self.known():
            yield f"{self.code} has left already"
            return
        waiting = log_end(self.admin, self._name(CHANGES)) - place_of(self.admin, "hemis-records", self._name(CHANGES))
        yield f"user {institution_user(self.code)}: would be deleted, with its rights and quotas"
        yield f"{waiting} events wait for RECORDS; it would be waited for"
        for topic in GOES:
            yield f"topic {self._name(topic)}: would be deleted"

    def _read_up(self) -> None:
        """Until RECORDS has read every event, and has carried out the last order."""
        for before, topic in ((None, CHANGES), (self._order_quiet, ORDERS)):
            if before is not None:
                before()
            if waiting := self._await_read(topic):
                raise HemisError("E709", topic=self._name(topic), waiting=waiting)

    def _await_read(self, topic: Topic) -> int:
        """How many of the topic's messages RECORDS has not read, after a while of patience."""
        name, deadline = self._name(topic), time.monotonic() + self.patience
        end = log_end(self.admin, name)
        while waiting := end - place_of(self.admin, "hemis-records", name):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        return waiting

    def _order_quiet(self) -> None:
        orders = Orders(self.settings)
        orders.give(self.code, "TOUCH", QUIET)
        orders.flush()

    # -- a return ------------------------------------------------------------------------------------------------------

    def _account(self) -> dict[str, Any]:
        """Epoch and generation of RECORDS' account; nothing if it never had one."""
        state = self._name(STATE)
        begin = max(0, log_end(self.admin, state) - ACCOUNT_WITHIN)
        found: dict[str, Any] = {}
        for message in read_to_end(self.settings, [TopicPartition(state, 0, begin)]):
            if message.key() == _account_key(self.code) and (value := message.value()) is not None:
                found = json.loads(value)
        return {name: found.get(name, 0) for name in ("epoch", "generation")}

    def _begin_above(self, left: dict[str, Any]) -> Report:
        """Make the state topic, its first message an account above the one that was left: before RECORDS can see the institution."""
        name = self._name(STATE)
        report = ensure_topics(self.admin, {name: STATE}, 1, self.settings.replication)
        if log_end(self.admin, name) == 0:
            account = {"epoch": left["epoch"], "generation": left["generation"] + 1}
            self._write(STATE, _account_key(self.code), json.dumps(account).encode())
            report.append(f"{self.code} comes back: it begins above epoch {left['epoch']}")
        return report

    def _say_departed(self, left: dict[str, Any] | None) -> None:
        value = None if left is None else json.dumps(left | {"at": time.time_ns() // 1000}).encode()
        self._write(CONTROL, DEPARTED, value)

    def _write(self, topic: Topic, key: bytes, value: bytes | None) -> None:
        producer = Producer(self.settings.kafka(**{"message.timeout.ms": int(TIMEOUT_SECONDS * 1000)}))
        producer.produce(self._name(topic), value, key, 0)
        if producer.flush(2 * TIMEOUT_SECONDS):
            raise HemisError("E407", topic=self._name(topic))

    def _name(self, topic: Topic) -> str:
        return topic.name_for(self.code)


def departures(settings: OperatorSettings, codes: list[str]) -> dict[str, dict[str, Any]]:
    """Those of the institutions that have left, and what was kept then."""
    found: dict[str, dict[str, Any]] = {}
    for message in read_to_end(settings, [CONTROL.name_for(code) for code in codes]):
        topic, value = message.topic(), message.value()
        if message.key() == DEPARTED and topic is not None:
            code = topic.removeprefix(CONTROL.prefix)
            found.pop(code, None)
            if value is not None:
                found[code] = json.loads(value)
    return found


def planned(membership: Membership) -> Iterator[str]:
    """What taking up would make, one line each."""
    existing = topic_names(membership.admin)
    for name in institution_topics(membership.code):
        yield f"topic {name}: {'there' if name in existing else 'would be made'}"


def stays(code: str) -> tuple[str, ...]:
    """What a departure leaves, and why."""
    return (
        "What stays, by law and for the others:",
        f"  national rows and history of {code}: the register is kept; only a decision of the ministry ends that",
        f"  golden persons, and findings about them: {FINDINGS.name_for(code)} goes on, since others' records may contradict its records",
        f"  {CONTROL.name_for(code)}: where a return would begin; no personal data",
        "  dead letters, for 90 days; the audit, for ever",
        f"At the university: hemis agent remove, or its database keeps its log for a reader that never comes ({CHANGES.name_for(code)}).",
    )


def _account_key(code: str) -> bytes:
    return code.encode() + b"!account"
