"""What database errors mean, by their code and never by their text."""

from __future__ import annotations

import pytest

from schemas.errors import HemisError
from sinks.database import engine
from sinks.postgresql.wire import DataRefused, translated


@pytest.mark.parametrize(
    ("state", "code", "transient"),
    [
        ("08006", "E501", True),
        ("57P01", "E501", True),
        ("53300", "E501", True),
        ("40001", "E501", True),
        ("55P03", "E501", True),
        ("42P01", "E502", False),
        ("42703", "E502", False),
        ("28P01", "E503", False),
        ("42501", "E503", False),
        (None, "E501", True),
    ],
)
def test_sqlstates(state: str | None, code: str, transient: bool) -> None:
    told = translated(state)
    assert isinstance(told, HemisError)
    assert (told.code, told.transient) == (code, transient)


@pytest.mark.parametrize("state", ["22021", "22P03", "21000", "23502"])
def test_refused_data(state: str) -> None:
    assert isinstance(translated(state), DataRefused)


def test_a_wrong_url_is_not_repeated_in_the_error() -> None:
    with pytest.raises(HemisError) as raised:
        engine("postgres//user:geheim@host")
    assert "geheim" not in raised.value.screen()
    assert raised.value.code == "E201"
