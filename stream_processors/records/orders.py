"""The ministry's orders to RECORDS about one institution."""

from __future__ import annotations

from typing import Any

from schemas.avro_schema import OPERATIONAL
from schemas.errors import HemisError
from schemas.logs import log
from schemas.rules import day_of
from schemas.topics import QUIET
from stream_processors.records import changes, control, decisions, steps, waivers
from stream_processors.records.unit import Due, Unit, entity_of

LONG = frozenset({"RELEASE", "REJECT"})
"""Orders that may take long, and begin with a unit of work of their own."""


def order(unit: Unit, said: dict[str, Any], topic: str) -> None:
    """Carry out one order. It meets the version rule like any event, so that an order carried out twice changes nothing."""
    account = unit.account
    match said["kind"]:
        case "RELEASE" | "REJECT":
            account.braked, account.window_cancels = False, 0
            steps.begin(unit, {"kind": said["kind"].lower(), "place": max(account.place - 1, 0)})
        case "ACCEPT_SOURCE":
            account.accepted_system_id = said["argument"]
            # Who was refused waits without a word: the hello is answered now.
            if account.refused.get("system_id") == said["argument"]:
                control.hello(unit, account.refused, account.refused["offset"])
        case "REPLAY":
            _replay(unit, said, topic)
        case "SAME_PERSON" | "OTHER_PERSON":
            decisions.decide(unit, said, _due(unit, said))
        case "WAIVE" | "UNWAIVE":
            waivers.waive(unit, said, _due(unit, said))
        case "TOUCH" if said["argument"] == QUIET:
            _quiet(unit, said)
        case "TOUCH":
            _touch(unit, said)


def _due(unit: Unit, said: dict[str, Any], on: str = "") -> Due:
    return Due(max(unit.account.place - 1, 0), said["ordered_at"], on)


def _touch(unit: Unit, said: dict[str, Any]) -> None:
    """A day has come: look at the record again, and let PEOPLE look at its person."""
    key, due = said["key"] or b"", _due(unit, said, day_of(said["ordered_at"]))
    if unit.row(key) is None:
        return
    unit.touch(key, due)
    if entity_of(key) == "person":
        unit.reclaim(key, due)


def _quiet(unit: Unit, said: dict[str, Any]) -> None:
    """Take the institution's own records back, so that nothing alarms of their age; the agent's next ones have larger versions."""
    for entity in OPERATIONAL:
        prefix = unit.institution.records + entity.encode() + b"/"
        for key, _ in unit.stored(prefix, prefix):
            row = unit.row(key)
            if row is None or not row.live:
                continue
            raw = changes.cancel_of(
                unit,
                entity,
                key,
                version=row.envelope.version + 1,
                changed_at=said["ordered_at"],
                source_table=row.envelope.source_table,
            )
            unit.account.read += 1
            changes.change(unit, unit.contract.type_of(raw), key, raw, max(unit.account.place - 1, 0), braked=False)


def _replay(unit: Unit, said: dict[str, Any], topic: str) -> None:
    """A dead letter's bytes once more. If they come back, it is these very bytes, with one attempt more."""
    account, payload, key = unit.account, said["payload"] or b"", said["key"]
    attempts = int(said["argument"] or 0) + 1
    account.read += 1
    try:
        kind = unit.contract.known(payload)
        if kind is None or kind.entity is None:
            raise HemisError("E103" if kind else "E102")
        raw = unit.contract.translate(kind, payload) if kind.writer is not None else payload
        changes.change(unit, kind, key, raw, max(account.place - 1, 0))
        return
    except HemisError as error:
        if error.transient:
            raise
        failure = error
    except Exception as error:  # a defect of ours: the letter must not become another one about the order
        failure = HemisError("E110", type(error).__name__)
        action = "report this defect"
        log("error", "a dead letter could not be replayed", action=action, topic=topic, error=failure.detail)
    unit.dead_letter(failure, topic, account.orders_place - 1, key, payload, attempts)
