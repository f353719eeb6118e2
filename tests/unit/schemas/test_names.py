"""Canonical names: which spellings mean the same, and which names differ."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.names import canonical_key, plain_key

SAME = [
    ("Hòa", "Hoà", "the tone stands on either vowel"),
    ("Thúy", "Thuý", "the tone stands on either vowel"),
    ("Nguyễn Văn An", unicodedata.normalize("NFD", "Nguyễn Văn An"), "composed and decomposed"),
    ("NGUYỄN VĂN AN", "nguyễn văn an", "case"),
    ("  Nguyễn \t Văn  An ", "Nguyễn Văn An", "spaces"),
    ("Nguyễn\u00a0Văn An", "Nguyễn Văn An", "a space that does not break"),
    ("Đỗ", "\u00d0ỗ", "the Icelandic letter"),
    ("đỗ", "\u00f0ỗ", "the Icelandic letter, small"),
    ("Đỗ", "\u0189ỗ", "the African letter"),
    ("Lý", "Lí", "i and y"),
    ("Mỹ Linh", "Mĩ Linh", "i and y"),
]
DIFFERENT = [
    ("Minh", "Mính"),
    ("Hoa", "Hòa"),
    ("Đỗ", "Dỗ"),
    ("Lan", "Lân"),
    ("Tuấn", "Tuân"),
    ("Thu", "Thư"),
    ("Văn An", "Vănan"),
    ("Mai Lan", "Lan Mai"),
]


@pytest.mark.parametrize(("one", "other", "why"), SAME)
def test_spellings_of_one_name(one: str, other: str, why: str) -> None:
    assert canonical_key(one) == canonical_key(other), why


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_names(one: str, other: str) -> None:
    assert canonical_key(one) != canonical_key(other)


def test_a_name_without_accents_is_only_plainly_the_same() -> None:
    assert canonical_key("Đỗ Minh Thư") != canonical_key("Do Minh Thu")
    assert plain_key("Đỗ Minh Thư") == plain_key("Do Minh Thu") == "do minh thu"


@given(st.text(st.sampled_from("aăâeêioôơuưyđdhnmAĂÂĐHNM àáảãạềếờớ\u0300\u0301\u0323"), max_size=30))
def test_unicode_form_and_case_never_matter(name: str) -> None:
    for form in ("NFC", "NFD"):
        assert canonical_key(unicodedata.normalize(form, name)) == canonical_key(name)
        assert plain_key(unicodedata.normalize(form, name)) == plain_key(name)
    assert canonical_key(name.upper()) == canonical_key(name)
