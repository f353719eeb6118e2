"""RECORDS without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.stream_processors.bench_of_records import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.hello()
    yield made
    assert made.balanced(), made.account
    made.store.close()
