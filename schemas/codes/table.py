"""One code table: what its codes mean, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from time import time

_VIETNAM_SECONDS = 7 * 3600
_FOREVER = "9999-12-31"
_ALWAYS = (("", _FOREVER),)
_NO_ATTRIBUTES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One meaning of a code, from its first to its last day (ISO dates, both included; empty: open).

    `successors` are the codes that took over what this row meant; there may be several.
    """

    code: str
    vi: str
    en: str = ""
    parent: str = ""
    valid_from: str = ""
    valid_to: str = ""
    successors: tuple[str, ...] = ()
    source: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: _NO_ATTRIBUTES)

    def holds(self, on: str) -> bool:
        """On any day of a date of reduced precision. Cut to its length, ISO dates compare as the periods they name."""
        return self.valid_from[: len(on)] <= on and (not self.valid_to or on <= self.valid_to[: len(on)])

    def overlaps(self, other: Row) -> bool:
        return _before(self.valid_from, other.valid_to) and _before(other.valid_from, self.valid_to)


def _before(start: str, end: str) -> bool:
    return not end or start <= end


def today() -> str:
    """In Vietnam, wherever the process runs."""
    return _iso(int(time() + _VIETNAM_SECONDS) // 86_400)


@lru_cache(2)
def _iso(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days)).isoformat()


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its table. `complete_since`: dates before that are not covered although the list is complete now."""

    name: str
    vi: str
    en: str
    source: str
    complete: bool
    complete_since: str = ""
    parent_table: str = ""
    licence: str = ""


class CodeTable:
    """A table for look-up. Codes are compared as they stand; a code's rows are in the order of their time.

    A table that is not `complete` holds what is known: a code that is missing in it is no error by that alone.
    """

    def __init__(self, header: Header, rows: Iterable[Row]) -> None:
        self.header = header
        self.name = header.name
        self.source = header.source
        self.complete = header.complete
        found: dict[str, tuple[Row, ...]] = {}
        for row in sorted(rows, key=lambda row: (row.code, row.valid_from)):
            found[row.code] = (*found.get(row.code, ()), row)
        self._rows = found
        self._spans = {code: _ALWAYS if _is_always(rows) else _spans(rows) for code, rows in found.items()}
        self._before: dict[str, tuple[str, ...]] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        for rows in self._rows.values():
            yield from rows

    @property
    def codes(self) -> Iterable[str]:
        return self._rows.keys()

    def rows(self, code: str) -> tuple[Row, ...]:
        return self._rows.get(code, ())

    def complete_on(self, on: str | None) -> bool:
        """Whether the list claims to hold every code that was valid on a date; None is today."""
        return self.complete and (on is None or not self.header.complete_since or on >= self.header.complete_since)

    def known(self, code: str) -> bool:
        """At any time."""
        return code in self._rows

    def valid(self, code: str, on: str | None = None) -> bool:
        """On any day of an ISO date of any precision; None is today."""
        spans = self._spans.get(code)
        if spans is None or spans is _ALWAYS:
            return spans is not None
        if on is None:
            on = today()
        if (n := len(on)) == len(_FOREVER):
            for start, end in spans:  # noqa: SIM110 - a generator would double the time
                if start <= on <= end:
                    return True
            return False
        return any(start[:n] <= on <= end[:n] for start, end in spans)

    def label(self, code: str, language: str, on: str | None = None) -> str | None:
        """In "vi" or "en"; Vietnamese where no English is given. Without a date: the newest."""
        row = self._row(code, on)
        return None if row is None else (row.en if language == "en" else "") or row.vi

    def parent(self, code: str, on: str | None = None) -> str | None:
        """The code of the table `header.parent_table` that this one belongs to. Without a date: the newest."""
        row = self._row(code, on)
        return None if row is None else row.parent or None

    def attribute(self, code: str, name: str, on: str | None = None) -> str | None:
        row = self._row(code, on)
        return None if row is None else row.attributes.get(name) or None

    def successors(self, code: str) -> tuple[str, ...]:
        """Who took over what the code meant; several if it was split, none if it goes on as it was."""
        return tuple(dict.fromkeys(after for row in self.rows(code) for after in row.successors))

    def predecessors(self, code: str) -> tuple[str, ...]:
        """Whose successor a code is."""
        if self._before is None:
            before: dict[str, dict[str, None]] = {}
            for row in self:
                for after in row.successors:
                    before.setdefault(after, {})[row.code] = None
            self._before = {after: tuple(codes) for after, codes in before.items()}
        return self._before.get(code, ())

    def _row(self, code: str, on: str | None) -> Row | None:
        rows = self._rows.get(code)
        if rows is None:
            return None
        if on is None:
            return rows[-1]
        for row in reversed(rows):
            if row.holds(on):
                return row
        return None


def _is_always(rows: tuple[Row, ...]) -> bool:
    return any(not row.valid_from and not row.valid_to for row in rows)


def _spans(rows: tuple[Row, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((row.valid_from, row.valid_to or _FOREVER) for row in rows)
