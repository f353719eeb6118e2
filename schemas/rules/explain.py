"""A finding in words, for the people who mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.rules.directory import RULES


class Explained(NamedTuple):
    """`wrong`: what was found, else what the rule asks. `todo`: what to do about it."""

    wrong: str
    todo: str


def explain(rule: str, details: Mapping[str, str], language: str) -> Explained:
    """The case's sentence with its masked details, and what to do; empty for a rule that this program does not know yet."""
    known = RULES.get(rule)
    if known is None:
        return Explained("", "")
    case = known.cases.get(details.get("case", ""))
    todo = known.todo.in_language(language)
    if case is None:
        return Explained(known.title.in_language(language), todo)
    return Explained(case.shown(language, details), todo)
