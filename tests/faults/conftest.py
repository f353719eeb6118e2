"""One running system for the fault tests: they follow one another, and each leaves it well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.load import Load
from tests.faults.running import Running, wait_well
from tests.faults.world import World

RATE = 60.0
SEED = 20_261_124
ROWS = 100


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two universities; their first load has run under changes."""
    load: Load | None = None
    world = World(tmp_path_factory.mktemp("faults"), ("UA", "UB"))
    try:
        world.stack.up(lambda _: None)
        world.prepare()
        load = Load({code: world.source_dsn(code) for code in world.codes}, RATE, SEED, most_rows=300)
        load.begin()
        for one in load.universities.values():
            one.fill(ROWS)
        made = Running(world, load)
        load.start()
        try:
            world.start_all()
        finally:
            load.stop()
        wait_well(made)
        yield made
    finally:
        if load is not None:
            load.close()
        world.down()
