"""Codes, which agree or not, and free text, which may be nearly equal."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any

from rapidfuzz.distance import OSA, JaroWinkler

from schemas.names import plain_key
from stream_processors.identity.column import Column, Level
from stream_processors.identity.legacy import as_meant

_SPACES = re.compile(r"[^\w]+")
ONE, TWO, NEAR, WITHIN, DIFFERENT = range(2, 7)


class CodeColumn(Column):
    """`values` maps what institutions write to one code; `kin` is the share of relatives who have the same. Leading zeros don't count: a spreadsheet drops them."""

    levels = (Level("equal", 0.95, 0.1), Level("different", 0.05, 0.9))
    parts = ("all",)
    options = ("values", "kin")

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, options)
        if (kin := options.get("kin")) is not None:
            equal, different = self.levels
            self.levels = (equal._replace(kin=float(kin)), different._replace(kin=1.0 - float(kin)))
        self._values = {_code(str(k)): str(v) for k, v in options.get("values", {}).items()}
        self._read: dict[str, tuple[str] | None] = {}

    def read(self, text: str, row: Mapping[str, str]) -> tuple[str] | None:
        if text not in self._read:
            if len(self._read) >= 100_000:
                self._read.clear()
            code = _code(text)
            self._read[text] = (self._values.get(code, code),) if code else None
        return self._read[text]

    def level(self, a: tuple[str], b: tuple[str]) -> int:
        return 2

    def key(self, feature: tuple[str], part: str) -> Hashable | None:
        return feature[0]

    def value(self, a: tuple[str], b: tuple[str], level: int) -> Hashable | None:
        return a[0] if level == 1 else None

    def values(self, feature: tuple[str]) -> tuple[Hashable, ...]:
        return feature

    def floor(self, value: Hashable, counts: Mapping[Hashable, int], records: int) -> float:
        return 0.5 / (records + 1)


def _code(text: str) -> str:
    code = plain_key(as_meant(text)).strip()
    if code.endswith(".0"):
        code = code[:-2]
    return code.lstrip("0") or code[:1]


class TextColumn(Column):
    """A feature is (text, its first letters)."""

    levels = (
        Level("equal", 0.75, 1e-3),
        Level("one slip", 0.12, 1e-3),
        Level("two slips", 0.04, 2e-3),
        Level("nearly", 0.03, 5e-3),
        Level("one within the other", 0.02, 5e-3),
        Level("different", 0.04, 0.98),
    )
    parts = ("all", "head", "tail")

    def read(self, text: str, row: Mapping[str, str]) -> tuple[str] | None:
        cleaned = " ".join(_SPACES.sub(" ", as_meant(text).casefold()).split())
        return (cleaned,) if cleaned else None

    def level(self, a: tuple[str], b: tuple[str]) -> int:
        x, y = a[0], b[0]
        if abs(len(x) - len(y)) <= 2:
            distance = OSA.distance(x, y, score_cutoff=2)
            if distance == 1 and max(len(x), len(y)) > 2:
                return ONE
            if distance == 2 and max(len(x), len(y)) > 4:
                return TWO
        shorter, longer = (x, y) if len(x) < len(y) else (y, x)
        if len(shorter) >= 3 and (longer.startswith(shorter) or longer.endswith(shorter)):
            return WITHIN
        return NEAR if JaroWinkler.similarity(x, y, score_cutoff=0.85) else DIFFERENT

    def key(self, feature: tuple[str], part: str) -> Hashable | None:
        text = feature[0]
        return text if part == "all" else text[:4] if part == "head" else text[-4:] + ">"

    def value(self, a: tuple[str], b: tuple[str], level: int) -> Hashable | None:
        return a[0] if level == 1 else None

    def values(self, feature: tuple[str]) -> tuple[Hashable, ...]:
        return feature

    def floor(self, value: Hashable, counts: Mapping[Hashable, int], records: int) -> float:
        return 0.5 / (records + 1)
