"""Dates of reduced precision ("2001", "2001-05") as days: what surely overlaps, what may."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache

from schemas.rules.dates import add_months, is_date

DAY = timedelta(days=1)


@lru_cache(maxsize=50_000)
def days(text: str | None) -> tuple[date, date] | None:
    """The first and the last day that a date may mean; None for no date, and for text that is none."""
    if text is None or not is_date(text):
        return None
    match [int(part) for part in text.split("-")]:
        case [year]:
            return date(year, 1, 1), date(year, 12, 31)
        case [year, month]:
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
        case _:
            return date.fromisoformat(text), date.fromisoformat(text)


def surely_overlap(
    one: tuple[str | None, str | None], other: tuple[str | None, str | None], months: int
) -> tuple[date, date] | None:
    """What two periods have in common if, whatever their dates mean exactly, it is at least so many months. A period
    without a readable first day is not judged; one without a last day goes on."""
    begins = days(one[0]), days(other[0])
    if begins[0] is None or begins[1] is None:
        return None
    begin = max(begins[0][1], begins[1][1])
    ends = [known[0] for known in (days(one[1]), days(other[1])) if known]
    end = min(ends, default=date.max)
    return (begin, end) if begin <= end and add_months(begin, months) - DAY <= end else None


def may_overlap(one: tuple[str | None, str | None], other: tuple[str | None, str | None]) -> bool:
    """Can two periods have a day in common? A side that is not known is open."""
    return _may_begin_before_end(one[0], other[1]) and _may_begin_before_end(other[0], one[1])


def may_follow(before: str | None, after: str | None) -> bool:
    """Can the second day be on or after the first? An unknown one contradicts nothing."""
    return _may_begin_before_end(before, after)


def _may_begin_before_end(begin: str | None, end: str | None) -> bool:
    first, last = days(begin), days(end)
    return first is None or last is None or first[0] <= last[1]
