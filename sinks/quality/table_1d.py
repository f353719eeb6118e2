"""Table 1D of TT 01/2024/TT-BGDDT: completeness and reliability per statistical table and institution, and criterion 1.4's
indicators, as of 31 December of the reporting year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from schemas.avro_schema import ENTITIES
from schemas.errors import HemisError
from schemas.findings import Language
from schemas.tables import Cell, Table
from sinks.database import translated_database_errors
from sinks.quality.compute import compute
from sinks.quality.days import Day, today
from sinks.quality.indicators import INDICATORS, RELATIONS, Indicator, Of, statement
from sinks.quality.measures import ALL, Row

ENTITY_VI = {
    "institution": "cơ sở đào tạo", "org_unit": "đơn vị", "major_licence": "ngành được mở", "programme": "chương trình đào tạo",
    "person": "nhân thân", "learner": "người học", "study_record": "quá trình học", "study_decision": "quyết định học vụ",
    "degree": "văn bằng", "degree_correction": "chỉnh sửa văn bằng", "staff_contract": "hợp đồng cán bộ, giảng viên",
    "teaching_assignment": "phân công giảng dạy", ALL: "chung",
}  # fmt: skip


def last_day(year: int) -> Day:
    """31 December, or today while the year lasts.

    Raises:
        HemisError E847: a year to come.
    """
    now = today()
    if year > now.day.year:
        raise HemisError("E847", str(year))
    return replace(now, day=min(date(year, 12, 31), now.day))


def tables(engine: sa.Engine, year: int, language: Language) -> list[Table]:
    """Table 1D, the indicators per institution, and which of them can't be computed."""
    day = last_day(year)
    with translated_database_errors(), engine.connect() as connection:
        rows = compute(connection, day)
        found = {of: _figures(connection, of, day) for of in RELATIONS}
    figures = [(indicator, found[indicator.of][indicator.id]) for indicator in INDICATORS if indicator.of]
    institutions = sorted({row.institution for row in rows})
    return [
        _table_1d(rows, day, language),
        _indicators(figures, institutions, language),
        _uncomputed(len(figures), language),
    ]


def _table_1d(rows: list[Row], day: Day, language: Language) -> Table:
    vi = language == "vi"
    found = {(row.institution, row.scope, row.measure): row for row in rows}
    heads = (
        ("cơ sở", "bảng", "số bản ghi", "đầy đủ %", "ô có giá trị %", "độ phủ %", "tin cậy %", "cận dưới 95 %", "so khớp", "chưa xét", "không lỗi %")
        if vi
        else ("institution", "table", "records", "completeness %", "cells filled %", "coverage %", "reliability %", "lower bound 95 %", "comparisons", "not assessed", "without error %")
    )  # fmt: skip
    lines: list[list[Cell]] = []
    for institution in sorted({row.institution for row in rows}):
        for scope in (*ENTITIES, ALL):
            of = {name: found.get((institution, scope, name)) for name in ("records", "complete", "correct", "valid")}
            if of["records"] is None and of["complete"] is None:
                continue
            complete, correct = of["complete"], of["correct"]
            facts = complete.facts if complete else {}
            lines.append(
                [
                    institution,
                    ENTITY_VI[scope] if vi else scope,
                    of["records"].numerator if of["records"] else 0,
                    _percent(complete.value if complete else None),
                    _percent(facts.get("fill")),
                    _percent(facts.get("coverage")),
                    _percent(correct.value if correct else None),
                    _percent(correct.facts.get("lower") if correct else None),
                    correct.denominator if correct else 0,
                    correct.not_assessed if correct else None,
                    _percent(of["valid"].value if of["valid"] else None),
                ]
            )
    moment = day.moment.isoformat(" ", "seconds")
    note = (
        f"Trạng thái quốc gia lúc {moment}. Ô trống: chưa đánh giá được, không phải 0."
        if vi
        else f"The national state of {moment}. An empty cell: not assessed, which is not 0."
    )
    return Table("1D", heads, lines, (note,))


def _figures(connection: sa.Connection, of: Of, day: Day) -> dict[str, dict[str, tuple[int, int]]]:
    """By indicator and institution."""
    text = sa.text(statement(of))
    values: Mapping[str, Any] = {
        "moment": day.moment,
        "last": day.day,
        "before": date(day.day.year - 1, 12, 31),
    }
    named = {name: value for name, value in values.items() if name in text.compile().params}
    rows = connection.execute(text, named).mappings().all()
    own = [indicator.id for indicator in INDICATORS if indicator.of == of]
    return {
        name: {row["institution"]: (int(row[f"n{at}"]), int(row[f"d{at}"])) for row in rows}
        for at, name in enumerate(own)
    }


def _indicators(
    figures: list[tuple[Indicator, dict[str, tuple[int, int]]]], institutions: list[str], language: Language
) -> Table:
    vi = language == "vi"
    heads = (
        ("cơ sở", "chỉ số", "nội dung", "giá trị", "tử số", "mẫu số", "lưu ý")
        if vi
        else ("institution", "indicator", "what", "value", "numerator", "denominator", "caveat")
    )
    lines: list[list[Cell]] = []
    for institution in institutions:
        for indicator, found in figures:
            numerator, denominator = found.get(institution, (0, 0))
            value = None if not denominator else numerator / denominator * (100 if indicator.percent else 1)
            lines.append(
                [
                    institution,
                    indicator.id,
                    indicator.vi if vi else indicator.en,
                    None if value is None else round(value, 2),
                    numerator,
                    denominator,
                    indicator.caveat_vi if vi else indicator.caveat_en,
                ]
            )
    return Table("indicators", heads, lines)


def _uncomputed(computed: int, language: Language) -> Table:
    vi = language == "vi"
    lines = list(_reasons(language))
    note = (
        f"{computed} dòng chỉ số tính được, {len(lines)} nhóm chưa tính được."
        if vi
        else f"{computed} indicators are computed, {len(lines)} groups are not."
    )
    return Table(
        "not computed", ("chỉ số", "nội dung", "lý do") if vi else ("indicator", "what", "why"), lines, (note,)
    )


def _reasons(language: Language) -> Iterator[list[Cell]]:
    for indicator in INDICATORS:
        if not indicator.of:
            vi = language == "vi"
            yield [
                indicator.id,
                indicator.vi if vi else indicator.en,
                indicator.caveat_vi if vi else indicator.caveat_en,
            ]


def _percent(value: float | None) -> float | None:
    return None if value is None else round(value * 100, 2)
