"""What must hold for all names, numbers, dates and transitions."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.flaws import mojibake
from deploy.demo.people import GIVEN_FEMALE, GIVEN_MALE, MIDDLE_FEMALE, MIDDLE_MALE, SURNAMES, Population
from schemas.avro_schema import ENTITIES, fields
from schemas.names import canonical_key, encoding_fault, has_foreign_letters, is_clean, name_fault
from schemas.rules import RULES, Found, check, day_of, is_plausible_citizen_number, related
from schemas.rules.dates import add_months, age, before, days_between, is_date
from schemas.rules.numbers import contradicted
from schemas.rules.related import FINAL, KINDS, STEPS, transition

TODAY = "2026-10-01"
LOWER = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"
TCVN3 = dict(
    zip(
        "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵĂÂĐÊÔƠƯ",
        "µ¶·¸¹¨»¼½¾Æ©ÇÈÉÊË®ÌÎÏÐÑªÒÓÔÕÖ×ØÜÝÞßáâãä«åæçèé¬êëìíîïñòóô\u00adõö÷øùúûüýþ¡¢§£¤¥¦",
        strict=True,
    )
)
VNI = {
    "ễ": "eã",
    "ă": "aê",
    "ầ": "aà",
    "đ": "ñ",
    "Đ": "Ñ",
    "ạ": "aï",
    "ậ": "aä",
    "ị": "ò",
    "ớ": "ôù",
    "à": "aø",
    "á": "aù",
    "ề": "eà",
}
_WORDS = sorted({*SURNAMES, *MIDDLE_MALE, *MIDDLE_FEMALE, *GIVEN_MALE, *GIVEN_FEMALE})

names = st.lists(st.sampled_from(_WORDS), min_size=2, max_size=5).map(" ".join)
days = st.dates(date(1930, 1, 1), date(2011, 1, 1)).filter(lambda day: (day.month, day.day) != (1, 1))
statuses = st.sampled_from(sorted(STEPS))


# -- names


@given(names)
def test_a_vietnamese_name_is_never_at_fault(name: str) -> None:
    for form in (name, name.upper(), name.lower()):
        assert name_fault(form) is None
        assert is_clean(form)
        assert not has_foreign_letters(form)


@given(st.text(st.sampled_from(LOWER + LOWER.upper() + " 0123456789,.-/()"), max_size=60))
def test_text_of_vietnamese_letters_is_never_at_fault(text: str) -> None:
    assert encoding_fault(text) is None


@given(names)
def test_what_an_encoding_does_to_a_name_is_seen(name: str) -> None:
    if name.isascii():
        return
    if (decomposed := unicodedata.normalize("NFD", name)) != name:  # Đ has no parts
        assert name_fault(decomposed) == "decomposed"
    assert name_fault(mojibake(name)) == "mojibake"
    assert canonical_key(unicodedata.normalize("NFD", name)) == canonical_key(name)


def test_tcvn3_is_seen_in_nearly_every_name() -> None:
    """A few names lose one letter only, to another Vietnamese letter: nobody can tell those."""
    people = [Population(11).person(number, "learner").full_name for number in range(3000)]
    legacy = [(name, "".join(TCVN3.get(char, char) for char in name)) for name in people if not name.isascii()]
    seen = [name_fault(text) == "legacy" or has_foreign_letters(text) for name, text in legacy if name != text]
    assert sum(seen) / len(seen) > 0.97


@pytest.mark.parametrize("name", ["Nguyễn Văn Đạt", "Trần Thị Đào", "Đặng Hải Đăng", "Lê Đình Đức"])
def test_vni_is_seen(name: str) -> None:
    assert name_fault("".join(VNI.get(char, char) for char in name)) == "legacy"


@pytest.mark.parametrize(
    "name", ["José Muñoz", "Zoë Müller", "João Gonçalves", "Søren Ångström", "Phommachanh Somchai", "Đỗ Mười"]
)
def test_foreign_names_are_no_broken_ones(name: str) -> None:
    assert name_fault(name) is None


# -- numbers


@given(days, st.sampled_from("MF"), st.sampled_from(["001", "036", "079", "096"]), st.integers(0, 999_999))
def test_a_number_made_for_a_person_agrees_and_any_other_digit_does_not(
    born: date, sex: str, place: str, tail: int
) -> None:
    digit = (0 if born.year < 2000 else 2) + (sex == "F")
    number = f"{place}{digit}{born.year % 100:02}{tail:06}"
    if not is_plausible_citizen_number(number):
        assert len(set(number[3:])) <= 2
        return
    assert contradicted(number, sex, born.isoformat()) == []
    for at in (3, 4, 5):
        for other in "0123456789":
            changed = number[:at] + other + number[at + 1 :]
            assert bool(contradicted(changed, sex, born.isoformat())) == (other != number[at])


@given(st.text(max_size=20))
def test_any_text_as_a_number_is_judged_and_not_shown(number: str) -> None:
    values = dict.fromkeys(field.name for field in fields("person")) | {
        "citizen_number": number,
        "birth_date": "2001-05-17",
    }
    found = check("person", values, {}, TODAY)
    assert is_plausible_citizen_number(number) == (not {"V01", "V03"} & {one.rule for one in found})
    assert len(number) < 4 or not any(number in value for one in found for _, value in one.details)


# -- dates


@given(st.text(st.sampled_from("0123456789-"), max_size=11))
def test_a_date_is_what_the_calendar_has(text: str) -> None:
    try:
        whole = text + "0001-01-01"[len(text) :]
        known = len(text) in (4, 7, 10) and date.fromisoformat(whole).isoformat() == whole
    except ValueError:
        known = False
    assert is_date(text) == known


@given(days, days, st.sampled_from([4, 7, 10]), st.sampled_from([4, 7, 10]))
def test_what_is_before_at_a_precision_is_before_in_truth(one: date, other: date, first: int, second: int) -> None:
    a, b = one.isoformat()[:first], other.isoformat()[:second]
    if before(a, b):
        assert one < other
        assert not before(b, a)
    assert not before(a, a)


@given(days, st.integers(-600, 600))
def test_months_added_keep_the_day_or_end_the_month(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


@given(days, st.integers(0, 40_000))
def test_days_between_and_age(born: date, passed: int) -> None:
    later = born + timedelta(days=passed)
    assert days_between(born.isoformat(), later.isoformat()) == passed
    years = age(born.isoformat(), later.isoformat())
    assert years is not None
    assert add_months(born, years * 12) <= later


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_every_time_has_a_day(micros: int) -> None:
    assert is_date(day_of(micros))


@pytest.mark.parametrize(
    ("micros", "day"), [(1_767_200_399_999_999, "2025-12-31"), (1_767_200_400_000_000, "2026-01-01")]
)
def test_a_day_begins_at_midnight_in_vietnam(micros: int, day: str) -> None:
    assert day_of(micros) == day


# -- transitions


@given(st.lists(statuses, min_size=2, max_size=8))
def test_a_way_is_allowed_if_each_of_its_steps_is(way: list[str]) -> None:
    for was, now in pairwise(way):
        found = transition({"status": was}, {"status": now}, [])
        if was == now:
            assert found is None
        elif now not in STEPS[was]:
            assert found is not None
            assert found.case == "not_allowed"
        else:
            assert (found is not None) == (was in FINAL)


@given(
    st.sampled_from(sorted(FINAL)),
    days,
    days,
    days,
    st.sampled_from(["RETURN", "GRADUATION", "WITHDRAWAL", "TRANSFER_OUT", "TRANSFER_IN"]),
)
def test_the_way_back_needs_a_decision_between(was: str, since: date, decided: date, now: date, kind: str) -> None:
    decision = {"kind": kind, "decision_number": "15/QĐ", "decision_date": decided.isoformat()}
    found = transition(
        {"status": was, "status_date": since.isoformat()},
        {"status": "STUDYING", "status_date": now.isoformat()},
        [decision],
    )
    assert (found is None) == (since <= decided <= now and kind not in KINDS[was])


# -- every record


def value_of(kind: str, draw: Any) -> Any:
    texts = st.one_of(
        st.text(max_size=12),
        st.sampled_from(["-", "0123456789", "1900-01-01", "2001", "abc", "VN", "M", "99", "7480201"]),
    )
    return draw(
        st.none()
        | (st.integers(-(1 << 31), (1 << 31) - 1) if kind == "int" else st.booleans() if kind == "bool" else texts)
    )


@st.composite
def records(draw: Any) -> tuple[str, dict[str, Any], dict[str, str]]:
    entity = draw(st.sampled_from(ENTITIES))
    values = {field.name: value_of(field.kind, draw) for field in fields(entity)}
    empty = sorted(name for name, value in values.items() if value is None)
    untyped = draw(st.dictionaries(st.sampled_from(empty), st.text(max_size=8), max_size=3)) if empty else {}
    return entity, values, untyped


@given(records(), days)
def test_no_record_stops_the_rules_and_each_finding_is_declared(
    record: tuple[str, dict[str, Any], dict[str, str]], on: date
) -> None:
    entity, values, untyped = record
    kept = dict(values), dict(untyped)
    found = check(entity, values, untyped, on.isoformat())
    assert (values, untyped) == kept
    assert found == check(entity, values, untyped, on.isoformat())
    for one in found:
        assert declared(one, entity)
    texts = [text for text in (*values.values(), *untyped.values()) if isinstance(text, str) and len(text) >= 4]
    assert not [value for one in found for _, value in one.details for text in texts if text in value]
    keys = [one[:3] for one in found]
    assert len(set(keys)) == len(keys)


def declared(one: Found, entity: str) -> bool:
    rule = RULES[one.rule]
    names = {*rule.fields.get(entity, ()), *rule.fields.get("*", ())}
    return one.case in rule.cases and bool(names) and ("*" in names or set(one.fields) <= names)


# -- related records

_TEXTS = st.one_of(
    st.none(),
    st.text(max_size=11),
    st.sampled_from(
        [
            "2001",
            "2001-05",
            "2001-05-17",
            "2026-02-30",
            "9999-12-31",
            "0001-01-01",
            *STEPS,
            *(kind for kinds in KINDS.values() for kind in kinds),
            "4",
            "M",
            "F",
            "ACTIVE",
            "7",
        ]
    ),
)
_INTS = st.none() | st.integers(-(1 << 31), (1 << 31) - 1)


def record_of(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    kinds = {"int": _INTS, "bool": st.none() | st.booleans()}
    return st.fixed_dictionaries({field.name: kinds.get(field.kind, _TEXTS) for field in fields(entity)})


@given(st.data(), days)
def test_no_related_record_stops_the_rules(data: st.DataObject, day: date) -> None:
    """The state holds what was sent: a date may be any text there."""
    on = day.isoformat()

    def draw(entity: str) -> dict[str, Any]:
        return data.draw(record_of(entity))

    study, programme, person, degree = draw("study_record"), draw("programme"), draw("person"), draw("degree")
    licences, corrections = [draw("major_licence")], [draw("degree_correction")]
    decisions = [draw("study_decision"), draw("study_decision")]
    found = [
        related.licensed_before_enrolment(study, programme, licences),
        related.programme_is_licensed(programme, licences),
        related.own_programme("DHA/study_record/1", study),
        related.transition(draw("study_record"), study, decisions),
        related.against_decisions(study, decisions, on),
        related.study_before_award(study, degree),
        related.study_time(study, programme, on),
        related.decision_of_status(study, decisions),
        *related.unique_numbers(degree, {"DHA/degree/2": draw("degree")}),
        related.correction_present(degree, corrections),
        related.degree_matches_person(degree, person, corrections),
        related.working_age(draw("staff_contract"), person, on),
        related.degree_has_study(degree, None, []),
        related.degree_has_study(degree, study, decisions),
    ]
    for one in found:
        assert one is None or one.case in RULES[one.rule].cases
