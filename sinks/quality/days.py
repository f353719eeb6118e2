"""Days are Vietnam's: the state of a day is the national state at its end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from schemas.errors import HemisError

VIETNAM = timezone(timedelta(hours=7))
"""Without summer time since 1975."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Day:
    """A day as it is seen at `now`."""

    day: date
    now: datetime

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.day, time(), VIETNAM)

    @property
    def end(self) -> datetime:
        return self.begin + timedelta(days=1)

    @property
    def over(self) -> bool:
        return self.end <= self.now

    @property
    def moment(self) -> datetime:
        """The last moment that counts: the day's last, or now while it lasts."""
        return self.end - timedelta(microseconds=1) if self.over else self.now


def today(now: datetime | None = None) -> Day:
    at = now or datetime.now(UTC)
    return Day(at.astimezone(VIETNAM).date(), at)


def day_of(text: str, now: datetime | None = None) -> Day:
    """A day by its ISO date.

    Raises:
        HemisError E847: no date, or a day to come.
    """
    at = now or datetime.now(UTC)
    try:
        found = Day(date.fromisoformat(text), at)
        if found.begin > at:
            raise HemisError("E847", text)
    except (ValueError, OverflowError) as error:
        raise HemisError("E847", text) from error
    return found


def moment_of(text: str, now: datetime | None = None) -> datetime:
    """A moment: a day's end, or a time with its zone.

    Raises:
        HemisError E847: neither, or one to come.
    """
    at = now or datetime.now(UTC)
    if _DAY.fullmatch(text):
        return day_of(text, at).moment
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise HemisError("E847", text) from error
    if found.tzinfo is None or found > at:
        raise HemisError("E847", text)
    return found
