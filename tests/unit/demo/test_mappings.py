"""The three mapping files follow the format and carry every entity."""

from __future__ import annotations

import pytest

from deploy.demo.compare import blocks
from deploy.demo.load import SHAPES
from producers.mapping.load import load
from schemas.avro_schema import ENTITIES


@pytest.mark.parametrize("code", SHAPES)
def test_a_mapping_is_valid_and_carries_every_entity(code: str) -> None:
    mapping = load(SHAPES[code].mapping_file())
    assert mapping.institution == code
    assert {record.entity for record in mapping.records} == set(ENTITIES)


@pytest.mark.parametrize("code", SHAPES)
def test_a_mapping_names_only_columns_of_its_tables(code: str) -> None:
    schema = SHAPES[code].schema()
    mapping = load(SHAPES[code].mapping_file())
    for table in mapping.tables:
        for column in mapping.columns_of(table):
            assert column in schema


@pytest.mark.parametrize("code", SHAPES)
def test_there_is_an_expected_query_for_every_entity(code: str) -> None:
    assert set(blocks(SHAPES[code].folder() / "expected.sql")) == {"setup", *ENTITIES}
