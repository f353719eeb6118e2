"""RECORDS without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from schemas.settings import ProcessorSettings
from stream_processors.records.stage import Records
from tests.unit.stream_processors.bench_of_records import CHANGES, CODE, ORDERS, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.hello()
    yield made
    assert made.balanced(), made.account
    made.store.close()


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Iterator[Records]:
    settings = ProcessorSettings(
        brake_least=1_000_000, kafka_bootstrap="", kafka_user="", kafka_password=cast(Any, ""), registry_url="", data=str(tmp_path / "data"), person_key_secret=cast(Any, SimpleNamespace(reveal=lambda: "secret")),
    )  # fmt: skip
    progress = SimpleNamespace(place={}, others_move=lambda *_: False)
    made = Records(settings, bench.store, bench.contract, cast(Any, progress))
    made.app = SimpleNamespace(consumer=SimpleNamespace(highwater=lambda _: 0))
    made.units[CODE] = bench.institution
    made.mine[CODE] = {CHANGES, ORDERS}
    yield made
    made._versions.close()
