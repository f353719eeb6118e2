"""Keys: who a record and a person is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_schema import RECORD_TYPES
from schemas.keys import MAX_KEY_BYTES, PersonKeys, finding_id, parse_record_key, record_key

PARTS = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4).map(tuple)


@given(st.sampled_from(RECORD_TYPES), PARTS)
def test_a_record_key_gives_its_parts_back(entity: str, parts: tuple[str, ...]) -> None:
    key = record_key("DHA", entity, parts)
    assert key.isascii()
    assert parse_record_key(key) == ("DHA", entity, parts)


@given(PARTS, PARTS)
def test_different_parts_give_different_keys(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (record_key("DHA", "person", one) == record_key("DHA", "person", other)) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DHA",
        "DHA/person",
        "DHA/person/",
        "DHA/nobody/1",
        "dha/person/1",
        "D.A/person/1",
        "/person/1",
        "DHA/person/" + "1" * MAX_KEY_BYTES,
    ],
)
def test_what_is_no_record_key(text: str) -> None:
    assert parse_record_key(text) is None


def test_person_keys_depend_on_number_and_secret() -> None:
    keys = PersonKeys(b"a secret")
    assert keys.of_number("001099012345") == PersonKeys(b"a secret").of_number("001099012345")
    assert keys.of_number("001099012345") != keys.of_number("001099012346")
    assert keys.of_number("001099012345") != PersonKeys(b"another").of_number("001099012345")


def test_a_person_key_does_not_show_the_number() -> None:
    assert "001099012345" not in PersonKeys(b"a secret").of_number("001099012345")
    assert PersonKeys.of_record("DHA/person/1") == "i:DHA/person/1"


def test_a_finding_is_the_same_however_often_it_is_found() -> None:
    one = finding_id("V01", "DHA", "DHA/person/1", ("citizen_number",))
    assert one == finding_id("V01", "DHA", "DHA/person/1", ("citizen_number",))
    others = {
        finding_id("V04", "DHA", "DHA/person/1", ("citizen_number",)),
        finding_id("V01", "DHB", "DHA/person/1", ("citizen_number",)),
        finding_id("V01", "DHA", "DHA/person/2", ("citizen_number",)),
        finding_id("V01", "DHA", "DHA/person/1", ("full_name",)),
        finding_id("V01", "DHA", "DHA/person/1", ("citizen_number",), person="n:1"),
    }
    assert one not in others
    assert len(others) == 5
