"""Waivers: what the ministry accepts although a rule says otherwise, for a time, with reason and approver."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from schemas.errors import HemisError
from schemas.findings import Finding
from schemas.rules import RULES
from sinks.database import translated_database_errors
from sinks.model import AUDIT, SET_WAIVER

LONGEST_DAYS = 731
LEAST_REASON = 10
_LOCK = 4736_4949
_NUMBER = re.compile(r"\d{9,}")
"""A run of digits that may be somebody's number has no place in a text that travels and stays (P8)."""


@dataclass(frozen=True)
class Waiver:
    """`until`: its last day, Vietnam's."""

    reason: str
    approver: str
    until: date

    @property
    def text(self) -> str:
        return f"{self.approver}: {self.reason}"


def waiver(reason: str, approver: str, until: str, today: date) -> Waiver:
    """A checked waiver.

    Raises:
        HemisError E841, E842, E843.
    """
    reason, approver = " ".join(reason.split()), " ".join(approver.split())
    if len(reason) < LEAST_REASON or _NUMBER.search(reason):
        raise HemisError("E841", f"at least {LEAST_REASON} characters, no run of nine digits")
    if not approver or _NUMBER.search(approver):
        raise HemisError("E842")
    try:
        last = date.fromisoformat(until)
    except ValueError as error:
        raise HemisError("E843") from error
    if not today <= last <= today + timedelta(days=LONGEST_DAYS):
        raise HemisError("E843")
    return Waiver(reason, approver, last)


def require_waivable(finding: Finding) -> None:
    """Raises HemisError E844, E845."""
    rule = RULES.get(finding.rule)
    if rule is None or not rule.waivable:
        raise HemisError("E844", rule=finding.rule)
    if finding.status == "RESOLVED":
        raise HemisError("E845", status=finding.status)


def argument(finding: Finding, given: Waiver | None) -> str:
    """What an order WAIVE or UNWAIVE says besides the record's key."""
    said: dict[str, Any] = {
        "rule": finding.rule,
        "fields": list(finding.fields),
        "other_record": finding.other_record,
    }
    if given is not None:
        said |= {"reason": given.reason, "approver": given.approver, "until": given.until.isoformat()}
    return json.dumps(said, ensure_ascii=False)


def audit(engine: sa.Engine, actor: str, action: str, finding: Finding, facts: Mapping[str, str]) -> None:
    """Who ordered what; written before the order leaves, so that none is without its line."""
    about = {"rule": finding.rule, "record": finding.record_key, **facts}
    with translated_database_errors(), engine.begin() as connection:
        connection.execute(sa.insert(AUDIT).values(actor=actor, action=action, subject=finding.finding_id, facts=about))


def serialise(connection: sa.Connection) -> None:
    """Until the transaction's end nobody else decides, or works with what is decided."""
    connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def keep(engine: sa.Engine, finding: Finding, given: Waiver | None, today: date) -> None:
    """A waiver of a set rule's or PEOPLE's finding, or its end; the job's next run writes the finding anew.

    An end is kept as well: without a decision the finding itself says whether it is waived.
    """
    with translated_database_errors(), engine.begin() as connection:
        serialise(connection)
        ended = {"until": today - timedelta(days=1), "waiver": ""}
        values = ended if given is None else {"until": given.until, "waiver": given.text}
        values["at"] = sa.func.clock_timestamp()
        connection.execute(
            insert(SET_WAIVER)
            .values(finding_id=finding.finding_id, **values)
            .on_conflict_do_update(index_elements=["finding_id"], set_=values)
        )
