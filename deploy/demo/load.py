"""Makes a university: its tables, and its rows by COPY."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from deploy.demo.files import CODES, University
from deploy.demo.universities.dha import DHA
from deploy.demo.universities.dhb import DHB
from deploy.demo.universities.dhc import DHC
from deploy.demo.universities.shape import Row, Shape

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
    """The truth beside what the universities hold: one JSON line per file, with the person's number and the flaws.

    Two lines with one number and one kind are one human being. Returns the number of lines.
    """
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for code in CODES:
            university = University(code, seed, learners)
            for kind, total, get in (
                ("learner", university.learners, university.learner),
                ("staff", university.staff, university.staff_member),
            ):
                for number in range(total):
                    of = get(number)
                    line = {"at": code, "kind": kind, "code": of.code, "person": of.person, "flaws": of.held.flaws}
                    out.write(json.dumps(line) + "\n")
                    count += 1
    return count
