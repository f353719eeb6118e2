"""Each database role sees just what it may."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa

from sinks import migrate
from sinks.query import query
from tests.integration.sinks.nation import Nation, login
from tests.integration.sinks.test_quality import PERSON

pytestmark = pytest.mark.real


@pytest.fixture
def filled(national: Nation) -> Nation:
    with national.engine.begin() as connection:
        assert migrate.make_roles(connection, ("UNI-A", "UNI-B")) == []
    national.record("UNI-A/person/1", **PERSON, ethnicity="01")
    national.record("UNI-A/person/2", **PERSON, untyped={"ethnicity": "kinh (?)", "birth_date": "x"})
    national.record("UNI-B/person/1", **PERSON, ethnicity="02")
    national.record("UNI-A/learner/1", person="UNI-A/person/1", code="SV1", phone="0912")
    national.record("UNI-A/study_record/1", learner="UNI-A/learner/1", status="STUDYING", local_id="77")
    national.record("UNI-A/programme/1", code="P", name="CNTT")
    national.golden("n:1", ["UNI-A/person/1", "UNI-B/person/1"], **PERSON)
    national.finding("f1", "UNI-B", record_key="UNI-B/person/1")
    return national


def rows(engine: sa.Engine, text: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(text))]


def refused(engine: sa.Engine, text: str) -> bool:
    try:
        rows(engine, text)
    except sa.exc.ProgrammingError as error:
        return isinstance(error.orig, psycopg.errors.InsufficientPrivilege)
    return False


def columns(engine: sa.Engine, relation: str) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(sa.text(f"SELECT * FROM {relation} LIMIT 0")).keys())


TABLES = (
    "person",
    "person_history",
    "golden_person",
    "learner",
    "finding",
    "change_history",
    "pseudonym_secret",
    "audit",
)


@pytest.mark.parametrize("role", ["hemis_ministry", "hemis_owner_UNI-A", "hemis_reader"])
def test_no_role_reads_the_tables_themselves(filled: Nation, role: str) -> None:
    with login(filled, role) as engine:
        assert [table for table in TABLES if not refused(engine, f"SELECT * FROM public.{table}")] == []
        assert refused(engine, "SELECT * FROM public.person_as_of(now())")
        assert refused(engine, "DELETE FROM public.person")


def test_the_ministry_sees_all_but_ethnicity(filled: Nation) -> None:
    with login(filled, "hemis_ministry") as engine:
        assert rows(engine, "SELECT count(*) FROM ministry.person") == [(3,)]
        assert rows(engine, "SELECT full_name FROM ministry.golden_person") == [(PERSON["full_name"],)]
        for relation in ("person", "person_versions", "golden_person"):
            assert "ethnicity" not in columns(engine, f"ministry.{relation}")
        untyped = rows(engine, "SELECT untyped FROM ministry.person WHERE record_key = 'UNI-A/person/2'")
        assert untyped == [({"birth_date": "x"},)]
        assert rows(engine, "SELECT rule, institution FROM ministry.finding") == [("V01", "UNI-B")]
        assert refused(engine, "SELECT * FROM owned.person")
        assert refused(engine, "SELECT * FROM reader.golden_person")


def test_an_owner_sees_its_own_records_with_ethnicity(filled: Nation) -> None:
    with login(filled, "hemis_owner_UNI-A") as engine:
        seen = rows(engine, "SELECT record_key, ethnicity FROM owned.person ORDER BY 1")
        assert seen == [("UNI-A/person/1", "01"), ("UNI-A/person/2", None)]
        assert rows(engine, "SELECT * FROM owned.finding") == []
        assert rows(engine, "SELECT person_key, record_key FROM owned.golden_person") == [("n:1", "UNI-A/person/1")]
        assert rows(engine, "SELECT count(*) FROM owned.person_as_of(now())") == [(2,)]
        assert refused(engine, "SELECT * FROM ministry.person")
    with login(filled, "hemis_owner_UNI-B") as engine:
        assert rows(engine, "SELECT record_key, ethnicity FROM owned.person") == [("UNI-B/person/1", "02")]
        assert rows(engine, "SELECT rule FROM owned.finding") == [("V01",)]
    with login(filled, "hemis_owner") as engine:
        assert rows(engine, "SELECT * FROM owned.person") == []


def test_a_reader_sees_pseudonyms_only(filled: Nation) -> None:
    with login(filled, "hemis_reader") as engine:
        seen = rows(engine, "SELECT pseudonym, birth_year, sex, claims, institutions FROM reader.golden_person")
        assert seen[0][1:] == ("2001", "M", 2, ["UNI-A", "UNI-B"])
        pseudonym = str(seen[0][0])
        assert len(pseudonym) == 64
        assert rows(engine, "SELECT pseudonym, status FROM reader.study_record") == [(pseudonym, "STUDYING")]
        known = columns(engine, "reader.golden_person") | columns(engine, "reader.study_record")
        personal = {"full_name", "citizen_number", "document_number", "birth_date", "permanent_address", "ward_code", "phone",
                    "email", "ethnicity", "person_key", "record_key", "claims_list", "learner", "local_id", "origins"}  # fmt: skip
        assert known & personal == set()
        everything = str(rows(engine, "SELECT * FROM reader.golden_person_versions") + rows(engine, "SELECT * FROM reader.study_record_versions"))  # fmt: skip
        for value in (PERSON["full_name"], PERSON["citizen_number"], "n:1", "UNI-A/person/1"):
            assert str(value) not in everything
        assert rows(engine, "SELECT name FROM reader.programme") == [("CNTT",)]
        for relation in ("ministry.person", "owned.person", "public.pseudonym_secret", "public.person"):
            assert refused(engine, f"SELECT * FROM {relation}")


def test_a_pseudonym_lasts_over_migrations(filled: Nation) -> None:
    before = filled.rows("SELECT pseudonym FROM reader.golden_person")
    migrate.migrate(filled.engine)
    assert filled.rows("SELECT pseudonym FROM reader.golden_person") == before
    with login(filled, "hemis_reader") as engine:
        assert rows(engine, "SELECT pseudonym FROM reader.golden_person") == before


def test_each_roles_query_as_of_goes_through_its_own_views(filled: Nation) -> None:
    moment = filled.clock()
    filled.record("UNI-A/person/1", **PERSON | {"full_name": "Trần Mới"}, ethnicity="03")
    text = "select count(*) from person where full_name = 'Trần Mới'"
    with login(filled, "hemis_ministry") as engine:
        assert query(engine, text, None, limit=9, seconds=9).rows == [(1,)]
        assert query(engine, text, moment, limit=9, seconds=9).rows == [(0,)]
    with login(filled, "hemis_owner_UNI-A") as engine:
        own = query(engine, "select record_key, ethnicity from person order by 1", moment, limit=9, seconds=9)
        assert own.rows == [("UNI-A/person/1", "01"), ("UNI-A/person/2", None)]
    with login(filled, "hemis_reader") as engine:
        seen = query(engine, "select birth_year from golden_person", moment, limit=9, seconds=9)
        assert seen.rows == [("2001",)]


def test_who_may_not_make_roles_is_told_what_to_run(national: Nation) -> None:
    with login(national, "hemis_reader") as engine, engine.connect() as connection:
        left = migrate.roles.missing(connection, ("NEW-1",))
        assert not migrate.roles.may_create_roles(connection)
    assert 'GRANT hemis_owner TO "hemis_owner_NEW-1"' in left
    assert any('GRANT "hemis_owner_NEW-1" TO hemis_board' in statement for statement in left)


def test_the_board_reads_as_whom_it_serves_and_as_nobody_else(filled: Nation) -> None:
    with login(filled, "hemis_board") as engine, engine.connect() as connection:

        def seen(role: str, query: str) -> list[tuple[object, ...]]:
            with connection.begin():
                connection.execute(sa.text("SELECT set_config('role', :role, true)"), {"role": role})
                return [tuple(row) for row in connection.execute(sa.text(query))]

        assert seen("hemis_owner_UNI-B", "SELECT institution, rule, findings FROM owned.finding_count") == [
            ("UNI-B", "V01", 1)
        ]
        assert seen("hemis_owner_UNI-A", "SELECT * FROM owned.finding_count") == []
        assert seen("hemis_reader", "SELECT count(*) FROM reader.finding_count") == [(1,)]
        assert seen("hemis_ministry", "SELECT count(*) FROM ministry.person") == [(3,)]
        connection.rollback()
        for relation in ("ministry.person", "owned.person", "reader.programme", "public.person"):
            assert refused(engine, f"SELECT * FROM {relation}")


def test_findings_are_counted_as_they_come_change_and_go(filled: Nation) -> None:
    def counts() -> list[tuple[object, ...]]:
        query = "SELECT institution, rule, severity, status, findings FROM finding_count WHERE findings <> 0 ORDER BY 1, 2, 4"
        whole = "SELECT institution, rule, severity, status, count(*) FROM finding GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 4"
        found = filled.rows(query)
        assert found == filled.rows(whole)
        return [(row[0], row[1], row[3], row[4]) for row in found]

    filled.finding("f2", "UNI-B", rule="V02", record_key="UNI-B/person/1")
    filled.finding("f3", "UNI-A", record_key="UNI-A/person/1")
    assert counts() == [("UNI-A", "V01", "OPEN", 1), ("UNI-B", "V01", "OPEN", 1), ("UNI-B", "V02", "OPEN", 1)]
    filled.finding("f1", "UNI-B", status="RESOLVED", record_key="UNI-B/person/1")
    assert counts()[1:] == [("UNI-B", "V01", "RESOLVED", 1), ("UNI-B", "V02", "OPEN", 1)]
    filled.do("DELETE FROM finding WHERE finding_id = 'f2'", "UPDATE finding_count SET findings = 7")
    migrate.migrate(filled.engine)
    assert counts() == [("UNI-A", "V01", "OPEN", 1), ("UNI-B", "V01", "RESOLVED", 1)]
