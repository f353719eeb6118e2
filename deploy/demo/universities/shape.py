"""What every demo university offers: its schema, its mapping, and its files as rows of its own tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import ClassVar, TypeAlias

from deploy.demo.files import Learner, Staff, University
from deploy.demo.flaws import FOUND_BY, Held

Value: TypeAlias = str | int | bool | None
Row: TypeAlias = tuple[Value, ...]
Rows: TypeAlias = list[tuple[str, Row]]
"""(table, row), tables as SQL writes them, parents first."""


class Shape(ABC):
    """One university's files as rows. Every method is a pure function of the university's seed."""

    code: ClassVar[str]
    name: ClassVar[str]
    columns: ClassVar[Mapping[str, tuple[str, ...]]]
    """Table → columns in the order of its rows, both as SQL writes them; in the order of loading."""

    def __init__(self, university: University) -> None:
        self.university = university

    @classmethod
    def folder(cls) -> Path:
        return Path(__file__).parent / cls.code

    @classmethod
    def schema(cls) -> str:
        """The tables."""
        return (cls.folder() / "schema.sql").read_text("utf-8")

    @classmethod
    def mapping_file(cls) -> Path:
        return cls.folder() / "mapping.yaml"

    @abstractmethod
    def fixed(self) -> Rows:
        """The institution, its code tables, units, licences and programmes."""

    @abstractmethod
    def learner_rows(self, file: Learner) -> Rows:
        """Everything about one learner."""

    @abstractmethod
    def staff_rows(self, file: Staff) -> Rows:
        """Everything about one member of staff."""

    @abstractmethod
    def record(self, entity: str, number: int, *, staff: bool = False) -> str:
        """The record key that a unit, licence, programme, person, learner, study, decision, degree, contract or assignment gets
        nationally, by its number in the files. `staff`: a person or degree of staff; those have numbers of their own."""

    def found_by(self, held: Held, flaw: str) -> tuple[str, ...]:
        """The rules that must find a flaw in what this university's tables and mapping make of a file."""
        return FOUND_BY.get(flaw, ()) if held.seen(flaw) else ()

    def learner(self, number: int) -> Rows:
        return self.learner_rows(self.university.learner(number))

    def staff_member(self, number: int) -> Rows:
        return self.staff_rows(self.university.staff_member(number))

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Everything at first load."""
        yield from self.fixed()
        for number in range(self.university.learners):
            yield from self.learner(number)
        for number in range(self.university.staff):
            yield from self.staff_member(number)


def iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def address(held: Held, *, long: bool) -> str:
    """An address as one text. `long`: with a pasted history, as free-text cells grow over the years."""
    text = ", ".join(part for part in (held.house, held.commune) if part)
    return text + "".join(f"; trước {1990 + n}: {held.commune}, khu {n}" for n in range(60)) if long else text
