"""Changes committed at the universities, and the outside ledger of what was committed. Never blocked by a fault.

What a lost answer to a commit meant is read back from the source, by the transaction's number.
"""

from __future__ import annotations

import random
import string
import threading
import time
from collections.abc import Callable

import psycopg

from tests.faults.university import TABLES, Connection

Row = tuple[object, ...]
Book = dict[str, dict[int, Row]]
"""Table → id → the row as last committed."""

COLUMNS = {table.name: table.columns for table in TABLES}
RETRY_SECONDS = 0.2
CANARY = 0
"""A person's id that only `canary` writes."""
FAMILY, GIVEN = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng"), ("An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Khánh")
WEIGHTS = {
    "insert": 22, "update": 34, "many": 8, "delete": 7, "family": 4, "move": 8, "renumber": 6, "again": 5, "essay": 4, "house": 3,
    "undone": 2,
}  # fmt: skip


class University:
    """One university's load, in a thread of its own.

    `book` is what the source must hold; `commits` and `changes` (row changes) count what was committed for certain.
    """

    def __init__(self, code: str, dsn: str, rate: float, seed: str, most_rows: int) -> None:
        self.code = code
        self.book: Book = {table: {} for table in COLUMNS}
        self.commits = 0
        self.changes = 0
        self.doubts = 0
        self.error: BaseException | None = None
        self._dsn = dsn
        self._rate = rate
        self._draw = random.Random(seed)
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_id = 1
        self._number = 0
        self._connection: Connection | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Read what is there already."""
        with psycopg.connect(self._dsn) as source:
            for table, columns in COLUMNS.items():
                rows = source.execute(f"select {', '.join(columns)} from {table}").fetchall()
                self.book[table] = {int(str(row[0])): row for row in rows}
            found = source.execute("select coalesce(max(number), 0) from committed").fetchone()
            self._number = int(str(found[0])) if found else 0
        self._next_id = 1 + max((i for rows in self.book.values() for i in rows), default=0) + self._number

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"load {self.code}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the last commit is certain, so the source must be up."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._disconnect()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            due = time.monotonic()
            while not self._stop.is_set():
                before = self.changes
                kinds = list(WEIGHTS)
                self._one(self._draw.choices(kinds, [WEIGHTS[k] for k in kinds])[0])
                # After an outage no rush: what could not be done in time is left out.
                due = max(due + (self.changes - before) / self._rate, time.monotonic() - 1.0)
                self._stop.wait(max(due - time.monotonic(), 0))
        except BaseException as error:
            self.error = error

    # -- transactions -------------------------------------------------------------------------------------------------

    def canary(self) -> str:
        """Commit a new mark in a row of its own; returns the mark. Waits for the source."""
        with self._lock:
            mark = self._tag()
            self._commit({"persons": {CANARY: (CANARY, mark, "Canary", None, None, None, None, None)}}, 1)
        return mark

    def put(self, table: str, row: Row) -> None:
        """Commit this row."""
        with self._lock:
            self._commit({table: {int(str(row[0])): row}}, 1)

    def essays(self, count: int) -> None:
        """Commit this many long texts (15,000 bytes each) in one transaction."""
        with self._lock:
            ids = self._draw.sample(self._ids("persons"), min(count, len(self._ids("persons"))))
            long = {i: self._with("persons", i, tag=self._tag(), essay=self._tag() + "x" * 15_000) for i in ids}
            self._commit({"persons": dict(long)}, len(long))

    def fill(self, rows: int) -> None:
        """Insert this many persons with what hangs from them."""
        for first in range(0, rows, 500):
            with self._lock:
                plan: dict[str, dict[int, Row | None]] = {table: {} for table in COLUMNS}
                for _ in range(min(500, rows - first)):
                    for table, row in self._new_family():
                        plan[table][int(str(row[0]))] = row
                self._commit(plan, sum(map(len, plan.values())))

    def _one(self, kind: str) -> None:
        with self._lock:
            plan: dict[str, dict[int, Row | None]] = {table: {} for table in COLUMNS}
            table = self._draw.choice(list(COLUMNS))
            ids = self._ids(table)
            if len(self.book["persons"]) > self._most_rows and kind == "insert":
                kind = "family"
            if kind == "insert" or len(ids) < 20:
                for name, row in self._new_family():
                    plan[name][int(str(row[0]))] = row
            elif kind in ("update", "undone"):
                self._touch(plan, table, self._draw.choice(ids))
            elif kind == "many":
                for name in COLUMNS:
                    some = self._ids(name)
                    for i in self._draw.sample(some, min(5, len(some))):
                        self._touch(plan, name, i)
            elif kind == "delete":
                plan[table][self._draw.choice(ids)] = None
            elif kind == "family":
                for i in self._draw.sample(self._ids("persons"), 2):
                    for name in COLUMNS:
                        if i in self.book[name]:
                            plan[name][i] = None
            elif kind == "move":
                self._move(table, self._draw.choice(ids))
                return
            elif kind == "renumber":
                i = self._draw.choice(self._ids("persons"))
                plan["persons"][i] = self._with("persons", i, citizen=self._citizen(), tag=self._tag())
            elif kind == "essay":
                i = self._draw.choice(self._ids("persons"))
                plan["persons"][i] = self._with("persons", i, essay=self._essay(), tag=self._tag())
            elif kind == "house":
                i = self._draw.choice(self._ids("persons"))
                plan["persons"][i] = self._with("persons", i, house=f"{self._draw.randint(1, 999)}", tag=self._tag())
            elif kind == "again":
                i = self._draw.choice(ids)
                row = self._with(table, i, tag=self._tag())
                self._commit({table: {i: None}}, 1)
                plan[table][i] = row
            self._commit(plan, sum(map(len, plan.values())), undo=kind == "undone")

    def _touch(self, plan: dict[str, dict[int, Row | None]], table: str, i: int) -> None:
        plan[table][i] = self._with(table, i, tag=self._tag())

    def _move(self, table: str, old: int) -> None:
        """The key changes."""
        new = self._id()
        row = self._with(table, old, tag=self._tag(), id=new)
        tag = row[COLUMNS[table].index("tag")]

        def act(connection: Connection) -> None:
            connection.execute(f"update {table} set id = %s, tag = %s where id = %s", [new, tag, old])

        self._certain(act)
        del self.book[table][old]
        self.book[table][new] = row
        self.changes += 2

    def _commit(self, plan: dict[str, dict[int, Row | None]], changes: int, *, undo: bool = False) -> None:
        def act(connection: Connection) -> None:
            for table, rows in plan.items():
                for i, row in rows.items():
                    self._write(connection, table, i, row)
            if undo:
                connection.rollback()

        self._certain(act, undo=undo)
        if undo:
            return
        for table, rows in plan.items():
            for i, row in rows.items():
                if row is None:
                    self.book[table].pop(i, None)
                else:
                    self.book[table][i] = row
        self.changes += changes

    def _write(self, connection: Connection, table: str, i: int, row: Row | None) -> None:
        columns = COLUMNS[table]
        before = self.book[table].get(i)
        if row is None:
            connection.execute(f"delete from {table} where id = %s", [i])
        elif before is None:
            connection.execute(f"insert into {table} values ({', '.join(['%s'] * len(columns))})", row)
        else:
            changed = [n for n, a, b in zip(columns, before, row, strict=True) if a != b]
            values = [row[columns.index(n)] for n in changed]
            connection.execute(
                f"update {table} set {', '.join(f'{n} = %s' for n in changed)} where id = %s", [*values, i]
            )

    # -- certainty ----------------------------------------------------------------------------------------------------

    def _certain(self, act: Callable[[Connection], None], *, undo: bool = False) -> None:
        """Commit, whatever it takes."""
        self._number += 1
        number, doubt = self._number, False
        while True:
            try:
                connection = self._connected()
                if doubt and self._is_committed(connection, number):
                    break
                doubt = False
                act(connection)
                if undo:
                    return
                connection.execute("insert into committed values (%s)", [number])
                doubt = True
                connection.commit()
                break
            except psycopg.OperationalError:
                self.doubts += doubt
                self._disconnect()
                time.sleep(RETRY_SECONDS)
        self.commits += 1

    @staticmethod
    def _is_committed(connection: Connection, number: int) -> bool:
        found = connection.execute("select 1 from committed where number = %s", [number]).fetchone()
        connection.rollback()
        return found is not None

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._dsn, connect_timeout=5)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _ids(self, table: str) -> list[int]:
        return [i for i in self.book[table] if i != CANARY]

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _tag(self) -> str:
        return f"{self.code}-{self._number + 1}-{self._draw.getrandbits(32):08x}"

    def _with(self, table: str, i: int, **values: object) -> Row:
        old = dict(zip(COLUMNS[table], self.book[table][i], strict=True))
        return tuple({**old, **values}.values())

    def _essay(self) -> str | None:
        if self._draw.random() < 0.7:
            return None
        return "".join(self._draw.choices(string.ascii_letters, k=self._draw.choice((40, 3000))))

    def _citizen(self) -> str | None:
        """Numbers from a small set, so that universities share persons; some rubbish, some none."""
        luck = self._draw.random()
        if luck < 0.1:
            return None
        if luck < 0.15:
            return "000000000000"
        return f"0{self._draw.choice(('01', '79', '48'))}2{self._draw.randint(0, 9)}5{self._draw.randint(100, 999)}123"

    def _new_family(self) -> list[tuple[str, Row]]:
        i, draw = self._id(), self._draw
        born = (
            None if draw.random() < 0.05 else f"{draw.randint(1999, 2007)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}"
        )
        name = f"{draw.choice(FAMILY)} {draw.choice(GIVEN)}"
        person: Row = (i, self._tag(), name, born, draw.choice(("Nam", "Nữ")), self._citizen(), None, self._essay())
        learner: Row = (i, self._tag(), i, f"sv{i}@example.edu.vn")
        study: Row = (i, self._tag(), i, draw.choice(("hoc", "nghi", "xong")), draw.randint(1, 4))
        order = [("persons", person), ("learners", learner), ("studies", study)]
        if draw.random() < 0.2:
            order.reverse()
        return order


class Load:
    """The universities' loads together. `rate`: row changes a second over all of them."""

    def __init__(self, sources: dict[str, str], rate: float, seed: int, most_rows: int = 800) -> None:
        self.universities = {
            code: University(code, dsn, rate / len(sources), f"{seed}/{code}", most_rows)
            for code, dsn in sources.items()
        }

    def begin(self) -> None:
        for one in self.universities.values():
            one.begin()

    def start(self) -> None:
        for one in self.universities.values():
            one.start()

    def stop(self) -> None:
        for one in self.universities.values():
            one.stop()

    def close(self) -> None:
        for one in self.universities.values():
            one.stop()

    @property
    def commits(self) -> int:
        return sum(one.commits for one in self.universities.values())

    @property
    def changes(self) -> int:
        return sum(one.changes for one in self.universities.values())
