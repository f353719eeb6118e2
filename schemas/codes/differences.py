"""Two versions of one code table: what changed, and which codes would no longer hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from schemas.codes.table import CodeTable, Row

Kind = Literal["added", "removed", "renamed", "moved", "dates", "facts"]
Loss = Literal["removed", "expired", "unknown"]


class Difference(NamedTuple):
    """One code that differs: `before` and `after` in words. A code may differ in several ways."""

    kind: Kind
    code: str
    before: str
    after: str


def differences(old: CodeTable, new: CodeTable) -> Iterator[Difference]:
    """By code: added, removed, renamed, moved to another parent, other dates, other facts (successors, source, attributes)."""
    for code in sorted({*old.codes, *new.codes}):
        before, after = old.rows(code), new.rows(code)
        if not before:
            yield Difference("added", code, "", _names(after))
        elif not after:
            yield Difference("removed", code, _names(before), "")
        elif before != after:
            yield from _changed(code, before, after)


def _changed(code: str, before: tuple[Row, ...], after: tuple[Row, ...]) -> Iterator[Difference]:
    parts: tuple[tuple[Kind, str, str], ...] = (
        ("renamed", _names(before), _names(after)),
        ("moved", " → ".join(row.parent for row in before), " → ".join(row.parent for row in after)),
        ("dates", _dates(before), _dates(after)),
    )
    found = [Difference(kind, code, one, other) for kind, one, other in parts if one != other]
    yield from found or [Difference("facts", code, _facts(before), _facts(after))]


def _names(rows: tuple[Row, ...]) -> str:
    return " → ".join(row.vi + (f" ({row.en})" if row.en else "") for row in rows)


def _dates(rows: tuple[Row, ...]) -> str:
    return ", ".join(f"{row.valid_from or '…'} – {row.valid_to or '…'}" for row in rows)


def _facts(rows: tuple[Row, ...]) -> str:
    return "; ".join(
        ", ".join(
            [
                *([f"successors {' '.join(row.successors)}"] if row.successors else []),
                *([f"source {row.source}"] if row.source else []),
                *(f"{name} {value}" for name, value in row.attributes.items()),
            ]
        )
        for row in rows
    )


def loss(old: CodeTable, new: CodeTable, code: str, on: str) -> Loss | None:
    """Why the new list breaks whoever carries this code on a date; None if it doesn't.

    removed: the new list does not know it. expired: it did hold on that date, and would not. unknown: neither list knows it,
    but only the new one claims to be complete, so that a warning becomes an error.
    """
    if not new.known(code):
        if old.known(code):
            return "removed"
        return "unknown" if new.complete_on(on) and not old.complete_on(on) else None
    return "expired" if old.valid(code, on) and not new.valid(code, on) else None
