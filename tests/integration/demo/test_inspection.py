"""What each university's own tables break is found before anything is sent: every seed that one record shows."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from deploy.demo.extent import CODES
from deploy.demo.load import write_truth
from deploy.demo.universities.shape import Shape
from deploy.local.stack import Stack
from producers.inspection import inspect, short_table
from producers.mapping.load import load
from producers.sources.postgresql.tables import PostgresReader
from schemas.settings import Secret
from tests.integration.demo.conftest import LEARNERS, SEED, Connection

pytestmark = pytest.mark.real

ONE_RECORD = {"V01", "V02", "V03", "V04", "V05", "V12", "V16", "V19", "V22", "V24", "V25", "V29"}
"""Rules whose seeds show in the record that carries them."""


@pytest.mark.parametrize("code", CODES)
def test_seeds_of_single_records_are_found_before_anything_is_sent(
    code: str, stack: Stack, sources: dict[str, Connection], shapes: dict[str, Shape], tmp_path: Path
) -> None:
    write_truth(tmp_path / "truth", SEED, LEARNERS)
    lines = map(json.loads, (tmp_path / "truth").read_text("utf-8").splitlines())
    must = Counter(
        (rule, line["record"].split("/")[1]) for line in lines if line["at"] == code for rule in line["rules"] if rule in ONE_RECORD
    )  # fmt: skip
    reader = PostgresReader(Secret(stack.dsn("universities", sources[code].info.dbname)))
    try:
        groups = inspect(load(shapes[code].mapping_file()), reader, "2026-10-01")
    finally:
        reader.close()
    found: Counter[tuple[str, str]] = Counter()
    for group in groups:
        found[group.rule, group.entity] += group.records
    assert {key: count for key, count in must.items() if found[key] < count} == {}
    assert len(must) > 8
    text = "\n".join(short_table(groups, "vi").lines())
    assert "Họ tên" in text or "Văn bản" in text
