"""The ministry's orders to RECORDS about one institution."""

from __future__ import annotations

from typing import Any

from schemas.errors import HemisError
from schemas.rules import day_of
from stream_processors.records import control, decisions, waivers
from stream_processors.records.changes import change
from stream_processors.records.unit import Due, Unit, entity_of


def order(unit: Unit, said: dict[str, Any], topic: str) -> None:
    """Carry out one order. It meets the version rule like any event, so that an order carried out twice changes nothing."""
    account = unit.account
    match said["kind"]:
        case "RELEASE":
            account.braked, account.window_cancels = False, 0
            for key, raw in unit.scan_names(b"held/"):
                account.held -= 1
                unit.set_name(b"held/" + key, None)
                _released(unit, key, raw, topic)
        case "REJECT":
            account.braked, account.window_cancels = False, 0
            for key, _ in unit.scan_names(b"held/"):
                account.held -= 1
                account.superseded += 1
                unit.set_name(b"held/" + key, None)
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


def _released(unit: Unit, key: bytes, raw: bytes, topic: str) -> None:
    """One held CANCEL goes on. What can't (its instance is forgotten) is a dead letter by itself, not the others' end (P2)."""
    try:
        kind = unit.contract.type_of(raw)
        if kind.writer is not None:
            raw = unit.contract.translate(kind, raw)
        change(unit, kind, key, raw, max(unit.account.place - 1, 0), braked=False)
    except HemisError as error:
        if error.transient:
            raise
        unit.dead_letter(error, topic, unit.account.orders_place - 1, key, raw)


def _replay(unit: Unit, said: dict[str, Any], topic: str) -> None:
    account, raw, key = unit.account, said["payload"] or b"", said["key"]
    attempts = int(said["argument"] or 0) + 1
    account.read += 1
    try:
        kind = unit.contract.type_of(raw)
        if kind.entity is None:
            raise HemisError("E103")
        if kind.writer is not None:
            raw = unit.contract.translate(kind, raw)
        change(unit, kind, key, raw, max(account.place - 1, 0))
    except HemisError as error:
        if error.transient:
            raise
        unit.dead_letter(error, topic, account.orders_place, key, raw, attempts)
