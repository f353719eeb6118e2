"""Reload requests: `hemis agent reload` leaves a file in the data folder, the running agent takes it up."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from producers.load import request
from producers.mapping.model import Mapping
from producers.position import StateFile


class Requests:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "reload.request"

    def ask(self, tables: Sequence[str]) -> None:
        """Leave a request; no tables means all of them."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f"reload.{os.getpid()}.part")
        part.write_text(json.dumps(sorted({*tables, *self._asked()}) if tables else []))
        part.replace(self._path)

    def _asked(self) -> list[str]:
        try:
            found = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return []
        return [str(table) for table in found]

    def pending(self) -> bool:
        return self._path.exists()

    def take(self, file: StateFile, mapping: Mapping) -> None:
        """Move the request into the durable state; only then it is deleted."""
        asked = self._asked()
        tables = [table for table in mapping.record_tables if not asked or table in asked]
        with file.change() as state:
            request(state, tables, 0, "asked for")
        self._path.unlink(missing_ok=True)
