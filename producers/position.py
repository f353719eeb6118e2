"""What the agent keeps on disk: who it is, what RECORDS accepted, how far a load is, what is left to repair.

The slot at the source is the truth about the log position; the copy here only helps to notice a topic that lost its end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

from schemas.errors import HemisError

T = TypeVar("T")


@dataclass
class TableLoad:
    """How far a table of the running load is. `last_key`: every row up to it is acknowledged (P1)."""

    version: int
    last_key: list[str] | None = None
    rows: int = 0
    done: bool = False


@dataclass
class Repair:
    """Rows to send again: those of `table` whose `columns` have one of `values`."""

    table: str
    columns: list[str]
    values: list[list[str]]


@dataclass
class AgentState:
    instance: str = ""
    system_id: str = ""
    timeline: int = 0
    slot_created: str = ""
    accepted_instance: str = ""
    accepted_revision: str = ""
    epoch: int = 0
    loaded_epoch: int = 0
    load_epoch: int = 0
    first_version: int = 0
    gap: bool = False
    next_offset: int = 0
    topic_id: str = ""
    position: int = 0
    load: dict[str, TableLoad] = field(default_factory=dict)
    load_reason: str = ""
    repairs: list[Repair] = field(default_factory=list)


def _known(kind: type[T], raw: dict[str, Any]) -> T:
    """Fields of a later program are left out, so that a downgrade can read what it left."""
    names = {f.name for f in fields(cast(Any, kind))}
    return kind(**{name: value for name, value in raw.items() if name in names})


class StateFile:
    """The state with its file. `save` returns once the bytes are on the disk; a crash leaves the old or the new file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "agent.json"
        self._lock = RLock()
        self.state = self._read()

    def _read(self) -> AgentState:
        try:
            raw: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return AgentState()
        except (OSError, ValueError) as error:
            raise HemisError("E601", type(error).__name__, file=self._path) from error
        raw["load"] = {table: _known(TableLoad, entry) for table, entry in raw["load"].items()}
        raw["repairs"] = [_known(Repair, entry) for entry in raw["repairs"]]
        return _known(AgentState, raw)

    @contextmanager
    def change(self) -> Iterator[AgentState]:
        """Change the state; it is on the disk when the block is left. Threads take turns."""
        with self._lock:
            yield self.state
            self.save()

    def save(self) -> None:
        """Raises HemisError E601 if the disk refuses."""
        with self._lock:
            part = self._path.with_suffix(".part")
            try:
                with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                    json.dump(asdict(self.state), file)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self._path)
                folder = os.open(self._path.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
            except OSError as error:
                raise HemisError("E601", type(error).__name__, file=self._path) from error
