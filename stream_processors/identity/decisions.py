"""What people decided about two records. A decision is made once and holds: "not the same" too (twins)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

Verdict = Literal["SAME", "OTHER"]


class Decisions:
    """Verdicts by pair of record ids, whichever comes first."""

    def __init__(self) -> None:
        self._verdicts: dict[str, dict[str, Verdict]] = {}

    def remember(self, a: str, b: str, verdict: Verdict) -> None:
        """The newest verdict holds."""
        self._verdicts.setdefault(a, {})[b] = verdict
        self._verdicts.setdefault(b, {})[a] = verdict

    def forget(self, a: str, b: str) -> None:
        for x, y in ((a, b), (b, a)):
            self._verdicts.get(x, {}).pop(y, None)

    def verdict(self, a: str, b: str) -> Verdict | None:
        found = self._verdicts.get(a)
        return found.get(b) if found else None

    def about(self, record: str) -> Iterator[tuple[str, Verdict]]:
        yield from self._verdicts.get(record, {}).items()
