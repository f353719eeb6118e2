"""The function that compares two records: code made once from a comparison's columns, because it runs for every candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stream_processors.identity.column import Column
from stream_processors.identity.model import BITS

Pairing = Callable[[tuple[Any, ...], tuple[Any, ...]], int]
"""Two records' features to their pattern."""


def pairing(columns: Sequence[Column]) -> Pairing:
    lines = ["def compare(a, b):", "    pattern = 0"]
    for number in range(len(columns)):
        lines += [
            f"    x = a[{number}]; y = b[{number}]",
            "    if x is not None and y is not None:",
            f"        pattern |= (1 if x[0] == y[0] else level{number}(x, y)) << {number * BITS}",
        ]
    lines.append("    return pattern")
    names: dict[str, Any] = {f"level{number}": column.level for number, column in enumerate(columns)}
    exec("\n".join(lines), names)
    found: Pairing = names["compare"]
    return found
