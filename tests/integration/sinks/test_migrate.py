"""The national schema: migrations against models, and the generated views."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from deploy.local.stack import Stack
from schemas.errors import HemisError
from sinks import migrate, roles, views
from sinks.base import Partition, Run
from sinks.model import ENTITIES, METADATA
from sinks.postgresql.sink import PostgresSink
from sinks.writers import Writers
from tests.conformance.sinks.events import Events, offline_registry
from tests.conformance.sinks.subjects import national_database

pytestmark = pytest.mark.real


@pytest.fixture
def national(stack: Stack) -> Iterator[sa.Engine]:
    with national_database(stack) as engine:
        yield engine


def differences(engine: sa.Engine) -> list[object]:
    with engine.connect() as connection, warnings.catch_warnings():
        # SQLAlchemy can't reflect every index option, and says so.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def test_migrations_give_the_models(national: sa.Engine) -> None:
    done = migrate.migrate(national)
    assert "table person_history" in done
    assert differences(national) == []
    assert migrate.migrate(national) == []
    migrate.require_schema(national)


def test_a_new_entity_and_a_new_field_need_no_revision(national: sa.Engine) -> None:
    migrate.migrate(national)
    with national.begin() as connection:
        connection.exec_driver_sql("DROP TABLE learner, learner_history CASCADE")
        connection.exec_driver_sql("ALTER TABLE person DROP COLUMN ethnicity CASCADE")
    with pytest.raises(HemisError, match="E502"):
        migrate.require_schema(national)
    assert sorted(migrate.migrate(national)) == ["column person.ethnicity", "table learner", "table learner_history"]
    assert differences(national) == []
    migrate.require_schema(national)


def test_a_database_of_six_entities_becomes_one_of_twelve_and_keeps_every_row(national: sa.Engine) -> None:
    """The tables of the contract before this one: six entities, no contact in golden persons, no waivers in findings."""
    six = ("institution", "programme", "person", "learner", "study_record", "staff_contract")
    migrate.migrate(national)
    with national.begin() as connection:
        for statement in (*roles.drop(), *views.drop()):
            connection.exec_driver_sql(statement)
        for name in set(ENTITIES) - set(six):
            connection.exec_driver_sql(f"DROP TABLE {name}, {name}_history")
        for table in ("golden_person", "golden_person_history"):
            connection.exec_driver_sql(
                f"ALTER TABLE {table} DROP phone, DROP email, DROP disputes, DROP highest_degree, DROP alias_of"
            )
        connection.exec_driver_sql("ALTER TABLE finding DROP waived_until, DROP waiver")
        connection.exec_driver_sql("DROP TABLE finding_history")
        for name in six:
            for table in (ENTITIES[name].table, ENTITIES[name].history):
                assert table is not None
                connection.execute(sa.insert(table), [filled(table, number) for number in range(5)])
        connection.execute(
            sa.insert(sa.table("ledger", *map(sa.column, LEDGER))), [dict(zip(LEDGER, ROW, strict=True))]
        )
        before = contents(connection, six)
        # As it was: no disputes there, so what comes must be an empty list.
        lists = (
            "INSERT INTO golden_person (person_key, applied_at, generation, place, live, changed_at, claims, conflict)"
        )
        connection.exec_driver_sql(f"{lists} VALUES ('n:1', now(), 1, 1, true, now(), '{{}}', false)")
    with pytest.raises(HemisError, match="E502"):
        migrate.require_schema(national)
    done = migrate.migrate(national)
    assert {f"table {name}" for name in set(ENTITIES) - set(six)} <= set(done)
    assert differences(national) == []
    migrate.require_schema(national)
    with national.connect() as connection:
        assert contents(connection, six) == before
        assert connection.scalar(sa.text("SELECT count(*) FROM ledger")) == 1
        assert connection.scalar(sa.text("SELECT count(*) FROM degree_live")) == 0
        assert connection.execute(sa.text("SELECT disputes FROM golden_person_as_of(now())")).scalars().all() == [[]]
    assert migrate.migrate(national) == []


LEDGER = ("institution", "target", "applied", "applied_at")
ROW = ("UNI-A", "person", 5, datetime(2026, 11, 1, tzinfo=UTC))


def filled(table: sa.Table, number: int) -> dict[str, object]:
    """Some value in every column that must have one."""
    values: dict[type[object], object] = {
        int: number,
        bool: True,
        str: f"{number}",
        datetime: datetime(2026, 11, 1, tzinfo=UTC),
    }
    return {
        column.name: values[column.type.python_type]
        for column in table.columns
        if not column.nullable or column.primary_key
    }


def contents(connection: sa.Connection, names: tuple[str, ...]) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1"))]
        for name in names
        for table in (name, f"{name}_history")
    }


def test_an_empty_database_is_not_the_programs(national: sa.Engine) -> None:
    with pytest.raises(HemisError, match="E502"):
        migrate.require_schema(national)


def test_revisions_are_named_by_when_they_may_run() -> None:
    assert migrate.revisions()
    assert all("_pre_" in name or "_post_" in name for name in migrate.revisions())


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2001-05-17", date(2001, 5, 17)),
        ("2000-02-29", date(2000, 2, 29)),
        ("2001-02-29", None),
        ("2001-05", None),
        ("2001", None),
        ("0000-01-01", None),
        (" 200-01-01", None),
        ("2001-05-1x", None),
        ("17/05/2001", None),
        ("", None),
    ],
)
def test_hemis_date(national: sa.Engine, text: str, day: date | None) -> None:
    migrate.migrate(national)
    with national.connect() as connection:
        assert connection.scalar(sa.select(sa.func.hemis_date(text))) == day


def test_views_show_any_moment_and_every_change(national: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    migrate.migrate(national)
    sink = PostgresSink(national, Writers(offline_registry(tmp_path_factory.mktemp("registry"))))
    events, partition = Events(), Partition("hemis.clean.person", 0, "t")
    moments = []
    for place, name in enumerate(("A", "B", "C"), sink.places([partition])[partition]):
        sink.apply(
            [
                Run(
                    partition,
                    place,
                    place + 1,
                    [events.change("UNI-A/person/1", place, full_name=name, birth_date="2001-05-17")],
                )
            ]
        )
        with national.connect() as connection:
            moments.append(connection.scalar(sa.select(sa.func.clock_timestamp())))
    sink.close()
    with national.connect() as connection:
        seen = [
            connection.execute(sa.text("SELECT full_name FROM person_as_of(:m)"), {"m": moment}).scalars().all()
            for moment in [datetime(2000, 1, 1, tzinfo=UTC), *moments]
        ]
        assert seen == [[], ["A"], ["B"], ["C"]]
        history = connection.execute(
            sa.text("SELECT entity, record->>'full_name', replaced_at IS NULL FROM change_history ORDER BY version")
        ).all()
        assert [tuple(row) for row in history] == [
            ("person", "A", False),
            ("person", "B", False),
            ("person", "C", True),
        ]
        assert connection.scalar(sa.text("SELECT birth_date_day FROM person_live")) == date(2001, 5, 17)
        looked = connection.execute(sa.text("SELECT * FROM golden_origin")).all()
        assert looked == []
    assert "person" in ENTITIES


def test_an_alias_leads_to_the_last_of_its_persons(
    national: sa.Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    migrate.migrate(national)
    sink = PostgresSink(national, Writers(offline_registry(tmp_path_factory.mktemp("registry"))))
    events, partition = Events(), Partition("hemis.golden.person", 0, "t")
    told = [
        events.golden("n:1", 1, [], live=False, alias_of="n:2"),
        events.golden("n:2", 2, [], live=False, alias_of="n:3"),
        events.golden("n:3", 3, ["UNI-A/person/1"], full_name="A"),
    ]
    place = sink.places([partition])[partition]
    sink.apply([Run(partition, place, 3, told)])
    sink.close()
    with national.connect() as connection:
        found = connection.execute(sa.text("SELECT alias, person_key FROM person_alias ORDER BY 1")).all()
    assert [tuple(row) for row in found] == [("n:1", "n:3"), ("n:2", "n:3")]
