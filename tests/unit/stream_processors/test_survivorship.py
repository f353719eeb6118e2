"""One owner per golden value: never "the last writer wins" over institutions, and every value knows its rule (P7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.avro_schema import field_names
from schemas.rules.survivorship import SURVIVORSHIP
from tests.unit.stream_processors.people_bench import KEY, NUMBERS, People, claim, fact, person

A, B = "UNI-A/person/1", "UNI-B/person/9"
STUDY = fact("STUDY", "UNI-A/study_record/1", valid_from="2019-09-01", status="STUDYING", form_of_study="PART_TIME")
POST = fact("CONTRACT", "UNI-B/staff_contract/9", valid_from="2021-01-01", status="ACTIVE", level="8", full_time="true")
SAME = {"full_name": "Nguyễn Hòa", "birth_date": "2001-05-06"}


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path)


def golden(people: People) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """The only golden person's values, and per field its record and rule."""
    (value,) = people.live().values()
    origins = {f: (o["record_key"], o["rule"]) for o in value["origins"] for f in o["fields"]}
    return value["person"] | {n: value[n] for n in ("phone", "email", "highest_degree")}, origins


def test_every_value_has_one_owner() -> None:
    owned = [name for owner in SURVIVORSHIP for part in owner.fields for name in part]
    assert sorted(owned) == sorted({*field_names("person"), "phone", "email", "highest_degree"} - {"ethnicity"})
    ids = [authority.id for owner in SURVIVORSHIP if owner.fields for authority in owner.authorities]
    assert len(ids) == len(set(ids))


def test_identity_is_the_enrolling_institutions_although_the_employers_is_newer(people: People) -> None:
    people.take(claim(A, 1, person(**SAME, sex="F", nationality="VN"), at=100, facts=[STUDY]))
    people.take(claim(B, 2, person(**SAME, sex="M", birth_province="01"), at=900, facts=[POST]))
    values, origins = golden(people)
    assert (values["sex"], values["birth_province"]) == ("F", "01")
    assert origins["sex"] == (A, "identity.enrolling")
    assert origins["birth_province"] == (B, "identity.other")


def test_contact_and_address_are_of_the_newest_active_study_or_contract(people: People) -> None:
    here = {"permanent_address": "1 Huế", "ward_code": "00001", "address_from": "2018"}
    people.take(claim(A, 1, person(**SAME, **here), at=900, facts=[STUDY], phone="1", email="a@a"))
    people.take(claim(B, 2, person(**SAME, permanent_address="2 Huế"), at=100, facts=[POST], phone="2"))
    values, origins = golden(people)
    assert (values["phone"], values["email"]) == ("2", "a@a")
    assert origins["phone"] == (B, "contact.active")
    # An address is taken whole: another institution's ward would make a place that nobody lives at.
    assert [values[n] for n in ("permanent_address", "ward_code", "address_from")] == ["2 Huế", None, None]
    people.take(
        claim(B, 3, person(**SAME, permanent_address="2 Huế"), at=950, facts=[POST | {"status": "LEFT"}], phone="2")
    )
    values, origins = golden(people)
    assert (values["phone"], values["ward_code"]) == ("1", "00001")


def test_without_anything_active_the_newest_change_gives_the_contact(people: People) -> None:
    people.take(claim(A, 1, person(**SAME), at=100, phone="1"), claim(B, 2, person(**SAME), at=200, phone="2"))
    assert golden(people)[1]["phone"] == (B, "contact.other")


def test_an_only_claim_gives_telephone_and_mail_without_being_decoded(people: People) -> None:
    people.take(claim(A, 1, person(**SAME), phone="0912", email="a@a", facts=[STUDY]))
    values, origins = golden(people)
    assert (values["phone"], values["email"], values["full_name"], origins) == ("0912", "a@a", "Nguyễn Hòa", {})


def test_the_fuller_spelling_of_one_value_wins(people: People) -> None:
    people.take(claim(A, 1, person(full_name="NGUYEN HOA", birth_date="2001"), at=900, facts=[STUDY]))
    people.take(claim(B, 2, person(**SAME), at=100))
    values, _ = golden(people)
    assert (values["full_name"], values["birth_date"]) == ("Nguyễn Hòa", "2001-05-06")


def test_ethnicity_is_never_spread(people: People) -> None:
    people.take(claim(A, 1, person(**SAME, ethnicity="05")), claim(B, 2, person(**SAME, ethnicity="05")))
    values, origins = golden(people)
    assert values["ethnicity"] is None
    assert "ethnicity" not in origins


def test_the_highest_degree_is_the_registers_before_the_declared_one(people: People) -> None:
    people.take(claim(B, 1, person(**SAME), facts=[POST]))
    values, origins = golden(people)
    assert (values["highest_degree"], origins["highest_degree"]) == ("8", (B, "degree.declared"))
    assert people.open() == [("R12", "UNI-B", "UNI-B/staff_contract/9", "", "OPEN")]
    degree = fact("DEGREE", "UNI-A/degree/1", valid_from="2020", status="1", level="7", serial="1")
    people.take(claim(A, 1, person(**SAME), facts=[degree]))
    values, origins = golden(people)
    assert (values["highest_degree"], origins["highest_degree"]) == ("7", (A, "degree.register"))
    people.take(claim(A, 2, person(**SAME), facts=[degree | {"attributes": {"level": "8"}}]))
    assert (golden(people)[0]["highest_degree"], people.open()) == ("8", [])
    people.take(claim(A, 3, person(**SAME), facts=[degree | {"attributes": {"level": "8"}, "status": "2"}]))
    assert golden(people)[1]["highest_degree"] == (B, "degree.declared")


def test_a_record_that_was_put_to_a_person_contradicts_nobody(people: People) -> None:
    """The ministry decided that an old number is this person's; the person keeps its own number, and there is no conflict."""
    people.take(claim(A, 1, person(**SAME), at=1))
    other = person(citizen_number=NUMBERS[1], full_name="Nguyễn Hoà Bình", birth_date="2001-06-05", sex="M")
    people.take(claim(B, 2, other, KEY, at=900))
    values, origins = golden(people)
    assert (values["citizen_number"], values["sex"]) == (NUMBERS[0], "M")
    assert origins["citizen_number"][0] == A
    assert people.open() == []
