"""Errors: each code complete, in both languages, and told apart by its nature."""

import re
from pathlib import Path

import pytest

import schemas.errors
from schemas.errors import CATALOGUE, Declared, DecodeError, Exit, HemisError, Nature

ALL = list(CATALOGUE.values())


@pytest.mark.parametrize("declared", ALL, ids=lambda declared: declared.code)
def test_every_code_speaks_both_languages(declared: Declared) -> None:
    assert re.fullmatch(r"E[1-9]\d\d", declared.code)
    for text in (declared.en, declared.vi, declared.hint_en, declared.hint_vi):
        assert text.strip() == text
        assert text


def test_codes_and_sentences_are_unique() -> None:
    """A dictionary forgets a code that is declared twice, so the source is counted."""
    declared = re.findall(
        r'^    "(E\d{3})",$|_declare\("(E\d{3})"', Path(schemas.errors.__file__).read_text("utf-8"), re.M
    )
    codes = [one or other for one, other in declared]
    assert len(codes) == len(set(codes)) == len(CATALOGUE)
    assert len({declared.en for declared in ALL}) == len(ALL)


@pytest.mark.parametrize("declared", ALL, ids=lambda declared: declared.code)
def test_the_nature_decides_retry_and_exit_code(declared: Declared) -> None:
    error = HemisError(declared.code, "detail")
    assert error.transient == (declared.nature is Nature.TRANSIENT)
    assert error.exit_code is (Exit.TRANSIENT if error.transient else Exit.USAGE)


@pytest.mark.parametrize("declared", ALL, ids=lambda declared: declared.code)
def test_dead_letter_codes_are_data(declared: Declared) -> None:
    assert (declared.nature is Nature.DATA) == declared.code.startswith("E1")


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_screen_says_what_and_what_next(language: str) -> None:
    screen = HemisError("E203", "no such column", table="public.students").screen(language)
    declared = CATALOGUE["E203"]
    assert screen.splitlines()[0].startswith("E203")
    assert "table: public.students" in screen
    assert screen.endswith(declared.hint_vi if language == "vi" else declared.hint_en)


def test_decode_error_is_e101() -> None:
    assert DecodeError("short").code == "E101"


def test_an_undeclared_code_can_not_be_raised() -> None:
    with pytest.raises(KeyError):
        HemisError("E999")
