"""The rule directory as a program has it: rules by id, their versions in time, severities and tolerances.

`directory.yaml` is the truth. A rule that changes with the law gets a second entry with its own validity; the id stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

Stage = Literal["records", "people", "matcher", "sets"]
Severity = Literal["ERROR", "WARNING", "NONE"]
Status = Literal["kept", "not yet"]
STAGES, SEVERITIES, STATUSES = get_args(Stage), get_args(Severity), get_args(Status)

Tolerances = Mapping[str, Mapping[str, float]]
"""By rule id, then by name."""


@dataclass(frozen=True)
class Text:
    """A text for people."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True)
class Case:
    """One way to break a rule; its text may name details in braces. `not_yet`: why nothing finds it yet."""

    severity: Severity
    text: Text
    stage: Stage
    not_yet: Text | None = None

    def shown(self, language: str, details: Mapping[str, str] = MappingProxyType({})) -> str:
        """The sentence with the details of a finding; what is not known shows as a gap."""
        return self.text.in_language(language).format_map(_Known(details))


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


@dataclass(frozen=True)
class Example:
    """`entity` and `values`: what `check` is given. `of` and `arguments`: the pure function of a rule that needs more than one
    record. `text`: in words, where only a whole database breaks the rule. `finds`: the case, if the rule has cases, then the fields."""

    entity: str = ""
    values: Mapping[str, Any] = None  # type: ignore[assignment]
    untyped: Mapping[str, str] = None  # type: ignore[assignment]
    on: str = ""
    of: str = ""
    arguments: Mapping[str, Any] = None  # type: ignore[assignment]
    text: Text | None = None
    finds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule in one period. `fields`: entity → fields, `*` for all. `waiver`: when the ministry may waive it; None: never.
    `not_yet`: why nothing finds it yet. `limits`: what of the rule nobody judges. `source` says where the rule comes from; [own] marks this project's proposal."""

    id: str
    stage: Stage
    fields: Mapping[str, tuple[str, ...]]
    severity: Severity
    title: Text
    explanation: Text
    todo: Text
    source: Text
    good: tuple[Example, ...]
    bad: tuple[Example, ...]
    cases: Mapping[str, Case]
    tolerance: Mapping[str, float]
    valid_from: str | None = None
    valid_to: str | None = None
    waiver: Text | None = None
    not_yet: Text | None = None
    limits: Text | None = None

    @property
    def status(self) -> Status:
        return "kept" if self.not_yet is None else "not yet"

    @property
    def waivable(self) -> bool:
        return self.waiver is not None

    def in_force(self, on: str) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)

    def severity_of(self, case: str) -> Severity:
        return self.cases[case].severity if case in self.cases else self.severity


RULE_IDS: tuple[str, ...] = (
    *(f"V{number:02}" for number in range(1, 31)),
    *(f"R{number:02}" for number in (1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14)),
)
"""Every rule there is; numbers that are missing were given up before the first version."""

TOLERANCE_NAMES: Mapping[str, frozenset[str]] = {
    "V04": frozenset({"syllables", "long", "longest"}),
    "V05": frozenset({"youngest", "oldest", "longest_life"}),
    "V15": frozenset({"times"}),
    "V16": frozenset({"longest", "ahead", "cohort_years", "peers", "peers_percent"}),
    "V19": frozenset({"days"}),
    "V22": frozenset({"months"}),
    "V23": frozenset({"first_year", "men_months", "men_step", "men_last", "women_months", "women_step", "women_last"}),
    "V25": frozenset({"phones", "emails", "numbers"}),
    "V26": frozenset({"grace_hours"}),
    "V27": frozenset({"percent"}),
    "R05": frozenset({"months"}),
    "R08": frozenset({"horizon_year"}),
}
"""What the programs read of each rule's tolerance."""
