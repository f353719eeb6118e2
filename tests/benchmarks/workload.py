"""The same source rows for both systems: three tables, N rows each, seeded; one row is one entity record.

persons -> person, learners -> learner, study_records -> study_record: a third of the records are people. For ours a row
is one entity record, mapped, validated and put into canonical codes; for the peer it is one table row, copied.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]

SEED = 20_261_124
SENTINELS = 64
"""Rows of a table that change last: with them there, every partition is complete up to the end (chance of a miss below 1e-7)."""

FAMILY = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Lý",
]
MIDDLE = ["Văn", "Thị", "Hữu", "Đức", "Minh", "Ngọc", "Thanh", "Quang", "Thuỳ", "Gia", "Bảo", "Khánh"]
GIVEN = [
    "An",
    "Anh",
    "Bình",
    "Châu",
    "Dũng",
    "Giang",
    "Hà",
    "Hải",
    "Hiếu",
    "Hương",
    "Khoa",
    "Lan",
    "Linh",
    "Long",
    "Mai",
    "Nam",
    "Nga",
    "Phúc",
    "Quân",
    "Sơn",
    "Thảo",
    "Trang",
    "Tú",
    "Tuấn",
]
STREETS = ("Trần Hưng Đạo", "Lê Lợi", "Nguyễn Huệ", "Hai Bà Trưng", "Điện Biên Phủ", "Phan Chu Trinh")
PROVINCES = ("01", "26", "31", "38", "40", "48", "79", "92")

SEXES = {"Nam": "M", "Nữ": "F"}
FORMS = {"CQ": "FULL_TIME", "VLVH": "PART_TIME", "TX": "DISTANCE"}
STATUSES = {"dang_hoc": "STUDYING", "bao_luu": "SUSPENDED", "thoi_hoc": "WITHDRAWN", "tot_nghiep": "GRADUATED"}

DEFINITION = """\
create table persons (
  id bigint primary key, full_name varchar(100) not null, birth_date date, sex varchar(3), nationality varchar(2),
  ethnicity varchar(2), citizen_number varchar(12), document_type varchar(10), document_number varchar(20),
  birth_province varchar(2), permanent_address varchar(200), ward_code varchar(5), address_from date, updated_at timestamptz);
create table learners (
  id bigint primary key, code varchar(20) not null, person_id bigint not null, email varchar(120), phone varchar(40),
  policy_group varchar(4), updated_at timestamptz);
create table study_records (
  id bigint primary key, local_id varchar(20) not null, learner_id bigint not null, enrolment_date date,
  enrolment_decision varchar(60), form_of_study varchar(4), cohort varchar(8), year_of_study int, status varchar(12),
  status_date date, main_programme boolean, updated_at timestamptz);
"""


@dataclass(frozen=True)
class Table:
    """A source table, our entity for it, the column that changes write a mark into, and what a mapped row must become.

    `mapped`: entity field -> SQL over the source row that gives the same text as the national column does.
    """

    name: str
    entity: str
    mark: str
    mapped: dict[str, str]


def _coded(column: str, codes: dict[str, str]) -> str:
    return f"case {column} " + " ".join(f"when '{a}' then '{b}'" for a, b in codes.items()) + " end"


TABLES: tuple[Table, ...] = (
    Table(
        "persons",
        "person",
        "permanent_address",
        {
            "full_name": "full_name",
            "birth_date": "birth_date",
            "sex": _coded("sex", SEXES),
            "nationality": "nationality",
            "ethnicity": "ethnicity",
            "citizen_number": "citizen_number",
            "document_type": "document_type",
            "document_number": "document_number",
            "birth_province": "birth_province",
            "permanent_address": "permanent_address",
            "ward_code": "ward_code",
            "address_from": "address_from",
        },
    ),
    Table(
        "learners",
        "learner",
        "phone",
        {
            "code": "code",
            "person": "'{institution}/person/' || person_id",
            "email": "email",
            "phone": "phone",
            "policy_group": "policy_group",
        },
    ),
    Table(
        "study_records",
        "study_record",
        "enrolment_decision",
        {
            "local_id": "local_id",
            "learner": "'{institution}/learner/' || learner_id",
            "enrolment_date": "enrolment_date",
            "enrolment_decision": "enrolment_decision",
            "form_of_study": _coded("form_of_study", FORMS),
            "cohort": "cohort",
            "year_of_study": "year_of_study",
            "status": _coded("status", STATUSES),
            "status_date": "status_date",
            "main_programme": "main_programme",
        },
    ),
)
NAMES: tuple[str, ...] = tuple(table.name for table in TABLES)


def mapping(institution: str) -> dict[str, object]:
    """The mapping file's content for one institution."""
    plain: dict[str, dict[str, object]] = {table.entity: {field: field for field in table.mapped} for table in TABLES}
    plain["person"]["sex"] = {"column": "sex", "codes": "sex"}
    plain["learner"]["person"] = {"reference": "person", "key": ["person_id"]}
    plain["study_record"]["learner"] = {"reference": "learner", "key": ["learner_id"]}
    plain["study_record"]["form_of_study"] = {"column": "form_of_study", "codes": "form_of_study"}
    plain["study_record"]["status"] = {"column": "status", "codes": "study_status"}
    return {
        "institution": institution,
        "records": [
            {"entity": table.entity, "table": f"public.{table.name}", "key": ["id"], "fields": plain[table.entity]}
            for table in TABLES
        ],
        "codes": {"sex": SEXES, "form_of_study": FORMS, "study_status": STATUSES},
    }


def create(dsn: str) -> None:
    """The empty tables: in a source, and in the peer's national database."""
    with psycopg.connect(dsn) as connection:
        connection.execute(DEFINITION)


def fill(dsn: str, rows: int, population: int, *, after: int = 0) -> None:
    """`rows` rows per table, numbered from `after` + 1 on. `population` numbers the institution, so that institutions hold
    different people."""
    makers = {"persons": _person, "learners": _learner, "study_records": _study_record}
    with psycopg.connect(dsn) as connection:
        for name, maker in makers.items():
            draw = random.Random(f"{SEED}/{population}/{name}" + (f"/{after}" if after else ""))
            with connection.cursor().copy(f"copy {name} from stdin") as copy:
                for block in _blocks(after + 1, after + rows):
                    copy.write("".join("\t".join(maker(draw, n, population)) + "\n" for n in block))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def change(dsn: str, rows: int, changes: int, per_transaction: int, mark: str) -> int:
    """Change about `changes` rows, tables in turn, `per_transaction` rows a commit, the sentinels last; returns how many.

    A change writes `<mark>-<counter>` into a mapped column, so every one is a change of content for both systems.
    """
    made = counter = 0
    places = dict.fromkeys(NAMES, 1)
    body = rows - SENTINELS
    with psycopg.connect(dsn) as connection:
        connection.execute("set synchronous_commit = off")
        while made < changes:
            table = TABLES[counter % len(TABLES)]
            counter += 1
            first = places[table.name]
            last = min(first + min(per_transaction, changes - made) - 1, body)
            made += _mark(connection, table, first, last, f"{mark}-{counter}")
            places[table.name] = last + 1 if last < body else 1
        connection.execute("set synchronous_commit = on")
        for table in TABLES:
            made += _mark(connection, table, body + 1, rows, f"{mark}-end")
    return made


def change_one_transaction(dsn: str, changes: int, mark: str) -> tuple[int, str]:
    """Change at least `changes` rows in one transaction; returns how many, and the mark that they carry in the end."""
    made = turn = 0
    with psycopg.connect(dsn) as connection:
        while made < changes:
            turn += 1
            for table in TABLES:
                made += connection.execute(
                    f"update {table.name} set {table.mark} = %s, updated_at = clock_timestamp()",
                    [f"{mark}-{turn}"],
                ).rowcount
    return made, f"{mark}-{turn}"


def sentinel_ids(rows: int) -> list[int]:
    return list(range(rows - SENTINELS + 1, rows + 1))


def copied(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Row count and content hash per table: equal in source and peer's store if and only if the rows are."""
    return tuple(
        _digest(connection, f"select t::text as content from {name} t")
        for name in NAMES  # `t::text` is the whole row
    )


def mapped(connection: Connection, institution: str) -> tuple[tuple[str, str], ...]:
    """Row count and content hash per table of what a source's rows must become in our store."""
    digests = []
    for table in TABLES:
        fields = ", ".join(
            f"({expression.format(institution=institution)})::text" for expression in table.mapped.values()
        )
        key = f"'{institution}/{table.entity}/' || id"
        digests.append(_digest(connection, f"select row({key}, {fields})::text as content from {table.name}"))
    return tuple(digests)


def stored(connection: Connection, institution: str) -> tuple[tuple[str, str], ...]:
    """Row count and content hash per entity of an institution's records in our store."""
    digests = []
    for table in TABLES:
        fields = ", ".join(f"{field}::text" for field in table.mapped)
        query = (
            f"select row(record_key, {fields})::text as content from {table.entity}"
            f" where institution = '{institution}' and operation::text <> 'CANCEL'"
        )
        digests.append(_digest(connection, query))
    return tuple(digests)


def _digest(connection: Connection, rows: str) -> tuple[str, str]:
    query = f"select count(*)::text, coalesce(sum(hashtextextended(content, 0)::numeric), 0)::text from ({rows}) as it"
    found = connection.execute(query).fetchone()
    assert found is not None
    return str(found[0]), str(found[1])


def _mark(connection: Connection, table: Table, first: int, last: int, mark: str) -> int:
    count = connection.execute(
        f"update {table.name} set {table.mark} = %s, updated_at = clock_timestamp() where id between %s and %s",
        [mark, first, last],
    ).rowcount
    connection.commit()
    return count


def _blocks(first: int, last: int) -> Iterator[range]:
    for start in range(first, last + 1, 2000):
        yield range(start, min(start + 2000, last + 1))


STAMP = "2026-01-01 00:00:00+00"
NULL = r"\N"


def _person(draw: random.Random, n: int, population: int) -> list[str]:
    year, male = draw.randint(1999, 2007), draw.random() < 0.5
    century = 2 if year >= 2000 else 0
    province = PROVINCES[population % len(PROVINCES)]
    # 0 + province (2) + century and sex + year (2) + six digits: plausible, and different for every person.
    number = f"0{province}{century + (0 if male else 1)}{year % 100:02d}{n % 1_000_000:06d}"
    return [
        str(n),
        f"{draw.choice(FAMILY)} {draw.choice(MIDDLE)} {draw.choice(GIVEN)}",
        f"{year}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
        "Nam" if male else "Nữ",
        "VN",
        f"{draw.randint(1, 54):02d}",
        number,
        NULL,
        NULL,
        draw.choice(PROVINCES),
        f"{draw.randint(1, 400)} {draw.choice(STREETS)}",
        "00004",
        f"{draw.randint(2008, 2024)}-01-01",
        STAMP,
    ]


def _learner(draw: random.Random, n: int, population: int) -> list[str]:
    code = f"SV{population}{n:08d}"
    return [str(n), code, str(n), f"{code.lower()}@example.edu.vn", f"09{draw.randint(0, 99_999_999):08d}", NULL, STAMP]


def _study_record(draw: random.Random, n: int, population: int) -> list[str]:
    year = draw.randint(2021, 2025)
    return [
        str(n),
        f"HS{population}{n:08d}",
        str(n),
        f"{year}-09-05",
        f"{draw.randint(100, 999)}/QĐ-{year}",
        draw.choice(list(FORMS)),
        f"K{year % 100}",
        str(2026 - year),
        draw.choice(list(STATUSES)),
        f"{year}-09-05",
        "t" if draw.random() < 0.95 else "f",
        STAMP,
    ]
