"""Makes a university: its tables, and its rows by COPY."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from deploy.demo.extent import CODES
from deploy.demo.files import Learner, Staff, University
from deploy.demo.flaws import OF_LEARNER
from deploy.demo.people import Generation
from deploy.demo.universities.dha import DHA
from deploy.demo.universities.dhb import DHB
from deploy.demo.universities.dhc import DHC
from deploy.demo.universities.shape import Row, Shape
from deploy.demo.violations import ELSEWHERE, HIDDEN_BY, OVER_INSTITUTIONS, VIOLATIONS

SHAPES: dict[str, type[Shape]] = {"DHA": DHA, "DHB": DHB, "DHC": DHC}

Connection = psycopg.Connection[Any]
Line = dict[str, Any]


def shape(code: str, seed: int, learners: Mapping[str, int]) -> Shape:
    """A university of the demo, `learners` per university at first load."""
    return SHAPES[code](University(code, seed, learners))


def create(connection: Connection, university: Shape) -> int:
    """Make tables and rows in an empty database, in one transaction. Returns the number of rows."""
    with connection.transaction():
        connection.execute(university.schema().encode())
        tables: dict[str, list[Row]] = {table: [] for table in university.columns}
        for table, row in university.rows():
            tables[table].append(row)
        for table, rows in tables.items():
            statement = f"copy {table} ({', '.join(university.columns[table])}) from stdin"
            with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
    with connection.transaction():
        connection.execute("analyze")
    return sum(map(len, tables.values()))


def write_truth(file: Path, seed: int, learners: Mapping[str, int]) -> int:
    """The truth beside what the universities hold, as JSON lines.

    One line per file of a learner or of staff, with the person's number and the flaws of what is said about the person: two lines
    with one number and one kind are one human being. One line per other record that carries a flaw. `record`: the national record
    key. `rules`: what must be found about it; a flaw that others hide gives none. Returns the number of lines.
    """
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for code in CODES:
            for line in _truth(shape(code, seed, learners)):
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1
    return count


def _truth(of: Shape) -> Iterator[Line]:
    university = of.university
    for unit in university.units:
        yield from _broken(of, "org_unit", unit.number, unit.flaws)
    for programme in university.programmes:
        yield from _broken(of, "programme", programme.number, programme.flaws)
    for number in range(university.learners):
        yield from _learner(of, university.learner(number))
    for number in range(university.staff):
        yield from _staff(of, university.staff_member(number))


def _learner(of: Shape, file: Learner) -> Iterator[Line]:
    university, number = of.university, file.number
    yield from _person(of, "learner", file)
    twin = university.held("learner", number - 1 if university.twin(number) else number + 1)
    twice = any("enrolled_twice" in study.flaws for study in file.studies)
    yield from _broken(of, "learner", number, ("enrolled_twice",) if twice and file.held.surely(twin) else ())
    hidden = _hidden(of, "learner", file)
    for study in file.studies:
        late = ("late_licence",) if university.licensed_late(study) else ()
        yield from _broken(of, "study_record", study.number, (*study.flaws, *late), hidden | ELSEWHERE)
        for decision in study.decisions:
            yield from _broken(of, "study_decision", decision.number, decision.flaws)
    for degree in file.degrees:
        yield from _broken(of, "degree", degree.number, degree.flaws, hidden)


def _staff(of: Shape, file: Staff) -> Iterator[Line]:
    yield from _person(of, "staff", file)
    hidden = _hidden(of, "staff", file)
    for contract in file.contracts:
        yield from _broken(of, "staff_contract", contract.number, contract.flaws, hidden)
    for assignment in file.assignments:
        yield from _broken(of, "teaching_assignment", assignment.number, assignment.flaws)
    for degree in file.degrees:
        yield from _broken(of, "degree", degree.number, degree.flaws, hidden, staff=True)


def _person(of: Shape, kind: Generation, file: Learner | Staff) -> Iterator[Line]:
    """The file, and beside it what of its flaws stands in the learner's record."""
    held, rules = file.held, {flaw: of.found_by(file.held, flaw) for flaw in file.held.flaws}
    record = of.record("person", file.number, staff=kind == "staff")
    own = sorted({rule for flaw, found in rules.items() if flaw not in OF_LEARNER for rule in found})
    yield {
        "at": of.code, "kind": kind, "code": file.code, "person": file.person, "record": record, "flaws": held.flaws, "rules": own,
    }  # fmt: skip
    if kind == "learner" and (contact := [flaw for flaw in held.flaws if flaw in OF_LEARNER]):
        found = sorted({rule for flaw in contact for rule in rules[flaw]})
        yield {"at": of.code, "kind": kind, "record": of.record(kind, file.number), "flaws": contact, "rules": found}


def _hidden(of: Shape, kind: Generation, file: Learner | Staff) -> set[str]:
    """Violations that nobody can see, because of what else the files say of the person."""
    hidden = {name for name, flaws in HIDDEN_BY.items() if not flaws.isdisjoint(file.held.flaws)}
    code, number = of.university.origin(kind, file.number)
    if code != of.code and not file.held.surely(of.university.other(code).held(kind, number)):
        hidden |= OVER_INSTITUTIONS
    return hidden


def _broken(
    of: Shape, entity: str, number: int, flaws: Sequence[str], hidden: Collection[str] = (), *, staff: bool = False
) -> Iterator[Line]:
    if flaws:
        rules = sorted({VIOLATIONS[flaw].rule for flaw in flaws if flaw not in hidden})
        record = of.record(entity, number, staff=staff)
        yield {"at": of.code, "kind": entity, "record": record, "flaws": flaws, "rules": rules}
