"""Dates, numbers and truth values: only what the type holds passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.mapping.values import bool_value, date_reader, date_value, int_value


@pytest.mark.parametrize(
    ("source", "iso"),
    [
        (b"2001", b"2001"),
        (b"2001-05", b"2001-05"),
        (b"2001-05-17", b"2001-05-17"),
        (b"2001-05-17 00:00:00", b"2001-05-17"),
        (b"2001-05-17 23:59:59.123", b"2001-05-17"),
        (b"2001-05-16 17:00:00+00", b"2001-05-17"),
        (b"2001-05-16 16:59:59.9+00", b"2001-05-16"),
        (b"2001-05-17 06:59:00+07", b"2001-05-17"),
        (b"2001-02-29", None),
        (b"0044-03-15 BC", None),
        (b"infinity", None),
        (b"17/05/2001", None),
        (b"9999-12-31 23:00:00+00", None),
        (b"", None),
    ],
)
def test_dates(source: bytes, iso: bytes | None) -> None:
    found = date_value(source)
    assert (None if found is None else found[2:]) == iso


@pytest.mark.parametrize(
    ("form", "source", "iso"),
    [
        ("DD/MM/YYYY", b"17/05/2001", b"2001-05-17"),
        ("DD/MM/YYYY", b"7/5/2001", b"2001-05-07"),
        ("DD/MM/YYYY", b"31/02/2001", None),
        ("MM/YYYY", b"05/2001", b"2001-05"),
        ("YYYY", b"2001", b"2001"),
        ("YYYYMMDD", b"20010517", b"2001-05-17"),
        ("YYYYMMDD", b"2001517", None),
    ],
)
def test_formats(form: str, source: bytes, iso: bytes | None) -> None:
    read = date_reader(form)
    assert read is not None
    found = read(source)
    assert (None if found is None else found[2:]) == iso


@given(st.binary())
def test_no_bytes_raise(raw: bytes) -> None:
    read = date_reader("DD/MM/YYYY")
    assert read is not None
    for convert in (date_value, int_value, bool_value, read):
        convert(raw)
