"""Rules by example: for each, values that break it and values that do not."""

from typing import Any

import pytest

from schemas.avro_schema import field_names
from schemas.rules import RULES, Found, Rule, check, is_plausible_citizen_number

GOOD = {"full_name": "Nguyễn Văn An", "birth_date": "2001-05-17", "citizen_number": "001201012345"}


def person(**given: Any) -> dict[str, Any]:
    return dict.fromkeys(field_names("person")) | GOOD | given


def broken(
    values: dict[str, Any], untyped: dict[str, str] | None = None, entity: str = "person"
) -> list[tuple[str, Any]]:
    return [(found.rule, found.fields) for found in check(entity, values, untyped or {})]


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
        "000000000000",
        "001201012345 ",
        "٠٠١٢٠١٠١٢٣٤٥",
    ],
)
def test_v01_citizen_numbers_that_can_not_be(number: str) -> None:
    assert not is_plausible_citizen_number(number)
    assert broken(person(citizen_number=number)) == [("V01", ("citizen_number",))]


@pytest.mark.parametrize("number", ["001201012345", "096301000123", "101099123456", "299199123456"])
def test_v01_citizen_numbers_that_can_be(number: str) -> None:
    assert is_plausible_citizen_number(number)
    assert broken(person(citizen_number=number)) == []


def test_v01_says_nothing_where_there_is_no_number() -> None:
    assert broken(person(citizen_number=None)) == []


def test_v01_shows_the_length_and_not_the_number() -> None:
    assert check("person", person(citizen_number="12345678"), {}) == [
        Found("V01", ("citizen_number",), details=(("length", "8"),))
    ]


@pytest.mark.parametrize("name", ["Nguye\u0302\u0303n", "Nguyá»…n VÄƒn", "Ä\u0090á»—", "Nguy\ufffdn"])
def test_v04_text_that_went_through_a_wrong_encoding(name: str) -> None:
    assert broken(person(full_name=name)) == [("V04", ("full_name",))]


@pytest.mark.parametrize("name", ["Nguyễn Văn Á", "Ã", "Đỗ Thị Ấu", "An", "Âu Á Châu"])
def test_v04_leaves_good_vietnamese_alone(name: str) -> None:
    assert broken(person(full_name=name)) == []


def test_v04_names_every_field() -> None:
    assert broken(person(full_name="a\ufffd", permanent_address="b\ufffd")) == [
        ("V04", ("full_name",)),
        ("V04", ("permanent_address",)),
    ]


def test_v05_a_person_has_a_birth_date() -> None:
    assert broken(person(birth_date=None)) == [("V05", ("birth_date",))]
    assert broken(person(birth_date="2001")) == []
    assert broken(person(birth_date=None), {"birth_date": "31/02/2001"}) == [("V05", ("birth_date",))]


def test_v12_and_v29_depend_on_the_fields_kind() -> None:
    untyped = {"sex": "nam giới", "address_from": "hôm qua", "not a field": "x"}
    assert broken(person(), untyped) == [("V12", ("address_from",)), ("V29", ("sex",))]


def test_a_finding_never_holds_the_value() -> None:
    found = check("person", person(citizen_number="987654321", full_name="Bí mật\ufffd"), {"sex": "bí mật"})
    assert "987654321" not in repr(found)
    assert "bí mật" not in repr(found).lower()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_speaks_both_languages(rule: Rule) -> None:
    assert RULES[rule.id] is rule
    assert all((rule.en, rule.vi, rule.todo_en, rule.todo_vi, rule.source))


def test_what_is_checked_is_declared() -> None:
    found = check(
        "person", person(citizen_number="1", full_name="a\ufffd", birth_date=None), {"sex": "?", "address_from": "?"}
    )
    assert {one.rule for one in found} <= {rule.id for rule in RULES.values() if rule.stage == "records"}
