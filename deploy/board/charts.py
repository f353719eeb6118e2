"""Line charts and bars as SVG, made here: no script draws, and a reader without sight gets the same in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

WIDTH, HEIGHT = 300, 80
LEFT, BOTTOM, TOP = 58, 16, 6
"""Room for the numbers at the axes."""


@dataclass(frozen=True)
class Chart:
    """Coordinates for a template. `lines`: runs of points without a gap. `dots`: points that have no neighbour."""

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    low: str
    high: str
    first: str
    last: str
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM
    top: int = TOP


def line(
    points: Sequence[tuple[date | datetime, float]],
    *,
    gap: timedelta,
    number: Callable[[float], str],
    moment: Callable[[date | datetime], str],
    whole: tuple[float, float] | None = None,
) -> Chart | None:
    """A chart of values in time; None without any. Points further apart than `gap` are not joined: nothing is known between.

    Args:
        whole: the least span of the value axis, so that noise does not look like a fall.
    """
    if not points:
        return None
    values = [value for _, value in points]
    low, high = min(values), max(values)
    if whole is not None:
        low, high = min(low, whole[0]), max(high, whole[1])
    if high == low:
        low, high = low - abs(low) * 0.1 - 1e-9, high + abs(high) * 0.1 + 1e-9
    begin, end = points[0][0], points[-1][0]
    span = _seconds(begin, end) or 1.0

    def place(at: date | datetime, value: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - 4) * _seconds(begin, at) / span
        return round(x, 1), round(TOP + (HEIGHT - BOTTOM - TOP) * (high - value) / (high - low), 1)

    runs: list[list[tuple[float, float]]] = []
    before: date | datetime | None = None
    for at, value in points:
        if before is None or _seconds(before, at) > gap.total_seconds():
            runs.append([])
        runs[-1].append(place(at, value))
        before = at
    said = f"{moment(begin)}: {number(values[0])}; {moment(end)}: {number(values[-1])}; min {number(min(values))}; max {number(max(values))}"
    return Chart(
        lines=tuple(" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1),
        dots=tuple(run[0] for run in runs if len(run) == 1),
        low=number(low),
        high=number(high),
        first=moment(begin),
        last=moment(end),
        summary=said,
    )


def _seconds(begin: date | datetime, end: date | datetime) -> float:
    passed: timedelta = end - begin  # type: ignore[operator]  # all days or all moments
    return passed.total_seconds()


@dataclass(frozen=True)
class Part:
    """One part of a bar, in hundredths of its length."""

    name: str
    x: float
    width: float
    value: float


def bar(parts: Sequence[tuple[str, float]]) -> list[Part]:
    """Parts of a whole, side by side."""
    total = sum(value for _, value in parts)
    out, x = [], 0.0
    for name, value in parts:
        width = 100 * value / total if total else 0.0
        out.append(Part(name, round(x, 2), round(width, 2), value))
        x += width
    return out
