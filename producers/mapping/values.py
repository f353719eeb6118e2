"""Source text to wire bytes, value by value: what generated code calls when its caches do not know a text yet.

Every function takes the text as the source prints it and gives the field's bytes *with* the union branch, or None where
the text has no place in the type. None of them raises on any bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import quote

from schemas.avro_schema import Kind
from schemas.codec import long_bytes, size_bytes

Convert = Callable[[bytes], bytes | None]

NULL = b"\x00"
_INT = re.compile(rb"[+-]?[0-9]{1,10}")
_ISO = re.compile(rb"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_STAMP = re.compile(
    rb"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2})(?::[0-9]{2}(?:\.[0-9]+)?)?(?:([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
_VIETNAM_MINUTES = 7 * 60
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
"""What a key part keeps unescaped (RFC 3986)."""


def text_value(raw: bytes) -> bytes | None:
    """Any text; None only if it is not UTF-8 (a SQL_ASCII database checks nothing)."""
    return b"\x02" + size_bytes(len(raw)) + raw


def int_value(raw: bytes) -> bytes | None:
    """A whole number of 32 bits."""
    if not _INT.fullmatch(raw):
        return None
    number = int(raw)
    return b"\x02" + long_bytes(number) if -(1 << 31) <= number < 1 << 31 else None


def bool_value(raw: bytes) -> bytes | None:
    return {b"t": b"\x02\x01", b"true": b"\x02\x01", b"1": b"\x02\x01"}.get(raw) or {
        b"f": b"\x02\x00",
        b"false": b"\x02\x00",
        b"0": b"\x02\x00",
    }.get(raw)


def date_value(raw: bytes) -> bytes | None:
    """ISO text with reduced precision, or the date part of a timestamp; one with a zone counts in Vietnam's time."""
    if found := _ISO.fullmatch(raw):
        year, month, day = found.groups()
        return _calendar(year, month, day)
    if found := _STAMP.fullmatch(raw):
        year, month, day, hour, minute, sign, zone, zone_minutes = found.groups()
        if _calendar(year, month, day) is None:
            return None
        if sign is None:
            return _calendar(year, month, day)
        offset = int(zone) * 60 + int(zone_minutes or 0)
        minutes = int(hour) * 60 + int(minute) - (offset if sign == b"+" else -offset) + _VIETNAM_MINUTES
        try:
            local = date(int(year), int(month), int(day)) + timedelta(days=minutes // 1440)
        except OverflowError:
            return None
        return text_value(local.isoformat().encode())
    return None


def date_reader(form: str) -> Convert | None:
    """The reader of a format such as `DD/MM/YYYY`; None if it is no date format. Days and months may lack their zero."""
    tokens = re.split(r"(YYYY|MM|DD)", form)
    names = tokens[1::2]
    if sorted(names) not in (["YYYY"], ["MM", "YYYY"], ["DD", "MM", "YYYY"]):
        return None
    if any(ch.isalnum() for between in tokens[::2] for ch in between):
        return None
    tight = any(not between for between in tokens[2:-1:2])
    two = "[0-9]{2}" if tight else "[0-9]{1,2}"
    shapes = {"YYYY": "(?P<y>[0-9]{4})", "MM": f"(?P<m>{two})", "DD": f"(?P<d>{two})"}
    pattern = re.compile("".join(shapes.get(t) or re.escape(t) for t in tokens).encode())

    def read(raw: bytes) -> bytes | None:
        found = pattern.fullmatch(raw.strip())
        if not found:
            return None
        groups = found.groupdict()
        month, day = groups.get("m"), groups.get("d")
        return _calendar(groups["y"], month and month.zfill(2), day and day.zfill(2))

    return read


def _calendar(year: bytes, month: bytes | None, day: bytes | None) -> bytes | None:
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return text_value(b"-".join(part for part in (year, month, day) if part))


_OF_KIND: dict[Kind, Convert] = {
    "text": text_value,
    "code": text_value,
    "reference": text_value,
    "int": int_value,
    "bool": bool_value,
    "date": date_value,
}


def of_kind(kind: Kind) -> Convert:
    """The conversion of a kind of field."""
    return _OF_KIND[kind]


def constant_value(kind: Kind, text: str) -> bytes | None:
    """A constant of the mapping as wire bytes; None if it is no value of this kind."""
    return _OF_KIND[kind](text.encode())


def coded(codes: dict[str, str], kind: Kind) -> Convert:
    """Text through a code map; blanks that `char(n)` adds are no part of the code."""
    table = {source.encode(): constant_value(kind, code) for source, code in codes.items()}

    def convert(raw: bytes) -> bytes | None:
        found = table.get(raw)
        return found if found is not None else table.get(raw.rstrip(b" "))

    return convert


def key_part(raw: bytes | None) -> bytes:
    """A key part, percent-escaped. A null part is empty, which RECORDS refuses (E104): it never stands for another row."""
    return b"" if raw is None else quote(raw, safe="").encode()
