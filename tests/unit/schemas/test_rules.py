"""Rules by example: for each, values that break it and values that do not."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.avro_schema import ENTITIES, RECORD_TYPES, field_names, fields
from schemas.rules import RULES, check, coded, directory, explain, is_plausible_citizen_number, numbers, record

GOOD = {"full_name": "Nguyễn Văn An", "birth_date": "2001-05-17", "citizen_number": "001201012345"}
TODAY = "2026-10-01"


def person(**given: Any) -> dict[str, Any]:
    return dict.fromkeys(field_names("person")) | GOOD | given


def broken(
    values: dict[str, Any], untyped: dict[str, str] | None = None, entity: str = "person"
) -> list[tuple[str, Any]]:
    return [(found.rule, found.fields) for found in check(entity, values, untyped or {}, TODAY)]


def test_a_good_record_has_no_finding() -> None:
    assert broken(person()) == []


@pytest.mark.parametrize(
    "number",
    [
        "",
        "12345678",
        "0012010123456",
        "00120101234x",
        "000201012345",
        "097201012345",
        "300201012345",
        "001000000000",
        "001201012345 ",
        "٠٠١٢٠١٠١٢٣٤٥",
    ],
)
def test_v01_citizen_numbers_that_can_not_be(number: str) -> None:
    assert not is_plausible_citizen_number(number)
    assert broken(person(citizen_number=number)) == [("V01", ("citizen_number",))]


@pytest.mark.parametrize("number", ["000000000000", "111111111111"])
def test_a_filler_is_no_citizen_number_and_is_named_as_a_filler(number: str) -> None:
    assert not is_plausible_citizen_number(number)
    assert broken(person(citizen_number=number)) == [("V25", ("citizen_number",)), ("V01", ("citizen_number",))]


@pytest.mark.parametrize("number", ["012345678", "B1234567"])
def test_v03_another_document_in_the_citizen_number_is_no_person_key(number: str) -> None:
    assert not is_plausible_citizen_number(number)
    assert broken(person(citizen_number=number)) == [("V03", ("citizen_number",))]


@pytest.mark.parametrize("number", ["001201012345", "096301000123", "101001123456", "299201123456"])
def test_v01_citizen_numbers_that_can_be(number: str) -> None:
    assert is_plausible_citizen_number(number)
    assert broken(person(citizen_number=number, birth_date=None)) == [("V05", ("birth_date",))]


def test_v01_says_nothing_where_there_is_no_number() -> None:
    assert broken(person(citizen_number=None)) == []


def test_v01_shows_where_and_not_what() -> None:
    (one,) = check("person", person(citizen_number="1203456789"), {}, TODAY)
    assert dict(one.details) == {"case": "length", "length": "10", "value": "1••••••••9"}


@pytest.mark.parametrize("name", ["Nguye\u0302\u0303n", "Nguyá»…n VÄƒn", "Ä\u0090á»—", "Nguy\ufffdn"])
def test_v04_text_that_went_through_a_wrong_encoding(name: str) -> None:
    assert broken(person(full_name=name)) == [("V04", ("full_name",))]


@pytest.mark.parametrize(
    "name", ["Nguyễn Văn Á", "Xã Ã", "Đỗ Thị Ấu", "H'Hen Niê", "Âu Á Châu", "LÝ THỊ Ý", "Lê-Nguyễn An"]
)
def test_v04_leaves_good_vietnamese_alone(name: str) -> None:
    assert broken(person(full_name=name)) == []


def test_v04_names_every_field() -> None:
    assert sorted(broken(person(full_name="a\ufffd", permanent_address="b\ufffd"))) == [
        ("V04", ("full_name",)),
        ("V04", ("permanent_address",)),
    ]


def test_v05_a_person_has_a_birth_date() -> None:
    assert broken(person(birth_date=None)) == [("V05", ("birth_date",))]
    assert broken(person(birth_date="2001")) == []
    assert broken(person(birth_date=None), {"birth_date": "31/02/2001"}) == [("V05", ("birth_date",))]
    assert broken(person(birth_date="2001-02-30", citizen_number=None)) == [("V05", ("birth_date",))]


def test_v12_and_v29_depend_on_the_fields_kind() -> None:
    untyped = {"sex": "nam giới", "address_from": "hôm qua", "not a field": "x"}
    assert broken(person(), untyped) == [("V12", ("address_from",)), ("V29", ("sex",))]


def test_a_finding_never_holds_the_value() -> None:
    given = person(
        citizen_number="9876543210",
        full_name="Bí mật\ufffd",
        document_type="CMND",
        document_number="555123",
        nationality="LA",
    )
    found = check("person", given, {"sex": "bí mật"}, TODAY)
    assert len(found) == 5
    assert "98765" not in repr(found)
    assert "55512" not in repr(found)
    assert "bí mật" not in repr(found).lower()


def test_a_thing_that_is_missing_because_it_can_not_be_read_is_found_once() -> None:
    contract = dict.fromkeys(field_names("staff_contract")) | {"permanent": False, "full_time": True}
    assert broken(contract, {"valid_to": "31/13/2026"}, "staff_contract") == [("V12", ("valid_to",))]
    assignment = dict.fromkeys(field_names("teaching_assignment")) | {"visiting": True}
    assert broken(assignment, {"home_institution": "ĐHX"}, "teaching_assignment") == [("V29", ("home_institution",))]
    study = dict.fromkeys(field_names("study_record")) | {"status": "SUSPENDED"}
    assert broken(study, {"status_date": "hôm qua"}, "study_record") == [("V12", ("status_date",))]


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_field_that_holds_no_date_although_it_should_is_found_and_harms_nothing(entity: str) -> None:
    for field in fields(entity):
        if field.kind == "date":
            for text in ("abc", "", "2001-02-30", "٢٠٠١", "20010230", "2001-5-7", "-", "0000", "2001-13"):
                found = check(
                    entity, dict.fromkeys(field_names(entity)) | {field.name: text, "cohort": "2001"}, {}, TODAY
                )
                assert ("V05" if field.name == "birth_date" and entity == "person" else "V12", (field.name,)) in [
                    one[:2] for one in found
                ]


@pytest.mark.parametrize("entity", RECORD_TYPES)
def test_an_empty_record_of_any_kind_can_be_judged(entity: str) -> None:
    check(entity, dict.fromkeys(field_names(entity)), {}, TODAY)


def test_a_rule_holds_from_its_day_on(monkeypatch: pytest.MonkeyPatch) -> None:
    v05 = replace(RULES["V05"], valid_from="2026-01-01")
    monkeypatch.setattr(directory, "VERSIONS", tuple(v05 if rule.id == "V05" else rule for rule in directory.VERSIONS))
    monkeypatch.setattr(record, "_days", {})
    without = person(birth_date=None)
    assert check("person", without, {}, "2025-12-31") == []
    assert [one.rule for one in check("person", without, {}, "2026-01-01")] == ["V05"]


def test_many_days_are_judged_as_each_stood() -> None:
    for year in range(1990, 2190):
        found = check("study_record", study(status="SUSPENDED", status_date="2090-01-01"), {}, f"{year}-06-01")
        assert bool(found) == (year < 2090)


def study(**given: Any) -> dict[str, Any]:
    return dict.fromkeys(field_names("study_record")) | given


@pytest.mark.parametrize("rule", sorted({*coded.OF_TABLE.values(), "V29"}))
def test_a_rule_of_codes_says_unknown_unlisted_and_expired(rule: str) -> None:
    assert set(coded.CASES) <= set(RULES[rule].cases)


def test_a_ward_is_judged_on_its_own_date() -> None:
    def ward(code: str, since: str | None, on: str = TODAY) -> list[str]:
        values = dict.fromkeys(field_names("person")) | GOOD | {"ward_code": code, "address_from": since}
        return [one.case for one in check("person", values, {}, on)]

    assert ward("00001", "2020") == ward("00001", None, "2025-06-30") == []
    assert ward("00001", None) == ward("00001", "2025-07-01") == ["expired"]
    assert ward("00004", "2020-01-01") == ward("00004", None) == []


def test_birth_provinces_keep_the_old_codes_for_ever() -> None:
    for province in ("02", "26", "79"):
        assert broken(person(birth_province=province, citizen_number=None)) == []


def test_an_empty_list_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    decision = dict.fromkeys(field_names("study_decision"))
    given = {
        "kind": "TRANSFER_OUT",
        "other_institution": "ANY",
        "decision_number": "1/QĐ",
        "decision_date": "2026-01-01",
    }
    assert broken(decision | given, entity="study_decision") == []


def test_the_places_of_citizen_numbers_are_the_old_provinces() -> None:
    assert len([place for place in numbers.places() if place < "100"]) == 63
    assert not is_plausible_citizen_number("003201012345")


def test_a_finding_is_explained_with_its_case_and_details() -> None:
    (one,) = check("person", person(citizen_number="1203456789"), {}, TODAY)
    assert explain(one.rule, dict(one.details), "vi").wrong == "Số có 10 ký tự, phải có 12."
    assert explain(one.rule, dict(one.details), "en").todo == RULES["V01"].todo.en
    assert explain(one.rule, {"case": "length"}, "en").wrong == "The number has … characters instead of 12."
    assert explain("V26", {}, "en").wrong == RULES["V26"].title.en
    assert explain("V99", {}, "en") == ("", "")
