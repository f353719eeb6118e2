"""The same rows for both systems: the mapping names only what the contract has, and what it becomes is comparable."""

from typing import Any, cast

from schemas.avro_schema import ENTITIES, field_names
from tests.benchmarks.workload import DEFINITION, TABLES, mapping


def test_every_mapped_field_is_in_the_contract() -> None:
    for table in TABLES:
        assert table.entity in ENTITIES
        assert set(table.mapped) <= set(field_names(table.entity))


def test_one_source_row_gives_one_record() -> None:
    records = cast(list[dict[str, Any]], mapping("BENCH")["records"])
    assert [(record["entity"], record["table"]) for record in records] == [
        (table.entity, f"public.{table.name}") for table in TABLES
    ]
    assert all(set(record["fields"]) == set(table.mapped) for record, table in zip(records, TABLES, strict=True))


def test_a_change_writes_into_a_mapped_column() -> None:
    # Else the change would be none for us and one for the peer.
    for table in TABLES:
        assert table.mapped[table.mark] == table.mark
        assert f"create table {table.name} " in DEFINITION
