"""A table for a terminal and for a spreadsheet: what people list, they also take to their colleagues."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import HemisError

Cell = str | int | float | None
WIDEST = 60
"""Characters of a spreadsheet's column at most."""


@dataclass(frozen=True)
class Table:
    """`notes` stand below the rows, each on a line of its own."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """Aligned text; numbers to the right."""
        shown = [[_shown(cell) for cell in row] for row in self.rows]
        widths = [max(map(_width, column)) for column in zip(self.heads, *shown, strict=True)]
        yield _line(self.heads, widths, [False] * len(widths))
        for row, cells in zip(self.rows, shown, strict=True):
            yield _line(cells, widths, [isinstance(cell, int | float) for cell in row])
        yield from self.notes


def write_xlsx(file: Path, tables: Iterable[Table]) -> None:
    """Write one sheet per table; an existing file is replaced.

    Raises:
        HemisError E205: the library is not installed. E201: the file can't be written.
    """
    try:
        import xlsxwriter
        from xlsxwriter.exceptions import FileCreateError
    except ModuleNotFoundError as error:
        raise HemisError("E205", "pip install 'hemis-bus[agent]' or 'hemis-bus[sink]'", module=error.name) from error
    # Text that begins with "=" came from a database and is no formula.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    try:
        with xlsxwriter.Workbook(str(file), options) as book:
            bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
            wrapped = book.add_format({"text_wrap": True, "valign": "top"})
            for table in tables:
                sheet = book.add_worksheet(table.name[:31])
                sheet.freeze_panes(1, 0)
                for column, head in enumerate(table.heads):
                    cells = [_shown(row[column]) for row in table.rows[:200]]
                    sheet.set_column(column, column, min(WIDEST, max(map(_width, [head, *cells])) + 2))
                sheet.write_row(0, 0, table.heads, bold)
                for number, row in enumerate(table.rows, 1):
                    sheet.write_row(number, 0, row, wrapped)
                for number, note in enumerate(table.notes, len(table.rows) + 2):
                    sheet.write_string(number, 0, note)
    except (FileCreateError, OSError) as error:
        raise HemisError("E201", "the xlsx file can't be written", file=file) from error


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.4f}" if isinstance(cell, float) else cell


def _width(text: str) -> int:
    return sum(not unicodedata.combining(char) for char in text)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = []
    for cell, width, to_right in zip(cells, widths, right, strict=True):
        room = " " * (width - _width(cell))
        parts.append(room + cell if to_right else cell + room)
    return "  ".join(parts).rstrip()
