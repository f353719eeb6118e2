"""Reads a code table's file: lines `# name: value`, then CSV whose first line names the columns. All that is wrong with it is
told at once, each with its line.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from schemas.codes.table import CodeTable, Header, Row
from schemas.errors import HemisError

COLUMNS = ("code", "parent", "vi", "en", "valid_from", "valid_to", "successors", "source")
"""Of them `code` and `vi` must be there. Any other column is an attribute of the code."""
FACTS = ("table", "vi", "en", "source", "licence", "complete", "parent")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SINCE = re.compile(r"from (\d{4}-\d{2}-\d{2})")
_SHOWN = 20


class Problem(NamedTuple):
    """One thing that is wrong with a file, by error code of the catalogue."""

    code: str
    line: int
    text: str


def refuse(problems: list[Problem], **facts: object) -> None:
    """Raise the first problem, with the others in its text, if there is any.

    Raises:
        HemisError E811-E815.
    """
    if problems:
        told = [f"line {p.line}: {p.text}" + ("" if p.code == problems[0].code else f" [{p.code}]") for p in problems]
        more = [f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
        raise HemisError(problems[0].code, "; ".join([*told[:_SHOWN], *more]), **facts)


def read(file: Path, name: str) -> CodeTable:
    """The table in a file, which must be the table of that name.

    Raises:
        HemisError: E810 unreadable or not UTF-8, E811 not NFC, E812 wrong header, E813 wrong row, E814 overlapping validity.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HemisError("E810", type(error).__name__, file=file) from error
    return parse(text, name, str(file))


def parse(text: str, name: str, file: str) -> CodeTable:
    """The table in a text; `file` stands for it in errors.

    Raises:
        HemisError E811-E814.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    refuse(list(_not_composed(text)), file=file)
    lines = text.split("\n")
    problems: list[Problem] = []
    start = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = _header(lines[:start], name, problems)
    columns = next(csv.reader(lines[start : start + 1]), [])
    _check_columns(columns, start + 1, problems)
    refuse(problems, file=file)
    rows = list(_rows("\n".join(lines[start + 1 :]), columns, start + 1, problems))
    problems += _overlaps(rows)
    refuse(sorted(problems, key=lambda problem: problem.line), file=file)
    return CodeTable(header, (row for _, row in rows))


def _not_composed(text: str) -> Iterator[Problem]:
    if unicodedata.is_normalized("NFC", text):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not unicodedata.is_normalized("NFC", line):
            yield Problem("E811", number, "letters and marks are apart")


def _header(lines: list[str], name: str, problems: list[Problem]) -> Header:
    facts: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        key, colon, value = line[1:].partition(":")
        key = key.strip()
        if not colon or key not in FACTS or key in facts or not value.strip():
            problems.append(Problem("E812", number, f"expected '# name: value', each once, of {', '.join(FACTS)}"))
        facts[key] = value.strip()
    for fact in ("table", "vi", "en", "source", "complete"):
        if not facts.get(fact):
            problems.append(Problem("E812", 1, f"'# {fact}: …' is missing"))
    if facts.get("table", name) != name:
        problems.append(Problem("E812", 1, f"the file holds the table '{facts['table']}', not '{name}'"))
    complete = facts.get("complete", "no")
    since = _SINCE.fullmatch(complete)
    if complete not in ("yes", "no") and (since is None or not _is_day(since[1])):
        problems.append(Problem("E812", 1, "complete is 'yes', 'no' or 'from YYYY-MM-DD'"))
    return Header(
        name,
        facts.get("vi", ""),
        facts.get("en", ""),
        facts.get("source", ""),
        complete != "no",
        since[1] if since else "",
        facts.get("parent", ""),
        facts.get("licence", ""),
    )


def _check_columns(columns: list[str], line: int, problems: list[Problem]) -> None:
    for needed in ("code", "vi"):
        if needed not in columns:
            problems.append(Problem("E812", line, f"the column '{needed}' is missing"))
    if wrong := [c for c in columns if not _NAME.fullmatch(c)]:
        problems.append(
            Problem("E812", line, f"columns are named in small letters, digits and '_', unlike {', '.join(wrong)}")
        )
    if len(set(columns)) < len(columns):
        problems.append(Problem("E812", line, "a column stands twice"))


def _rows(text: str, columns: list[str], before: int, problems: list[Problem]) -> Iterator[tuple[int, Row]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    extra = [c for c in columns if c not in COLUMNS]
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            problems.append(Problem("E813", line, "this is not CSV"))
            return
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(columns):
            problems.append(Problem("E813", line, f"{len(cells)} cells instead of {len(columns)}"))
            continue
        of = dict(zip(columns, cells, strict=True))
        row = Row(
            of["code"],
            of["vi"],
            of.get("en", ""),
            of.get("parent", ""),
            of.get("valid_from", ""),
            of.get("valid_to", ""),
            tuple(of.get("successors", "").split()),
            of.get("source", ""),
        )
        if attributes := {name: of[name] for name in extra if of[name]}:
            row = replace(row, attributes=attributes)
        problems += (Problem("E813", line, wrong) for wrong in _wrong(row))
        yield line, row


def _wrong(row: Row) -> Iterator[str]:
    if not row.code or row.code != row.code.strip() or " " in row.code:
        yield "a code is text without blanks"
    if not row.vi.strip():
        yield "the Vietnamese name is missing"
    for name, day in (("valid_from", row.valid_from), ("valid_to", row.valid_to)):
        if day and not _is_day(day):
            yield f"{name} is no date YYYY-MM-DD"
    if row.valid_from and row.valid_to and row.valid_from > row.valid_to:
        yield "the validity ends before it begins"


@cache
def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _overlaps(rows: list[tuple[int, Row]]) -> Iterator[Problem]:
    """The same code twice at one time: the table would say two things."""
    seen: dict[str, list[tuple[int, Row]]] = {}
    for line, row in rows:
        for earlier, other in seen.get(row.code, ()):
            if row.overlaps(other):
                yield Problem("E814", line, f"'{row.code}' holds at the same time in line {earlier}")
        seen.setdefault(row.code, []).append((line, row))
