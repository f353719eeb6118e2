"""A source database of the fault tests: three tables, one row is one record; and what each row must become, told twice:
once as the mapping file (for the product), once as SQL (for the checker), so that neither can excuse the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]
Rows = dict[str, tuple[str | None, ...]]
"""Rows by record key; every value as text."""

DEFINITION = """
create table if not exists persons (
  id bigint primary key, tag text not null, full_name text, born date, sex text, citizen text, house text, essay text);
create table if not exists learners (id bigint primary key, tag text not null, person_id bigint, email text);
create table if not exists studies (id bigint primary key, tag text not null, learner_id bigint, status text, year int);
create table if not exists committed (number bigint primary key);
alter table persons alter column essay set storage external;
"""
"""`essay` is kept out of line, uncompressed: an update that leaves it alone sends it as unchanged TOAST. `committed` is not
mapped: a transaction leaves its number there, so that the load can ask what became of a commit whose answer got lost."""

SEXES = {"Nam": "M", "Nữ": "F"}
STATUSES = {"hoc": "STUDYING", "nghi": "SUSPENDED", "xong": "GRADUATED"}


def _case(column: str, codes: Mapping[str, str]) -> str:
    return f"case {column} " + " ".join(f"when '{a}' then '{b}'" for a, b in codes.items()) + " end"


class Table(NamedTuple):
    """A source table: its columns, its entity, and SQL over its row for each national column."""

    name: str
    columns: tuple[str, ...]
    entity: str
    becomes: Mapping[str, str]


TABLES = (
    Table(
        "persons",
        ("id", "tag", "full_name", "born", "sex", "citizen", "house", "essay"),
        "person",
        {
            "document_number": "tag",
            "full_name": "full_name",
            "birth_date": "born::text",
            "sex": _case("sex", SEXES),
            "citizen_number": "citizen",
            "permanent_address": "nullif(concat_ws(', ', house, essay), '')",
        },
    ),
    Table(
        "learners",
        ("id", "tag", "person_id", "email"),
        "learner",
        {"code": "tag", "person": "'{code}/person/' || person_id", "email": "email"},
    ),
    Table(
        "studies",
        ("id", "tag", "learner_id", "status", "year"),
        "study_record",
        {
            "local_id": "tag",
            "learner": "'{code}/learner/' || learner_id",
            "status": _case("status", STATUSES),
            "year_of_study": "year::text",
        },
    ),
)


def mapping(code: str) -> dict[str, object]:
    """The mapping file's content."""
    return {
        "institution": code,
        "records": [
            {
                "entity": "person",
                "table": "public.persons",
                "key": ["id"],
                "fields": {
                    "document_number": "tag",
                    "full_name": "full_name",
                    "birth_date": "born",
                    "sex": {"column": "sex", "codes": "sex"},
                    "citizen_number": "citizen",
                    "permanent_address": {"join": ["house", "essay"], "separator": ", "},
                },
            },
            {
                "entity": "learner",
                "table": "public.learners",
                "key": ["id"],
                "fields": {"code": "tag", "person": {"reference": "person", "key": ["person_id"]}, "email": "email"},
            },
            {
                "entity": "study_record",
                "table": "public.studies",
                "key": ["id"],
                "fields": {
                    "local_id": "tag",
                    "learner": {"reference": "learner", "key": ["learner_id"]},
                    "status": {"column": "status", "codes": "status"},
                    "year_of_study": "year",
                },
            },
        ],
        "codes": {"sex": SEXES, "status": STATUSES},
    }


def expected(source: Connection, code: str, table: Table) -> Rows:
    """What the source's rows must be nationally."""
    values = ", ".join(f"({text.format(code=code)})::text" for text in table.becomes.values())
    query = f"select '{code}/{table.entity}/' || id, {values} from {table.name}"
    return {str(row[0]): row[1:] for row in source.execute(query).fetchall()}  # type: ignore[misc]


def national(connection: Connection, code: str, table: Table) -> Rows:
    """The live national rows of the institution."""
    values = ", ".join(f"{name}::text" for name in table.becomes)
    query = f"select record_key, {values} from {table.entity} where institution = %s and operation <> 'CANCEL'"
    return {str(row[0]): row[1:] for row in connection.execute(query, [code]).fetchall()}  # type: ignore[misc]
