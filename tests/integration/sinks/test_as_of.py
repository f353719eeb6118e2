"""Any past moment's state: of every record type, by SQL function and by command."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.avro_schema import RECORD_TYPES
from schemas.errors import HemisError
from sinks.query import Answer, query
from tests.integration.sinks.nation import Nation

pytestmark = pytest.mark.real


def asked(national: Nation, text: str, *, moment: object = None, limit: int = 100, seconds: float = 20) -> Answer:
    return query(national.engine, text, moment, limit=limit, seconds=seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize("entity", RECORD_TYPES)
def test_every_record_type_has_its_past(national: Nation, entity: str) -> None:
    key = f"UNI-A/{entity}/1"
    moments = [national.clock()]
    for act in (lambda: national.record(key), lambda: national.record(key), lambda: national.cancel(key)):
        act()
        moments.append(national.clock())
    seen = [
        national.rows(f"SELECT version, operation FROM {entity}_as_of(:moment)", moment=moment) for moment in moments
    ]
    assert seen == [[], [(1, "UPDATE")], [(2, "UPDATE")], [(3, "CANCEL")]]
    live = [asked(national, f"select count(*) from {entity}_live", moment=moment).rows[0][0] for moment in moments]
    assert live == [0, 1, 1, 0]


def test_golden_persons_and_findings_have_theirs(national: Nation) -> None:
    before = national.clock()
    national.golden("n:1", ["UNI-A/person/1"], full_name="A")
    national.finding("f1")
    between = national.clock()
    national.golden("n:1", ["UNI-A/person/1"], full_name="B")
    national.finding("f1", status="RESOLVED")
    both = "select full_name, (select status from finding) from golden_person"
    assert [asked(national, both, moment=m).rows for m in (before, between, None)] == [
        [],
        [("A", "OPEN")],
        [("B", "RESOLVED")],
    ]


def test_tables_of_one_query_have_one_moment(national: Nation) -> None:
    national.record("UNI-A/person/1", full_name="A")
    national.record("UNI-A/learner/1", person="UNI-A/person/1", code="L")
    moment = national.clock()
    national.record("UNI-A/person/1", full_name="B")
    joined = "select p.full_name, l.code from learner l join person p on p.record_key = l.person"
    assert asked(national, joined, moment=moment).rows == [("A", "L")]
    assert asked(national, joined).rows == [("B", "L")]
    assert asked(national, joined, moment=moment - timedelta(days=365)).rows == []


@pytest.mark.parametrize(
    "text",
    [
        "delete from person",
        "update person set full_name = null",
        "drop table person",
        "select 1; drop table person",
        "with gone as (delete from person returning 1) select * from gone",
        "select nextval('audit_id_seq')",
        "select * from no_such_table",
        "selec 1",
        "",
        "copy person to stdout",
        "select 1 into person_copy",
        "select 'x'::int",
        "values (1/0)",
        "explain select 1",
    ],
)
def test_whatever_is_not_one_select_is_refused(national: Nation, text: str) -> None:
    national.record("UNI-A/person/1", full_name="A")
    for moment in (None, national.clock()):
        with pytest.raises(HemisError, match="E846"):
            asked(national, text, moment=moment)
    assert national.rows("SELECT full_name FROM person") == [("A",)]


def test_a_slow_query_ends(national: Nation) -> None:
    with pytest.raises(HemisError, match="E846"):
        asked(national, "select pg_sleep(30)", seconds=0.2)


def test_a_long_answer_says_that_there_is_more(national: Nation) -> None:
    answer = asked(national, "-- how many\nselect n, 'x' as what from generate_series(1, 9) n", limit=4)
    assert (answer.columns, len(answer.rows), answer.more) == (("n", "what"), 4, True)
    assert not asked(national, "values (1)").more
