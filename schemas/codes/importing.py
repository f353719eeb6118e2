"""Takes a new version of a code table in: checked against all other tables, then put in the place of the former at once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from schemas.codes import TABLES, table
from schemas.codes.consistency import contradictions
from schemas.codes.read import Problem, read, refuse
from schemas.codes.table import CodeTable
from schemas.errors import HemisError


def candidate(name: str, file: Path) -> CodeTable:
    """The table in a file that may become the table of that name.

    Raises:
        HemisError: E810-E814 the file is wrong, E815 it contradicts other tables, E816 there is no such table.
    """
    if name not in TABLES:
        table(name)
    found = read(file, name)
    refuse([Problem("E815", 0, text) for text in contradictions(found, table, TABLES)], file=file)
    return found


def install(name: str, file: Path, folder: Path) -> Path:
    """Put a checked file into the folder of imported tables; a reader finds the former or the new one, never a part.

    Returns:
        The new file. Running processes take it up at their next start.

    Raises:
        HemisError: as `candidate`; E817 the folder can't be written.
    """
    candidate(name, file)
    target = folder / f"{name}.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(target, file.read_bytes())
        _settle(folder)
    except OSError as error:
        raise HemisError("E817", type(error).__name__, folder=folder) from error
    table.cache_clear()
    return target


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except OSError:
        os.unlink(name)
        raise


def _settle(folder: Path) -> None:
    """The new name survives a loss of power only once the folder itself is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
