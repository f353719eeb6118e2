"""The coverage of code maps as lines for a person, in Vietnamese or English."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from producers.mapping.coverage import CONSTANT, Coverage

_SHOWN = 12
_LONGEST = 24
"""A local code that is longer may be no code but a text about a person."""


def lines(found: Iterable[Coverage], language: str) -> Iterator[str]:
    for one in found:
        yield from _one(one, language == "vi")


def _one(c: Coverage, vi: bool) -> Iterator[str]:
    if not c.mapped and c.source != CONSTANT and c.unmapped is None:
        seen = "mã quốc gia như ở nguồn, chưa xem giá trị" if vi else "national codes as they stand, not looked at"
        yield f"· {c.entity}.{c.field} ← {c.source}: {seen} ({c.code_table})"
        return
    part = "" if c.complete else (" (danh mục chưa đầy đủ)" if vi else " (the list is not complete)")
    covered = f"{c.covered}/{c.of} mã của {c.code_table}" if vi else f"{c.covered} of {c.of} codes of {c.code_table}"
    yield f"{'✗' if c.wrong else '✓'} {c.entity}.{c.field} ← {c.source}: {covered}{part}"
    if c.unknown:
        word = ("lỗi" if vi else "error") if c.complete else ("cảnh báo" if vi else "warning")
        yield f"    {word}: {'mã đích không có trong danh mục' if vi else 'targets that the table does not know'}: {_some(c.unknown)}"
    if c.ended:
        yield f"    {'mã đích đã hết hiệu lực' if vi else 'targets that no longer hold'}: {_some(c.ended)}"
    if c.unmapped:
        told = [f"{code[:_LONGEST]} × {rows}" for code, rows in sorted(c.unmapped.items(), key=lambda item: -item[1])]
        yield f"    {'lỗi: mã nội bộ chưa ánh xạ' if vi else 'error: local codes without a mapping'}: {_some(told)}"


def _some(texts: list[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" … +{more}" if more > 0 else "")
