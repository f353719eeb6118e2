"""A world per test: own institution, own database, own topics."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.integration.producers.world import TABLES, World

_NUMBERS = count(1)


@pytest.fixture
def world(stack: Stack, tmp_path: Path) -> Iterator[World]:
    made = World(stack, f"AG{next(_NUMBERS):03}", tmp_path)
    made.sql(TABLES)
    yield made
    made.close()
