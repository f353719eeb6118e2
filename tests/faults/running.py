"""A running system with its load and its checker, as the fault tests use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.faults.ledger import Checker, Verdict, arrived
from tests.faults.load import Load
from tests.faults.wire import end_of
from tests.faults.world import World
from tests.support.waiting import wait_until


class Running:
    """`under_load` is what most tests do their harm in."""

    def __init__(self, world: World, load: Load) -> None:
        self.world = world
        self.load = load
        self.checker = Checker(world, load)

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Changes are committed at every university meanwhile; afterwards all must have arrived, and only that."""
        self.load.start()
        try:
            yield
        finally:
            self.load.stop()
        self.all_is_well()

    def all_is_well(self) -> Verdict:
        verdict = self.checker.drained()
        assert verdict.clean, str(verdict)
        self.world.require()
        return verdict

    def changes_arrive(self, timeout: float = 60.0) -> None:
        """What is committed now arrives, from every university."""
        marks = {code: one.canary() for code, one in self.load.universities.items()}
        for code, mark in marks.items():
            arrived(self.world, code, mark, timeout)

    def holders(self) -> dict[str, list[str]]:
        """Which RECORDS workers say that they hold each institution."""
        pages = {worker.name: worker.fetch("/metrics") or "" for worker in self.world.workers("records")}
        return {
            code: [name for name, page in pages.items() if f'institution="{code}"' in page] for code in self.world.codes
        }

    def evenly_held(self) -> bool:
        """Does each institution have one worker, and each worker an institution?"""
        holders = self.holders()
        assert all(len(names) == 1 for names in holders.values()), holders
        assert len({name for [name] in holders.values()}) == 2, holders
        return True

    def national_content(self) -> dict[str, tuple[object, ...]]:
        """Number and hash of each table's rows that the sink stores, but for the times at which it stored them, and for what it
        measured of its own work or asked for (delays, touches). A count of no findings is none."""
        with psycopg.connect(self.world.national_dsn) as national:
            tables = [
                str(row[0])
                for row in national.execute(
                    "select tablename from pg_tables where schemaname = 'public' "
                    "and tablename not in ('applied_offset', 'audit', 'alembic_version', 'arrival', 'touch', 'touch_waiting') "
                    "order by 1"
                ).fetchall()
            ]
            found: dict[str, tuple[object, ...]] = {}
            for table in tables:
                row = national.execute(
                    "select count(*), sum(hashtextextended((to_jsonb(t) - 'applied_at' - 'replaced_at')::text, 0)::numeric) "
                    f"from {table} t where to_jsonb(t)->>'findings' is distinct from '0'"
                ).fetchone()
                assert row is not None
                found[table] = row
        return found

    def is_as(self, before: dict[str, tuple[object, ...]]) -> bool:
        """Does the national database hold what it held? An `AssertionError` names the tables that differ."""
        now = self.national_content()
        assert now == before, {table: (was, now.get(table)) for table, was in before.items() if now.get(table) != was}
        return True

    def applied_to_the_end(self) -> bool:
        """Has the sink applied every partition that it ever began, up to its end? The topics of an institution that left are gone."""
        there = self.world.stack.admin_client().list_topics(timeout=10).topics
        with psycopg.connect(self.world.national_dsn) as national:
            places = national.execute("select topic, partition, next_offset from applied_offset").fetchall()
        return bool(places) and all(
            end_of(self.world.stack, str(t), int(str(n))) == int(str(o)) for t, n, o in places if t in there
        )


def wait_well(running: Running) -> None:
    """Until every process is ready and each worker has its share."""
    running.world.wait_ready()
    wait_until(running.evenly_held, "the workers share the institutions", 60.0)
