"""Repairs that come while the same rows are being repaired."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from producers.capture import merge
from producers.load import Loader, Programs
from producers.manifest import Manifest
from producers.mapping.compile import TableProgram
from producers.position import Repair, StateFile
from producers.publisher import Lane
from producers.sources.source import Reader
from tests.support.waiting import wait_until


def test_a_value_that_changes_again_while_its_rows_are_read_is_repaired_again(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    read: list[list[list[str]]] = []

    def again() -> Repair:
        return Repair("public.students", ["dan_toc_id"], [["7"]])

    def matching(facts: Any, wanted: Any, columns: Any, values: list[list[str]]) -> list[Any]:
        read.append(values)
        if len(read) == 1:
            with file.change() as state:
                merge(state.repairs, [again()])
        return []

    reader = SimpleNamespace(
        describe=lambda tables: {"public.students": SimpleNamespace(columns={})},
        quiet_position=lambda wait: 5,
        matching=matching,
        close=lambda: None,
    )
    program = SimpleNamespace(columns=(), encode=lambda absent: None)
    lane = SimpleNamespace(marks=deque(), buffered=0, counts=[0, 0, 0])
    with file.change() as state:
        merge(state.repairs, [again()])
    loader = Loader(
        file,
        lambda: cast(Reader, reader),
        Programs("i", 1, {"public.students": cast(TableProgram, program)}),
        cast(Lane, lane),
        10,
        lambda table, rows, expected: None,
        cast(Manifest, SimpleNamespace(due=False, hurry=lambda: None)),
    )
    try:
        wait_until(lambda: not loader.busy, "the repairs are done")
    finally:
        loader.close()
    assert read == [[["7"]], [["7"]]]
