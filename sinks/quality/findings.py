"""Findings in the national database: listed, one with its history, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schemas.errors import HemisError
from schemas.findings import ACTIVE, Finding, finding_of
from sinks.database import translated_database_errors
from sinks.model import FINDING

_TABLE, _F = FINDING.table, FINDING.table.c


@dataclass(frozen=True)
class Wanted:
    """Which findings; empty means every."""

    institution: str = ""
    rule: str = ""
    entity: str = ""
    record: str = ""
    statuses: Sequence[str] = ACTIVE

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = [_F.status.in_(self.statuses)]
        if self.institution:
            found.append(_F.institution == self.institution)
        if self.rule:
            found.append(_F.rule == self.rule)
        if self.entity:
            found.append(sa.func.split_part(_F.record_key, "/", 2) == self.entity)
        if self.record:
            found.append(_F.record_key == self.record)
        return found


def listed(engine: sa.Engine, wanted: Wanted, limit: int | None) -> tuple[list[Finding], int]:
    """The newest findings up to the limit, and how many there are."""
    conditions = wanted.conditions()
    rows = sa.select(_TABLE).where(*conditions).order_by(_F.at.desc(), _F.finding_id).limit(limit)
    count = sa.select(sa.func.count()).select_from(_TABLE).where(*conditions)
    with translated_database_errors(), engine.connect() as connection:
        found = [finding_of(dict(row)) for row in connection.execute(rows).mappings()]
        total = len(found) if limit is None or len(found) < limit else int(connection.execute(count).scalar_one())
    return found, total


def one(engine: sa.Engine, finding_id: str) -> tuple[Finding, list[Finding], int]:
    """A finding, its former states from the newest to the oldest, and its writer's generation.

    Raises:
        HemisError E840.
    """
    assert FINDING.history is not None
    past = FINDING.history
    newest = (past.c.generation.desc(), past.c.place.desc(), past.c.orders_place.desc())
    with translated_database_errors(), engine.connect() as connection:
        row = connection.execute(sa.select(_TABLE).where(_F.finding_id == finding_id)).mappings().one_or_none()
        if row is None:
            raise HemisError("E840", finding=finding_id)
        former = connection.execute(sa.select(past).where(past.c.finding_id == finding_id).order_by(*newest))
        return finding_of(dict(row)), [finding_of(dict(old)) for old in former.mappings()], int(row["generation"])


def counted(engine: sa.Engine, institution: str = "") -> list[dict[str, Any]]:
    """How many findings there are, per institution, rule and status."""
    keys = (_F.institution, _F.rule, _F.severity, _F.status)
    query = sa.select(*keys, sa.func.count().label("findings")).group_by(*keys).order_by(*keys)
    if institution:
        query = query.where(_F.institution == institution)
    with translated_database_errors(), engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
