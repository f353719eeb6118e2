"""Makes a university: its tables, and its rows by COPY."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from deploy.demo.extent import CODES
from deploy.demo.files import Learner, Staff, University
from deploy.demo.universities.dha import DHA
from deploy.demo.universities.dhb import DHB
from deploy.demo.universities.dhc import DHC
from deploy.demo.universities.shape import Row, Shape
from deploy.demo.violations import VIOLATIONS

SHAPES: dict[str, type[Shape]] = {"DHA": DHA, "DHB": DHB, "DHC": DHC}

Connection = psycopg.Connection[Any]


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
    with one number and one kind are one human being. One line per record that breaks a rule, with its national record key and
    its flaws, each named in `violations`. Returns the number of lines.
    """
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for code in CODES:
            for line in _truth(shape(code, seed, learners)):
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1
    return count


def _truth(of: Shape) -> Iterator[dict[str, Any]]:
    university = of.university
    for unit in university.units:
        yield from _broken(of, "org_unit", unit.number, unit.flaws)
    for licence in university.licences:
        yield from _broken(of, "major_licence", licence.number, licence.flaws)
    for programme in university.programmes:
        yield from _broken(of, "programme", programme.number, programme.flaws)
    for number in range(university.learners):
        learner = university.learner(number)
        yield _file(of, "learner", learner)
        for study in learner.studies:
            yield from _broken(of, "study_record", study.number, study.flaws)
        for degree in learner.degrees:
            yield from _broken(of, "degree", degree.number, degree.flaws)
    for number in range(university.staff):
        member = university.staff_member(number)
        yield _file(of, "staff", member)
        for contract in member.contracts:
            yield from _broken(of, "staff_contract", contract.number, contract.flaws)
        for assignment in member.assignments:
            yield from _broken(of, "teaching_assignment", assignment.number, assignment.flaws)
        for degree in member.degrees:
            yield from _broken(of, "degree", degree.number, degree.flaws, staff=True)


def _file(of: Shape, kind: str, file: Learner | Staff) -> dict[str, Any]:
    return {"at": of.code, "kind": kind, "code": file.code, "person": file.person, "flaws": file.held.flaws}


def _broken(
    of: Shape, entity: str, number: int, flaws: tuple[str, ...], *, staff: bool = False
) -> Iterator[dict[str, Any]]:
    if flaws:
        rules = sorted({VIOLATIONS[flaw].rule for flaw in flaws})
        record = of.record(entity, number, staff=staff)
        yield {"at": of.code, "kind": entity, "record": record, "flaws": flaws, "rules": rules}
