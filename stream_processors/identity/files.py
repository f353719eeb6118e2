"""CSV files of records, and of the truth about them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import HemisError
from stream_processors.identity.comparison import Comparison

ID, PERSON = "record_id", "person"


def records(path: Path, comparison: Comparison) -> Iterator[dict[str, str]]:
    """The rows, one after the other.

    Raises:
        HemisError E830: a column is missing. E831: a record_id twice, or none. E832: not UTF-8, or no table.
    """
    needed = [ID, *(name for name in comparison.names() if name not in comparison.optional)]
    seen: set[str] = set()
    for number, row in _rows(path, needed):
        name = row[ID]
        if not name or name in seen:
            raise HemisError("E831", file=path.name, line=number)
        seen.add(name)
        yield row


def truth(path: Path) -> dict[str, str]:
    """Person by record_id.

    Raises:
        HemisError E830, E831, E832.
    """
    found: dict[str, str] = {}
    for number, row in _rows(path, [ID, PERSON]):
        if row[ID] in found or not row[ID]:
            raise HemisError("E831", file=path.name, line=number)
        found[row[ID]] = row[PERSON]
    return found


def count(path: Path) -> int:
    """About how many rows a file has."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) - 1


def _rows(path: Path, needed: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True, restval="")
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise HemisError("E830", ", ".join(missing), file=path.name)
            for row in reader:
                if None in row:
                    raise HemisError("E832", "more cells than columns", file=path.name, line=reader.line_num)
                yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise HemisError("E832", "not UTF-8", file=path.name) from error
    except csv.Error as error:
        raise HemisError("E832", "not CSV", file=path.name) from error
    except OSError as error:
        raise HemisError("E832", "can't be read", file=path.name) from error
