"""Who a person record is, where the record alone does not say it: decisions of MATCHER or the ministry, remembered in the state.

A plausible citizen number always wins over a decision; a person key from which the record was kept apart is never its own again,
whatever says so.
"""

from __future__ import annotations

import json
from typing import Any

from schemas import rules
from schemas.errors import HemisError
from schemas.keys import parse_record_key
from stream_processors.records.facts import Values
from stream_processors.records.unit import Due, Unit

DECISION = b"decision/"


def decide(unit: Unit, said: dict[str, Any], due: Due) -> None:
    """SAME_PERSON: the record is claimed under the given person key. OTHER_PERSON: never again under it.

    Raises:
        HemisError E111: no person record of this institution, or no person key.
    """
    key, person = said["key"] or b"", said["argument"]
    parsed = parse_record_key(key.decode("utf-8", "replace"))
    if parsed is None or parsed[:2] != (unit.code, "person"):
        raise HemisError("E111", "key")
    if person[:2] not in ("n:", "i:") or len(person) == 2 or len(person) > 600:
        raise HemisError("E111", "argument")
    same, others = _known(unit, key)
    if said["kind"] == "SAME_PERSON":
        same = person
    else:
        others = sorted({*others, person})
    before = unit.name(DECISION + key)
    unit.account.decisions += before is None
    unit.set_name(DECISION + key, json.dumps([same, others]).encode())
    unit.reclaim(key, due)


def person_key(unit: Unit, key: bytes, values: Values) -> str:
    """Under whose key the record is claimed."""
    number = values["citizen_number"]
    by_number = unit.keys.of_number(number) if rules.is_plausible_citizen_number(number) else ""
    if by_number and not unit.account.decisions:
        return by_number
    own = unit.keys.of_record(key.decode())
    same, others = _known(unit, key) if unit.account.decisions else ("", [])
    return next((person for person in (by_number, same) if person and person not in others), own)


def _known(unit: Unit, key: bytes) -> tuple[str, list[str]]:
    noted = unit.name(DECISION + key)
    if noted is None:
        return "", []
    same, others = json.loads(noted)
    return same, others
