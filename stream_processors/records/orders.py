"""The ministry's orders to RECORDS about one institution."""

from __future__ import annotations

from typing import Any

from schemas.errors import HemisError
from stream_processors.records import control
from stream_processors.records.changes import change
from stream_processors.records.unit import Unit


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
