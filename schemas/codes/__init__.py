"""Code tables as dated data: one file per table under `data/`, replaced one by one by what `hemis codes import` has put into
the folder of the setting `codes`.

Every process that judges records must read the same tables: what a table says decides findings.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from schemas.codes.read import read
from schemas.codes.table import CodeTable, Row
from schemas.errors import HemisError

__all__ = ["SHIPPED", "TABLES", "CodeTable", "Row", "folder", "table", "use"]

SHIPPED = Path(__file__).parent / "data"

TABLES: tuple[str, ...] = tuple(sorted(path.stem for path in SHIPPED.glob("*.csv")))
"""Every table's name; a field of the contract names its table in `codes`."""

_folder: Path | None = Path(os.environ["HEMIS_CODES"]) if os.environ.get("HEMIS_CODES") else None


def folder() -> Path | None:
    """Where imported tables lie; None: the shipped ones only."""
    return _folder


def use(path: str | Path | None) -> None:
    """Read imported tables from this folder; empty: none. Tables that were given out before stay as they are."""
    global _folder
    _folder = Path(path) if path else None
    table.cache_clear()


@cache
def table(name: str) -> CodeTable:
    """A table, read at its first use.

    Raises:
        HemisError E810-E814: an imported file is wrong. E816: there is no such table.
    """
    if name not in TABLES:
        raise HemisError("E816", f"known are {', '.join(TABLES)}", table=name)
    imported = None if _folder is None else _folder / f"{name}.csv"
    return read(imported if imported is not None and imported.exists() else SHIPPED / f"{name}.csv", name)
