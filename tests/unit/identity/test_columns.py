"""How two values agree, per kind of column."""

import unicodedata
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.identity import date_column, name_column, number_column
from stream_processors.identity.column import EQUAL, Column
from stream_processors.identity.comparison import KINDS
from stream_processors.identity.legacy import as_meant
from tests.benchmarks.identity import flaws

SURE = Random(1)
NAMES = ("Nguyễn Văn An", "Trần Thị Hòa", "Đặng Thúy Quỳnh", "Võ Hữu Phước", "Lý Bảo Yến", "Phạm Ngọc Ánh")


def level(kind: str, a: str, b: str, **options: str) -> int:
    column = KINDS[kind]("c", options)
    x, y = column.read(a, {}), column.read(b, {})
    if x is None or y is None:
        return 0
    return EQUAL if x[0] == y[0] else column.level(x, y)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "flaw",
    [flaws.upper, flaws.decomposed, flaws.old_tone, flaws.eth, flaws.spaces, flaws.mojibake, flaws.tcvn3, flaws.vni],
)
def test_spellings_that_mean_the_same_are_equal(name: str, flaw: flaws.Flaw) -> None:
    assert level("name", name, flaw(SURE, name)) == EQUAL


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("Nguyễn Văn An", "Nguyen Van An", name_column.LOST),
        ("Nguyễn Văn An", "Nguyễn Ván An", name_column.MARKS),
        ("Nguyễn Văn An", "An Nguyễn Văn", name_column.ORDER),
        ("Nguyễn Văn An", "NguyễnVăn An", name_column.ORDER),
        ("Nguyễn Văn An", "Nguyễn An", name_column.PART),
        ("Nguyễn Văn An", "Nguyẽn Văn Ann", name_column.TYPO),
        ("Nguyễn Văn An", "Ngyuễn Văn Ah", name_column.TWO_TYPOS),
        ("Nguyễn Văn An", "Nguyễn Văn Dương", name_column.SYLLABLE),
        ("Nguyễn Văn An", "Nguyễn Hoàng Quốc An", name_column.ENDS),
        ("Nguyễn Văn An", "Nguyễn Thị Bình", name_column.ONE_END),
        ("Nguyễn Văn An", "Trần Thị Bình", name_column.DIFFERENT),
        ("Nguyễn Văn An", "Nguy?n V?n An", name_column.LOST),
        ("Nguyễn Văn An", "123", 0),
    ],
)
def test_names(a: str, b: str, expected: int) -> None:
    assert level("name", a, b) == level("name", b, a) == expected


def test_a_known_syllable_is_another_name_not_a_slip() -> None:
    column = name_column.NameColumn("c", {})
    for _ in range(50):
        for name in ("Nguyễn Văn An", "Nguyễn Văn Anh"):
            column.learn(column.read(name, {}), 1)
    a, b = column.read("Nguyễn Văn An", {}), column.read("Nguyễn Văn Anh", {})
    assert a is not None
    assert b is not None
    assert column.level(a, b) == name_column.SYLLABLE


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("2001-05-12", "12/05/2001", EQUAL),
        ("2001-05-12", "20010512", EQUAL),
        ("2001-05-12", "2001", date_column.KNOWN),
        ("2001-05-12", "2001-05", date_column.KNOWN),
        ("2001-05-12", "2001-06", date_column.YEAR),
        ("2001-05-12", "2001-01-01", date_column.FIRST),
        ("2001-05-12", "2001-12-05", date_column.SWAPPED),
        ("2001-05-12", "2001-05-13", date_column.DIGIT),
        ("2001-05-12", "2011-05-12", date_column.DIGIT),
        ("2001-05-12", "2001-05-21", date_column.DIGIT),
        ("2001-05-12", "2001-11-12", date_column.COMPONENT),
        ("2001-05-12", "2001-11-30", date_column.YEAR),
        ("2001-05-12", "1987-11-30", date_column.DIFFERENT),
        ("2001-05-12", "1900-01-01", 0),
        ("2001-05-12", "không rõ", 0),
    ],
)
def test_dates(a: str, b: str, expected: int) -> None:
    assert level("date", a, b) == level("date", b, a) == expected


def test_precision_says_what_of_a_date_is_known() -> None:
    column = date_column.DateColumn("birth_date", {"precision": "birth_precision"})
    for word in ("year", "Năm", "Y"):
        assert column.read("2001-01-01", {"birth_precision": word}) == date_column.Date("2001", 2001, 0, 0)
    for word in ("month", "tháng"):
        assert column.read("2001-05-01", {"birth_precision": word}) == date_column.Date("2001-05", 2001, 5, 0)
    for word in ("day", "ngày", ""):
        assert column.read("2001-05-12", {"birth_precision": word}) == date_column.Date("2001-05-12", 2001, 5, 12)


def test_placeholders_of_dates_never_block() -> None:
    column = date_column.DateColumn("c", {})
    assert column.read("1900-01-01", {}) is None
    for text in ("1970-01-01", "2000-01-01"):
        date = column.read(text, {})
        assert date is not None
        assert column.key(date, "day") is column.key(date, "swapped") is column.key(date, "in_year") is None


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("001203004567", "001 203 004 567", EQUAL),
        ("001203004567", "1203004567.0", number_column.LENGTH),
        ("001203004567", "01203004567", EQUAL),
        ("001203004567", "001203004568", number_column.DIGIT),
        ("001203004567", "001203004576", number_column.EXCHANGED),
        ("001203004567", "012345679", number_column.KIND),
        ("001203004567", "079203994561", number_column.DIFFERENT),
        ("001203004567", "000000000000", 0),
        ("001203004567", "-", 0),
    ],
)
def test_numbers(a: str, b: str, expected: int) -> None:
    assert level("number", a, b) == level("number", b, a) == expected


@pytest.mark.parametrize("written", ["+84 912 845 678", "0084912845678", "912845678", "0912.845.678", "84912845678"])
def test_telephones(written: str) -> None:
    assert level("phone", "0912845678", written) == EQUAL


def test_telephones_before_2018_and_placeholders() -> None:
    assert level("phone", "0312345987", "01632345987") != EQUAL
    assert level("phone", "0332345987", "01632345987") == EQUAL
    assert level("phone", "0123456789", "0123456789") == 0


def test_codes_whatever_a_spreadsheet_made_of_them() -> None:
    assert level("code", "01", "1") == EQUAL
    assert level("code", "01", "79") == 2
    sexes = KINDS["code"]("sex", {"values": {"nam": "M", "nữ": "F", "1": "M", "0": "F"}})
    assert sexes.read("Nữ", {}) == sexes.read("0", {}) == ("F",)


LETTERS = st.text(max_size=30)


@given(LETTERS, LETTERS, st.sampled_from(sorted(KINDS)))
def test_any_two_texts_have_one_level_in_either_order(a: str, b: str, kind: str) -> None:
    column: Column = KINDS[kind]("c", {})
    found = level(kind, a, b)
    assert 0 <= found <= len(column.levels)
    assert found == level(kind, b, a)


@given(LETTERS, st.sampled_from(sorted(KINDS)))
def test_whatever_can_be_read_equals_itself_and_gives_keys(text: str, kind: str) -> None:
    column = KINDS[kind]("c", {})
    feature = column.read(text, {})
    if feature is None:
        return
    assert level(kind, text, text) == EQUAL
    for part in column.parts:
        hash(column.key(feature, part))
    for value in column.values(feature):
        column.learn(feature, 1)
        assert column.floor(value, {}, 1) > 0


@given(st.lists(st.sampled_from(NAMES), min_size=1).map(" ".join))
def test_a_sound_name_is_left_as_it_is(name: str) -> None:
    assert as_meant(name) == unicodedata.normalize("NFC", name)


@given(st.integers(1, 10**9 - 1), st.randoms(use_true_random=False))
def test_a_wrong_digit_is_seen_as_one(number: int, random: Random) -> None:
    text = f"001{number:09}"
    assert level("number", text, flaws.digit(random, text)) in (0, number_column.DIGIT)
