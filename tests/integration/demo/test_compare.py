"""The comparison finds whatever differs, and the mapping files say what the hand-written SQL says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
from psycopg import sql

from deploy.demo import events
from deploy.demo.changes import CHANGES, Driver
from deploy.demo.compare import Outcome, compare
from deploy.demo.extent import CODES
from deploy.demo.universities.shape import Shape
from deploy.local.stack import Stack
from producers.draft import draft
from producers.mapping.compile import AS_NEW, NOTHING, Stamps, compile_mapping
from producers.mapping.load import load
from producers.mapping.lookups import LookupTable
from producers.sources.postgresql.tables import PostgresReader
from schemas import envelope
from schemas.avro_schema import ENTITIES, change_subject, field_names, record_name
from schemas.codec import codec
from schemas.settings import Secret
from tests.integration.demo.conftest import Connection

pytestmark = pytest.mark.real

IDS = {change_subject(entity): number for number, entity in enumerate(ENTITIES, 1)}


def carry(source: Connection, national: Connection, shape: Shape) -> None:
    """Bring a university into the national tables by the agent's compiled mapping, without any of the ways between."""
    code = shape.code
    for entity in ENTITIES:
        national.execute(sql.SQL("delete from {} where institution = %s").format(sql.Identifier(entity)), [code])
    rows: dict[str, list[tuple[Any, ...]]] = {entity: [] for entity in ENTITIES}
    for raw in mapped(source, shape):
        read = envelope.read(raw)
        entity = ENTITIES[envelope.schema_id_of(raw) - 1]
        values = codec(f"vn.hemis.{record_name(entity)}").decode(raw, read.body)[0]
        rows[entity].append((read.record_key, code, "NEW", json.dumps(read.untyped), *values.values()))
    for entity, found in rows.items():
        columns = ", ".join(("record_key", "institution", "operation", "untyped", *field_names(entity)))
        with national.cursor() as cursor, cursor.copy(f"copy {entity} ({columns}) from stdin".encode()) as copy:
            for row in found:
                copy.write_row(row)


def mapped(source: Connection, shape: Shape) -> Iterator[bytes]:
    mapping = load(shape.mapping_file())
    lookups = {}
    for name, lookup in mapping.lookups.items():
        lookups[name] = LookupTable()
        pairs = texts(source, lookup.table, (lookup.key, lookup.value))
        lookups[name].fill((key, value) for key, value in pairs)
    stamps = Stamps()
    stamps.at(1, 1)
    for table, program in compile_mapping(mapping, "test", IDS, lookups).items():
        encode = program.encode(NOTHING)
        for row in texts(source, table, program.columns):
            for _, value in encode(row, AS_NEW, stamps.of(1)):
                yield value


def texts(source: Connection, table: str, columns: tuple[str, ...]) -> list[list[bytes | None]]:
    query = sql.SQL("copy (select {} from {}) to stdout").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(*table.split(".", 1))
    )
    with source.cursor() as cursor, cursor.copy(query) as copy:
        return [[None if part is None else part.encode() for part in row] for row in copy.rows()]


def all_outcomes(sources: dict[str, Connection], national: Connection, shapes: dict[str, Shape]) -> list[Outcome]:
    return [
        outcome
        for code in CODES
        for outcome in compare(sources[code], national, code, shapes[code].folder() / "expected.sql")
    ]


def test_mapping_and_expected_rows_agree_after_changes_of_every_kind(
    sources: dict[str, Connection], national: Connection, shapes: dict[str, Shape]
) -> None:
    driver = Driver(shapes, sources, seed=3)
    for _ in range(1_500):
        driver.one()
    assert set(driver.done) == {change.name for kinds in CHANGES.values() for change in kinds}
    events.truncate_contracts(sources["DHB"])
    events.refill_contracts(sources["DHB"])
    events.alter_tables(sources)
    for code in CODES:
        carry(sources[code], national, shapes[code])
    outcomes = all_outcomes(sources, national, shapes)
    assert [o for o in outcomes if not o.perfect] == []
    assert sum(o.equal for o in outcomes) > 2_500


def test_every_planted_difference_is_found(
    sources: dict[str, Connection], national: Connection, shapes: dict[str, Shape]
) -> None:
    for code in CODES:
        carry(sources[code], national, shapes[code])
    assert all(o.perfect for o in all_outcomes(sources, national, shapes))
    key = "(select min(record_key) from {} where institution = 'DHA')"
    for entity, change in (
        ("person", "update person set full_name = full_name || ' ' where record_key = " + key.format("person")),
        ("learner", "delete from learner where record_key = " + key.format("learner")),
        (
            "study_record",
            "update study_record set operation = 'CANCEL' where record_key = " + key.format("study_record"),
        ),
        (
            "programme",
            'update programme set untyped = \'{"level": "x"}\' where record_key = ' + key.format("programme"),
        ),
        (
            "institution",
            "insert into institution (record_key, institution, operation) values ('DHA/institution/x', 'DHA', 'NEW')",
        ),
        ("degree", "update degree set serial = serial || '0' where record_key = " + key.format("degree")),
        ("study_decision", "delete from study_decision where record_key = " + key.format("study_decision")),
        (
            "staff_contract",
            "update staff_contract set full_time = null where record_key = " + key.format("staff_contract"),
        ),
    ):
        assert national.execute(change.encode()).rowcount == 1, entity
    found = {o.entity: o for o in all_outcomes(sources, national, shapes) if not o.perfect}
    assert {(e, o.missing, o.extra, o.different) for e, o in found.items()} == {
        ("person", 0, 0, 1),
        ("learner", 1, 0, 0),
        ("study_record", 1, 0, 0),
        ("programme", 0, 0, 1),
        ("institution", 0, 1, 0),
        ("degree", 0, 0, 1),
        ("study_decision", 1, 0, 0),
        ("staff_contract", 0, 0, 1),
    }
    assert found["person"].examples[0].endswith(": full_name")
    assert found["programme"].examples[0].endswith(": untyped")


def named(shape: Shape) -> Iterator[tuple[str, str]]:
    """Every record that the truth could name, by entity and record key."""
    university = shape.university
    yield from (("org_unit", shape.record("org_unit", unit.number)) for unit in university.units)
    yield from (("major_licence", shape.record("major_licence", one.number)) for one in university.licences)
    yield from (("programme", shape.record("programme", one.number)) for one in university.programmes)
    for learner in map(university.learner, range(university.learners)):
        for study in learner.studies:
            yield "study_record", shape.record("study_record", study.number)
            yield from (("study_decision", shape.record("study_decision", one.number)) for one in study.decisions)
        yield from (("degree", shape.record("degree", one.number)) for one in learner.degrees)
    for member in map(university.staff_member, range(university.staff)):
        yield from (("staff_contract", shape.record("staff_contract", one.number)) for one in member.contracts)
        yield from (("teaching_assignment", shape.record("teaching_assignment", t.number)) for t in member.assignments)
        yield from (("degree", shape.record("degree", one.number, staff=True)) for one in member.degrees)


def test_the_truth_names_records_as_they_arrive(
    sources: dict[str, Connection], national: Connection, shapes: dict[str, Shape]
) -> None:
    for code in CODES:
        carry(sources[code], national, shapes[code])
        expected: dict[str, set[str]] = {}
        for entity, record in named(shapes[code]):
            expected.setdefault(entity, set()).add(record)
        for entity, records in expected.items():
            query = sql.SQL("select record_key from {} where institution = %s").format(sql.Identifier(entity))
            assert {row[0] for row in national.execute(query, [code])} == records, (code, entity)


def test_another_institutions_rows_are_not_ours(
    sources: dict[str, Connection], national: Connection, shapes: dict[str, Shape]
) -> None:
    for code in ("DHA", "DHB"):
        carry(sources[code], national, shapes[code])
    outcomes = {(o.institution, o.perfect) for o in all_outcomes(sources, national, shapes)}
    assert outcomes == {("DHA", True), ("DHB", True), ("DHC", False)}


def test_a_draft_of_each_university_knows_what_its_tables_hold(
    stack: Stack, sources: dict[str, Connection], tmp_path: Path
) -> None:
    for code, source in sources.items():
        reader = PostgresReader(Secret(stack.dsn("universities", source.info.dbname)))
        try:
            text = draft(code, reader)
        finally:
            reader.close()
        (tmp_path / "draft.yaml").write_text(text, "utf-8")
        mapping = load(tmp_path / "draft.yaml")
        found = {record.entity for record in mapping.records}
        known = {"institution", "programme", "person", "study_record", "degree"}
        others = {"DHA": {"major_licence", "learner"}, "DHB": set(ENTITIES) - known, "DHC": set(ENTITIES) - known}
        missing = (known | others[code]) - found
        # A wide row of a student or of staff is one table: that it is also a course of study or a contract, a person must say.
        assert missing <= ({"study_record", "staff_contract"} if code == "DHC" else set()), (code, missing)


def test_changes_follow_the_seed(sources: dict[str, Connection], shapes: dict[str, Shape]) -> None:
    def play() -> dict[str, int]:
        driver = Driver(shapes, sources, seed=9)
        for connection in sources.values():
            connection.execute("begin")
        for _ in range(200):
            driver.one()
        for connection in sources.values():
            connection.execute("rollback")
        return dict(driver.done)

    assert play() == play()


def test_changes_come_no_faster_than_their_rate(sources: dict[str, Connection], shapes: dict[str, Shape]) -> None:
    driver = Driver(shapes, sources, seed=9)
    assert 0 < driver.run(50.0, Event(), seconds=1.0) <= 55


def test_the_huge_transaction_is_one_and_has_the_wanted_size(sources: dict[str, Connection]) -> None:
    source = sources["DHB"]
    assert events.huge_transaction(source, 5_000) == 5_000
    ids = source.execute("select distinct xmin::text from sis.enrolments").fetchall()
    assert len(ids) == 1


def test_keys_are_merged_in_the_order_of_bytes(national: Connection) -> None:
    keys = ["DHA/person/a", "DHA/person/a%2F1", "DHA/person/A", "DHA/person/ă", "DHA/person/a-1"]
    Random(1).shuffle(keys)
    national.execute("create temporary table k (key text)")
    national.cursor().executemany("insert into k values (%s)", [(key,) for key in keys])
    found = [row[0] for row in national.execute('select key from k order by key collate "C"')]
    assert all(a.encode() < b.encode() for a, b in pairwise(found))
