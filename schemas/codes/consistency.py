"""Code tables against each other: parents exist while their children hold, successors exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from schemas.codes.table import CodeTable, Row

Look = Callable[[str], CodeTable]


def contradictions(table: CodeTable, look: Look, names: Iterable[str]) -> Iterator[str]:
    """What a table says that others deny, in words.

    Args:
        look: gives the other tables. names: all of them; whoever has this table's codes as parents is held against it too.
    """
    parents = table.header.parent_table
    if parents and parents not in names:
        yield f"there is no table '{parents}' for its parents"
        return
    if parents:
        yield from _orphans(table, look(parents))
    elif row := next((row for row in table if row.parent), None):
        yield f"'{row.code}' has a parent, but the header names no table of parents"
    for row in table:
        for code in row.successors:
            if not table.known(code):
                yield f"'{row.code}': its successor '{code}' is unknown"
    for name in names:
        if name not in (table.name, parents) and (child := look(name)).header.parent_table == table.name:
            yield from _orphans(child, table)


def _orphans(table: CodeTable, parents: CodeTable) -> Iterator[str]:
    for row in table:
        above = parents.rows(row.parent)
        if not row.parent:
            yield f"{table.name} '{row.code}' has no parent"
        elif not above:
            yield f"{table.name} '{row.code}': its parent '{row.parent}' is unknown in {parents.name}"
        elif not _covered(row, above):
            yield f"{table.name} '{row.code}': its parent '{row.parent}' does not hold for all of its time"


def _covered(row: Row, above: tuple[Row, ...]) -> bool:
    """The parent's rows hold on the first and on the last day."""
    return any(not r.valid_from or (row.valid_from and r.holds(row.valid_from)) for r in above) and any(
        not r.valid_to or (row.valid_to and r.holds(row.valid_to)) for r in above
    )
