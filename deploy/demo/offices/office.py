"""What every office does, whatever its tables are: it picks a course of study, decides, awards, corrects, admits, hires."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar, NamedTuple, TypeAlias

import psycopg

from deploy.demo import flaws
from deploy.demo.extent import TODAY
from deploy.demo.files import Learner
from deploy.demo.studies import PER_STUDY, Decision
from deploy.demo.universities.shape import Rows, Shape

Connection: TypeAlias = psycopg.Connection[Any]


class Picked(NamedTuple):
    """A course of study: its key, and the number of its learner's file."""

    study: Any
    learner: int


class Office(ABC):
    """One university's data at work. `newest` is the number of the newest learner's file; admissions raise it.

    Methods that change rows give their number, and run in the caller's transaction.
    """

    NEWEST: ClassVar[str]
    """The query of the newest learner's number."""

    def __init__(self, shape: Shape, connection: Connection, r: Random) -> None:
        self.shape = shape
        self.connection = connection
        self.r = r
        self.others: Mapping[str, Office] = {}
        self._cursor = connection.cursor()
        row = self._cursor.execute(self.NEWEST.encode()).fetchone()
        self.newest = int(row[0]) if row and row[0] is not None else shape.university.learners - 1

    @abstractmethod
    def pick(self, status: str) -> Picked | None:
        """Some course of study that has this status."""

    @abstractmethod
    def set_status(self, study: Any, status: str) -> int:
        """A new status from today on."""

    @abstractmethod
    def decide(self, studies: Sequence[Any], kind: str, number: str, other: str | None, reason: str | None) -> int:
        """One decision of today about these courses of study."""

    @abstractmethod
    def award(self, study: Any, number: str) -> int:
        """The degree by graduation decision `number`, entered as the next in the register."""

    @abstractmethod
    def correct(self, number: str) -> int:
        """Some valid degree is corrected to what the holder is called now, by decision `number`."""

    @abstractmethod
    def hire(self, member: int) -> int:
        """A new contract in place of the present one."""

    def run(self, statement: str, *parameters: object) -> int:
        self._cursor.execute(statement.encode(), parameters)
        return max(0, self._cursor.rowcount)

    def one(self, query: str, *parameters: object) -> Any:
        """The first row, or None."""
        return self._cursor.execute(query.encode(), parameters).fetchone()

    def insert(self, rows: Rows) -> int:
        for table, row in rows:
            columns = self.shape.columns[table]
            marks = ", ".join(["%s"] * len(row))
            self.run(f"insert into {table} ({', '.join(columns)}) values ({marks}) on conflict do nothing", *row)
        return len(rows)

    def any_learner(self) -> int:
        return self.r.randint(0, self.newest)

    def any_staff(self) -> int:
        return self.r.randrange(self.shape.university.staff)

    def admit(self) -> int:
        self.newest += 1
        return self.insert(self.shape.learner(self.newest))

    def enter(self, leaver: Learner, origin: str) -> int:
        """Admit who comes from another university, under a number of this one."""
        self.newest += 1
        own = self.shape.university.learner(self.newest)
        study = own.studies[0]
        number = study.number * PER_STUDY
        decision = Decision(number, "TRANSFER_IN", self.decision_number(), TODAY, TODAY, origin, "chuyển nơi ở")
        came = replace(study, enrolled=TODAY, status_date=TODAY, decisions=(decision,))
        file = replace(own, person=leaver.person, held=leaver.held, studies=(came,))
        return self.insert(self.shape.learner_rows(file))

    def decision_number(self) -> str:
        return f"{self.r.randint(3000, 9999)}/QĐ-{self.shape.code}"

    def phone(self) -> str:
        return flaws.PLACEHOLDER_PHONE if self.r.random() < 0.03 else f"09{self.r.randrange(10**8):08}"

    def name(self) -> str:
        """A corrected name; now and then the correction brings a flaw of its own."""
        person = self.shape.university.population.person(self.r.randrange(10**7), "learner")
        return flaws.hold(person, self.r).full_name

    def citizen_number(self, learner: int) -> str | None:
        university = self.shape.university
        return university.population.person(university.learner(learner).person, "learner").citizen_number


@dataclass(frozen=True)
class Change:
    """One kind of change: `apply` gives the number of rows that it changed."""

    name: str
    weight: float
    apply: Callable[[Any], int]
