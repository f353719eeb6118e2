"""What a rule hands back. Details are masked: they show where a value is wrong, never whose it is (P8)."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """One finding of a rule about a record's fields. `details` begin with the case of the rule, where it has cases."""

    rule: str
    fields: tuple[str, ...]
    other: str = ""
    details: tuple[tuple[str, str], ...] = ()

    @property
    def case(self) -> str:
        return next((value for name, value in self.details if name == "case"), "")


def found(rule: str, case: str, *fields: str, other: str = "", **details: object) -> Found:
    """A finding of one case of a rule."""
    return Found(rule, fields, other, (("case", case), *((name, str(value)) for name, value in details.items())))


def masked(value: str) -> str:
    """First and last character of a long value, else none: `0••••••••••1`."""
    if len(value) < 8:
        return "•" * len(value)
    return f"{value[0]}{'•' * (min(len(value), 40) - 2)}{value[-1]}"
