"""How much of the sources has arrived: cheap counts for the progress bars, and the full comparison as the last word."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from psycopg import sql

from deploy.demo.compare import Outcome, blocks, compare
from deploy.demo.extent import CODES
from deploy.demo.place import Place
from deploy.local.stack import Say
from schemas.avro_schema import ENTITIES

PAUSE_SECONDS = 1.0
AGENTS_OWN = 1_000
"""More events than this are changes on their way, and not only what agents say of themselves now and then."""


class Arrival:
    """Counts and compares. Its connections are its own."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._national = place.national()
        self._sources = {code: place.office(code) for code in CODES}

    def close(self) -> None:
        for connection in (self._national, *self._sources.values()):
            connection.close()

    def expected(self) -> dict[str, int]:
        """Records that each university's tables make now."""
        found = {}
        for code, source in self._sources.items():
            statements = blocks(self._place.shapes[code].folder() / "expected.sql")
            with source.transaction(force_rollback=True):
                source.execute(statements["setup"].encode())
                counts = [source.execute(f"select count(*) from ({statements[e]}) as e".encode()) for e in ENTITIES]
                found[code] = sum(int(row[0]) for cursor in counts if (row := cursor.fetchone()))
        return found

    def arrived(self) -> dict[str, int]:
        """Live national records per institution."""
        found = dict.fromkeys(CODES, 0)
        for entity in ENTITIES:
            query = sql.SQL("select institution, count(*) from {} where operation <> 'CANCEL' group by 1")
            for code, count in self._national.execute(query.format(sql.Identifier(entity))):
                found[code] = found.get(code, 0) + int(count)
        return found

    def compare(self) -> list[Outcome]:
        outcomes = []
        for code, source in self._sources.items():
            outcomes += compare(source, self._national, code, self._place.shapes[code].folder() / "expected.sql")
        return outcomes

    def wait_equal(
        self,
        what: str,
        say: Say,
        stop: Event,
        patience: float,
        also: Callable[[], bool] = lambda: True,
        read: Callable[[], int] = lambda: 0,
    ) -> list[Outcome]:
        """Compare until all is equal and `also` holds, or nothing has become better for `patience` seconds: no row more is equal,
        and RECORDS has not `read` on. A transaction that rewrites the same rows brings no equal row before its end."""
        best, better_at, told, read_then = None, time.monotonic(), 0.0, read()
        while True:
            began = time.monotonic()
            outcomes = self.compare()
            wrong = sum(o.missing + o.extra + o.different for o in outcomes)
            if (wrong == 0 and also()) or stop.is_set():
                return outcomes
            now = time.monotonic()
            if best is None or wrong < best:
                best, better_at = wrong, now
            if (read_now := read()) - read_then > AGENTS_OWN:
                read_then, better_at = read_now, now
            if now - better_at > patience:
                return outcomes
            if now - told > 5:
                say(f"{what}: {sum(o.equal for o in outcomes):,} rows equal, {wrong:,} not yet")
                told = now
            stop.wait(max(PAUSE_SECONDS, 2 * (now - began)))
