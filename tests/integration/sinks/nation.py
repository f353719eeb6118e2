"""A national database that is filled by the real sink, without a broker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from deploy.local.stack import Stack
from schemas import topics
from schemas.envelope import CANCEL, UPDATE
from sinks.base import Partition, Run
from sinks.migrate import migrate
from sinks.postgresql.sink import PostgresSink
from sinks.writers import Writers
from tests.conformance.sinks.events import Events, Pair, offline_registry
from tests.conformance.sinks.subjects import national_database


class Nation:
    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine = engine
        self.events = Events()
        self._sink = PostgresSink(engine, Writers(offline_registry(folder)))
        self._versions: dict[str, int] = defaultdict(int)

    def record(self, key: str, operation: int = UPDATE, **more: Any) -> None:
        """The newest content of a record."""
        self._versions[key] += 1
        entity = key.split("/")[1]
        self._put(topics.clean_topic(entity), self.events.change(key, self._versions[key], operation, **more))

    def cancel(self, key: str) -> None:
        self.record(key, CANCEL)

    def golden(self, key: str, claims: list[str], **person: object) -> None:
        self._versions[key] += 1
        self._put(topics.GOLDEN.name, self.events.golden(key, self._versions[key], claims, **person))

    def finding(self, name: str, institution: str = "UNI-A", **more: object) -> None:
        self._versions[name] += 1
        pair = self.events.finding(name, self._versions[name], institution=institution, **more)
        self._put(topics.FINDINGS.name_for(institution), pair)

    def said(self, finding: dict[str, Any]) -> None:
        """A finding as a writer of the product said it."""
        self._put(topics.FINDINGS.name_for(finding["institution"]), self.events.said(finding))

    def clock(self) -> datetime:
        with self.engine.connect() as connection:
            found = connection.scalar(sa.select(sa.func.clock_timestamp()))
        assert isinstance(found, datetime)
        return found

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), values)]

    def do(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def close(self) -> None:
        self._sink.close()

    def _put(self, topic: str, pair: Pair) -> None:
        partition = Partition(topic, 0, "t")
        place = self._sink.places([partition])[partition]
        self._sink.apply([Run(partition, place, place + 1, [pair])])


@contextmanager
def nation(stack: Stack, folder: Path) -> Iterator[Nation]:
    with national_database(stack) as engine:
        migrate(engine)
        made = Nation(engine, folder)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def login(national: Nation, *roles: str) -> Iterator[sa.Engine]:
    """A fresh login that is a member of the roles and nothing else."""
    name = f"login_{abs(hash((roles, id(national)))) % 10**9}"
    quoted = ", ".join(f'"{role}"' for role in roles)
    national.do(f"CREATE ROLE {name} LOGIN PASSWORD 'p' IN ROLE {quoted}")
    engine = sa.create_engine(national.engine.url.set(username=name, password="p"))
    try:
        yield engine
    finally:
        engine.dispose()
        national.do(f"DROP ROLE {name}")
