"""The prepared plans, made on an empty database, must be good on a full one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from deploy.local.stack import Stack
from sinks.migrate import migrate
from sinks.model import TARGETS
from sinks.postgresql.statements import SESSION, statements
from tests.conformance.sinks.subjects import national_database

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def national(stack: Stack) -> Iterator[sa.Engine]:
    with national_database(stack) as engine:
        migrate(engine)
        yield sa.create_engine(engine.url, poolclass=sa.NullPool)


@pytest.fixture
def connection(national: sa.Engine) -> Iterator[sa.Connection]:
    """A new one each time, since prepared statements belong to it."""
    with national.connect() as made:
        made.exec_driver_sql(SESSION)
        yield made


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("alone", [True, False])
def test_national_tables_are_only_looked_up(connection: sa.Connection, name: str, alone: bool) -> None:
    """No scan of a whole national table, and none repeated per staged row."""
    made = statements(TARGETS[name])
    connection.exec_driver_sql(made.prepare)
    for execute in made.apply(alone=alone).split("; "):
        (plan,) = json.loads(json.dumps(connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {execute}").scalar_one()))
        for node in _nodes(plan["Plan"]):
            table = node.get("Relation Name", "")
            if "Scan" in node["Node Type"] and table and not table.startswith("stage_"):
                assert "Index Cond" in node or node["Node Type"] == "Tid Scan", (execute, node)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)
