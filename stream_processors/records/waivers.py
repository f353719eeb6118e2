"""Waivers: the ministry accepts a finding until a day, with a reason. The finding stays, and is counted apart."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, NamedTuple

from schemas.errors import HemisError
from schemas.keys import finding_id
from schemas.rules import RULES, day_of
from stream_processors.records.unit import Due, Unit

WAIVER = b"waiver/"


class Waiver(NamedTuple):
    """`until`: the last day, ISO 8601. `text`: who approved it, and why."""

    until: str
    text: str


def waive(unit: Unit, said: dict[str, Any], due: Due) -> None:
    """Remember or forget a waiver; the finding follows when the unit is settled. It may open later than it is waived.

    Raises:
        HemisError E112: no reason, no approver, no last day, a day that has passed, or a rule that nobody may waive.
    """
    key, about = said["key"] or b"", _about(said["argument"])
    name = WAIVER + _id(unit, key, about)
    known = unit.name(name) is not None
    if said["kind"] == "UNWAIVE":
        unit.account.waivers -= known
        unit.set_name(name, None)
    else:
        waiver = _waiver(said, about)
        if waiver.until < day_of(said["ordered_at"]):
            raise HemisError("E112", "until has passed")
        unit.account.waivers += not known
        unit.set_name(name, json.dumps(waiver, ensure_ascii=False).encode())
    unit.touch(key, due)


def standing(unit: Unit, key: bytes, rule: str, fields: tuple[str, ...], other: str, due: Due) -> Waiver | None:
    """The waiver of a finding that holds on the day of what made it due."""
    if not unit.account.waivers:
        return None
    noted = unit.name(WAIVER + finding_id(rule, unit.code, key.decode(), fields, other).encode())
    waiver = Waiver(*json.loads(noted)) if noted is not None else None
    return waiver if waiver is not None and waiver.until >= day_of(due.at) else None


def _about(argument: str) -> dict[str, Any]:
    try:
        about = json.loads(argument)
    except ValueError as error:
        raise HemisError("E112", "argument is no JSON") from error
    if (
        not isinstance(about, dict)
        or not isinstance(about.get("rule"), str)
        or not isinstance(about.get("fields"), list)
    ):
        raise HemisError("E112", "rule or fields")
    return about


def _id(unit: Unit, key: bytes, about: dict[str, Any]) -> bytes:
    rule = RULES.get(about["rule"])
    if rule is None or rule.stage != "records":
        raise HemisError("E112", "not a rule of RECORDS")
    if not key.startswith(unit.institution.records):
        raise HemisError("E112", "key")
    fields = tuple(map(str, about["fields"]))
    return finding_id(rule.id, unit.code, key.decode(), fields, str(about.get("other_record") or "")).encode()


def _waiver(said: dict[str, Any], about: dict[str, Any]) -> Waiver:
    reason, actor, until = str(about.get("reason") or "").strip(), said["actor"].strip(), str(about.get("until") or "")
    if RULES[about["rule"]].waiver is None:
        raise HemisError("E112", "this rule can't be waived")
    if not reason or not actor:
        raise HemisError("E112", "reason" if not reason else "approver")
    try:
        date.fromisoformat(until)
    except ValueError as error:
        raise HemisError("E112", "until") from error
    return Waiver(until, f"{actor}: {reason}")
