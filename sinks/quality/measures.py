"""The measures, their names, and the rules about records that each one counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import Any

ALL = "all"


@dataclass(frozen=True)
class Measure:
    """A row's measure: its sentence, and whether it is one of the four."""

    name: str
    en: str
    vi: str
    four: bool = False


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            "correct", "Correct: agreeing comparisons with an authority", "Đúng: so khớp với nguồn đối chứng", True
        ),
        Measure("complete", "Complete: filled mandatory cells x coverage", "Đủ: ô bắt buộc có giá trị x độ phủ", True),
        Measure(
            "clean", "Clean: records without an open flaw of form or identity", "Sạch: bản ghi không vướng lỗi", True
        ),
        Measure("live", "Live: the least of on time, heartbeat, and equal content", "Sống: kém nhất trong ba số", True),
        Measure("records", "Live records", "Số bản ghi hiệu lực"),
        Measure("valid", "Records without an open error", "Bản ghi không có lỗi mở"),
        Measure("waived", "Records with a waived finding", "Bản ghi có phát hiện được miễn"),
        Measure("fill", "Mandatory cells with a value", "Ô bắt buộc có giá trị"),
        Measure("coverage", "Records there of those expected", "Bản ghi đã có so với phải có"),
        Measure("changes", "Changes of the day that came in time", "Thay đổi trong ngày đến đúng hạn"),
        Measure("on_time", "Changes of 30 days that came in time", "Thay đổi trong 30 ngày đến đúng hạn"),
        Measure("heartbeat", "Quarters of an hour with a heartbeat", "Số quãng 15 phút có nhịp"),
        Measure("difference", "Rows that differ between source and store", "Dòng khác nhau giữa nguồn và kho"),
        Measure(
            "business_lag", "Days from a decision to its commit at the source", "Số ngày từ quyết định đến lúc ghi"
        ),
    )
}
FOUR = tuple(name for name, measure in MEASURES.items() if measure.four)

CLEAN_RULES = (
    "V18", "R10", "R14",  # duplicates
    "R02", "R03", "R04",  # conflicts of identity
    "V26", "R08",  # orphans
    "V06", "V07", "V08", "V09", "V29",  # codes without a mapping, unknown or expired
    "V04", "V12", "V25",  # text that is not canonical, unreadable values, placeholders
)  # fmt: skip
"""Rules whose open findings make a record unclean."""


@dataclass(frozen=True)
class Row:
    """One measure of one institution, scope and day; `value` None: not assessed."""

    institution: str
    scope: str
    measure: str
    numerator: int
    denominator: int
    not_assessed: int
    value: float | None
    facts: dict[str, Any] = field(default_factory=dict)


def share(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None


def wilson_lower(agreed: int, made: int) -> float | None:
    """The lower bound of a share's 95 % interval (Wilson): few comparisons prove little."""
    if not made:
        return None
    z = 1.959963984540054
    p = agreed / made
    middle = p + z * z / (2 * made)
    margin = z * sqrt(p * (1 - p) / made + z * z / (4 * made * made))
    return max(0.0, (middle - margin) / (1 + z * z / made))
