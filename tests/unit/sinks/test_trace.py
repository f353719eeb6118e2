"""Tracing a record through the store; SQLite stands for any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from schemas.errors import HemisError
from sinks.base import Partition, Run
from sinks.database import engine
from sinks.migrate import migrate
from sinks.model import AUDIT, GOLDEN
from sinks.ordinary import OrdinarySink
from sinks.trace import MASK, trace
from sinks.writers import Writers
from tests.conformance.sinks.events import Events, Pair, offline_registry

PERSON, LEARNER, STUDY = "UNI-A/person/1", "UNI-A/learner/1", "UNI-A/study_record/1"


@pytest.fixture
def national(tmp_path: Path) -> Iterator[sa.Engine]:
    made = engine(f"sqlite:///{tmp_path / 'n.sqlite'}")
    migrate(made)
    sink = OrdinarySink(made, Writers(offline_registry(tmp_path)))
    events = Events()

    def put(topic: str, *pairs: Pair) -> None:
        partition = Partition(topic, 0, "t")
        place = sink.places([partition])[partition]
        sink.apply([Run(partition, place, place + len(pairs), pairs)])

    put(
        "hemis.clean.person",
        events.change(PERSON, 1, full_name="Nguyễn Văn An", untyped={"sex": "nam?"}),
        events.change(PERSON, 2, full_name="Nguyễn Văn Anh", sex="M"),
    )
    put("hemis.clean.learner", events.change(LEARNER, 3, code="SV1", person=PERSON))
    put("hemis.clean.study_record", events.change(STUDY, 4, learner=LEARNER, status="STUDYING"))
    put("hemis.golden.person", events.golden("n:1", 5, [PERSON], full_name="Nguyễn Văn Anh"))
    put("hemis.findings.UNI-A", events.finding("f", 6, record_key=PERSON))
    yield made
    made.dispose()


def test_the_whole_way_of_a_record(national: sa.Engine) -> None:
    found = trace(national, PERSON)
    assert [(v.version, v.changed, v.replaced_at is None) for v in found.versions] == [
        (2, ("full_name", "sex", "untyped.sex"), True),
        (1, ("full_name", "untyped.sex"), False),
    ]
    assert [(p.person_key, p.claims) for p in found.persons] == [("n:1", (PERSON,))]
    (value,) = found.persons[0].values
    assert (value.field, value.institution, value.record_key, value.place) == ("full_name", "UNI-A", PERSON, 5)
    assert [(f.rule, f.status) for f in found.findings] == [("V01", "OPEN")]


def test_an_origin_without_fields_is_every_values(national: sa.Engine) -> None:
    with national.begin() as connection:
        origin = {"institution": "UNI-A", "record_key": PERSON, "place": 5, "rule": "only", "fields": []}
        connection.execute(sa.update(GOLDEN.table).values(origins=[origin]))
    assert [(v.field, v.rule) for v in trace(national, PERSON).persons[0].values] == [("full_name", "only")]


def test_personal_values_are_masked_unless_asked_for(national: sa.Engine) -> None:
    text = str(trace(national, PERSON).as_dict()) + str(trace(national, STUDY).as_dict())
    assert "Nguyễn" not in text
    assert "nam?" not in text
    assert MASK in text
    revealed = trace(national, PERSON, reveal=True, actor="le.thi.b")
    assert revealed.versions[0].values["full_name"] == "Nguyễn Văn Anh"
    assert revealed.persons[0].values[0].value == "Nguyễn Văn Anh"
    with national.connect() as connection:
        seen = connection.execute(sa.select(AUDIT.c.actor, AUDIT.c.action, AUDIT.c.subject)).all()
    assert [tuple(row) for row in seen] == [("le.thi.b", "trace", PERSON)]
    with pytest.raises(HemisError, match="E201"):
        trace(national, PERSON, reveal=True)


def test_other_records_lead_to_their_person(national: sa.Engine) -> None:
    found = trace(national, STUDY)
    assert found.person_record == PERSON
    assert found.versions[0].values["status"] == "STUDYING"
    assert [p.person_key for p in found.persons] == ["n:1"]
    assert [f.record_key for f in found.findings] == [PERSON]


def test_unknown_and_malformed_keys(national: sa.Engine) -> None:
    assert trace(national, "UNI-A/person/99").versions == ()
    with pytest.raises(HemisError, match="E104"):
        trace(national, "person 1")


def test_a_degree_shows_no_name_and_no_number(national: sa.Engine, tmp_path: Path) -> None:
    sink, events = OrdinarySink(national, Writers(offline_registry(tmp_path))), Events()
    partition = Partition("hemis.clean.degree", 0, "t")
    key = "UNI-A/degree/1"
    said = {"full_name": "Nguyễn Văn An", "serial": "B 123456", "level": "7", "untyped": {"birth_date": "năm 2001"}}
    place = sink.places([partition])[partition]
    sink.apply([Run(partition, place, place + 1, [events.change(key, 9, person=PERSON, **said)])])
    (version,) = trace(national, key).versions
    shown = {name: value for name, value in version.values.items() if value is not None}
    assert shown == {"full_name": MASK, "serial": MASK, "level": "7", "person": PERSON, "untyped.birth_date": MASK}
