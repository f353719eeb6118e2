"""The stored measures, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from schemas.errors import HemisError
from schemas.findings import Language
from schemas.tables import Table
from sinks.database import translated_database_errors
from sinks.model import QUALITY_DAY
from sinks.quality.compute import red
from sinks.quality.measures import ALL, FOUR, MEASURES, Row

Shown = Mapping[str, Any]


def shown(row: Row, day: date) -> Shown:
    """A row as JSON has it."""
    return {"day": day.isoformat(), **vars(row)}


def stored(
    engine: sa.Engine,
    *,
    institution: str = "",
    days: tuple[date, date] | None = None,
    measures: Sequence[str] = (),
    scope: str = ALL,
) -> Sequence[Shown]:
    """Stored rows, of the newest day unless `days` says from when to when; `scope` empty: every.

    Raises:
        HemisError E848: there are none.
    """
    q = QUALITY_DAY.c
    query = sa.select(QUALITY_DAY).order_by(q.institution, q.day, q.scope, q.measure)
    if institution:
        query = query.where(q.institution == institution)
    if measures:
        query = query.where(q.measure.in_(measures))
    if scope:
        query = query.where(q.scope == scope)
    newest = sa.select(sa.func.max(q.day)).scalar_subquery()
    query = query.where(q.day == newest) if days is None else query.where(q.day.between(*days))
    with translated_database_errors(), engine.connect() as connection:
        found = [dict(row) | {"day": row["day"].isoformat()} for row in connection.execute(query).mappings()]
    if not found:
        raise HemisError("E848", institution=institution or "every")
    return found


def overview(rows: Iterable[Shown], language: Language) -> Table:
    """One line per institution and measure of the four, the least marked."""
    vi = language == "vi"
    heads = (
        ("cơ sở", "ngày", "số đo", "giá trị", "tử số", "mẫu số", "chưa xét", "")
        if vi
        else ("institution", "day", "measure", "value", "numerator", "denominator", "not assessed", "")
    )
    lines = []
    known = list(rows)
    for (institution, day), own in _grouped(known).items():
        least = red({name: own[name]["value"] for name in FOUR if name in own})
        for name in (*FOUR, *(n for n in own if n not in FOUR)):
            if (row := own.get(name)) is None:
                continue
            note = _note(name, row["facts"] or {})
            mark = "◄ " if name == least else ""
            label = (MEASURES[name].vi if vi else MEASURES[name].en) if name in MEASURES else name
            lines.append(
                [institution, day, label, row["value"], row["numerator"], row["denominator"], row["not_assessed"], mark + note]
            )  # fmt: skip
    return Table("quality", heads, lines)


def _grouped(rows: Iterable[Shown]) -> dict[tuple[str, str], dict[str, Shown]]:
    out: dict[tuple[str, str], dict[str, Shown]] = {}
    for row in rows:
        out.setdefault((row["institution"], row["day"]), {})[row["measure"]] = row
    return out


def _note(measure: str, facts: Mapping[str, Any]) -> str:
    names = {
        "correct": ("lower", "coverage"),
        "complete": ("fill", "coverage"),
        "clean": ("waived",),
        "live": ("on_time", "heartbeat", "difference"),
        "business_lag": ("p50", "p95"),
    }.get(measure, ())
    return ", ".join(f"{name} {_number(facts.get(name))}" for name in names)


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
