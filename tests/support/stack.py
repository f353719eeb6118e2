"""The real stack, one for a whole test run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.stack import Stack


@contextmanager
def up(home: Path) -> Iterator[Stack]:
    """A stack that is up, and taken down afterwards."""
    running = Stack(home)
    running.up(lambda _: None)
    try:
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, registry and both PostgreSQL clusters. Tests share it: give each its own topics and its own database."""
    with up(tmp_path_factory.mktemp("stack")) as running:
        yield running
