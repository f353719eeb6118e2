"""The agent's state on the disk."""

from __future__ import annotations

import json
from pathlib import Path

from producers.position import StateFile, TableLoad


def test_a_state_of_a_later_program_is_read(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    with file.change() as state:
        state.position = 7
        state.load["public.people"] = TableLoad(3, rows=2)
    stored = tmp_path / "agent.json"
    raw = json.loads(stored.read_text("utf-8"))
    raw["something_new"] = 1
    raw["load"]["public.people"]["speed"] = 2
    stored.write_text(json.dumps(raw), "utf-8")
    found = StateFile(tmp_path).state
    assert (found.position, found.load) == (7, {"public.people": TableLoad(3, rows=2)})
