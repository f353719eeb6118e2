"""Dates as ISO 8601 text with reduced precision. A comparison says only what the coarser of two precisions allows."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache

_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_DAY_MICROS, _VIETNAM_MICROS = 86_400_000_000, 25_200_000_000


def day_of(micros: int) -> str:
    """The day of a time in UTC microseconds, as Vietnam's calendar has it (UTC+7)."""
    return _iso((micros + _VIETNAM_MICROS) // _DAY_MICROS)


@lru_cache(maxsize=10_000)
def _iso(days: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days)).isoformat()
    except OverflowError:
        return date.max.isoformat() if days > 0 else date.min.isoformat()


def is_date(text: str) -> bool:
    """Is it a year, a month or a day that the calendar has?"""
    parts = _ISO.fullmatch(text)
    if parts is None or not text.isascii():
        return False
    year, month, day = parts.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return False
    return True


def before(one: str, other: str) -> bool:
    """Is the first certainly earlier? `2021` is not before `2021-09-05`."""
    known = min(len(one), len(other))
    return one[:known] < other[:known]


def full(text: str | None) -> date | None:
    """The day, if it is known to the day."""
    if text is None or len(text) != 10 or not is_date(text):
        return None
    return date.fromisoformat(text)


def earliest(text: str) -> date | None:
    """The first day that it can be."""
    return full(text + "0001-01-01"[len(text) :]) if len(text) in (4, 7, 10) else None


def add_months(day: date, months: int) -> date:
    """The same day of the month so many months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return date.max if months > 0 else date.min
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def days_between(one: str | None, other: str | None) -> int | None:
    """Days from the first to the other, if both are known to the day."""
    first, last = full(one), full(other)
    return None if first is None or last is None else (last - first).days


def age(born: str, on: str) -> int | None:
    """Completed years on a day; the most that the birth date's precision allows."""
    first, day = earliest(born), earliest(on)
    if first is None or day is None:
        return None
    return day.year - first.year - ((day.month, day.day) < (first.month, first.day))
