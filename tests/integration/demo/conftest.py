"""Small universities in databases of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from deploy.demo.extent import CODES, sizes
from deploy.demo.load import create, shape
from deploy.demo.universities.shape import Shape
from deploy.local.stack import Stack
from schemas.avro_schema import ENTITIES, fields

LEARNERS = sizes(900)
SEED = 5

Connection = psycopg.Connection[Any]


@pytest.fixture
def shapes() -> dict[str, Shape]:
    return {code: shape(code, SEED, LEARNERS) for code in CODES}


@pytest.fixture(scope="session")
def templates(stack: Stack) -> dict[str, str]:
    """The three universities, filled once; tests get copies."""
    names = {code: f"template_{code.lower()}" for code in CODES}
    for code, name in names.items():
        with fresh(stack, "universities", name) as connection:
            create(connection, shape(code, SEED, LEARNERS))
    return names


@pytest.fixture
def sources(stack: Stack, templates: dict[str, str]) -> Iterator[dict[str, Connection]]:
    """The three universities, filled."""
    found = {code: fresh(stack, "universities", f"test_{code.lower()}", templates[code]) for code in CODES}
    yield found
    for connection in found.values():
        connection.close()


@pytest.fixture
def national(stack: Stack) -> Iterator[Connection]:
    """National tables by the contract's names; the sink's own are not needed to compare."""
    with fresh(stack, "national", "test_demo") as connection:
        for entity in ENTITIES:
            columns = ", ".join(
                f"{f.name} {({'int': 'int', 'bool': 'boolean'}).get(f.kind, 'text')}" for f in fields(entity)
            )
            statement = f"create table {entity} (record_key text primary key, institution text, operation text, untyped jsonb, {columns})"
            connection.execute(statement.encode())
        yield connection


def fresh(stack: Stack, cluster: Any, name: str, template: str = "template1") -> Connection:
    with psycopg.connect(stack.dsn(cluster, "postgres"), autocommit=True) as administrator:
        administrator.execute(f'drop database if exists "{name}" with (force)'.encode())
        administrator.execute(f'create database "{name}" template "{template}" strategy file_copy'.encode())
    return psycopg.connect(stack.dsn(cluster, name), autocommit=True)
