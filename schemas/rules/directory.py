"""The rule directory, loaded: rules by id, and how they stand on a day."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.rules.catalogue import RULE_IDS, Case, Rule, Severity, Tolerances
from schemas.rules.found import Found
from schemas.rules.load import load

FILE = Path(__file__).parent / "directory.yaml"
"""Found from here, since a compiled module says that it lies where it was installed."""

VERSIONS: tuple[Rule, ...] = load(FILE)
"""Every entry; an id has several where its rule changed."""

RULES: Mapping[str, Rule] = {
    name: max((rule for rule in VERSIONS if rule.id == name), key=lambda rule: rule.valid_from or "")
    for name in RULE_IDS
}
"""Each rule's newest version, by id."""


def in_force(on: str) -> dict[str, Rule]:
    """The rules that hold on a day, by id."""
    return {rule.id: rule for rule in VERSIONS if rule.in_force(on)}


def tolerances(on: str) -> Tolerances:
    """Each rule's tolerances on a day; of a rule that does not hold then, its newest."""
    return {name: rule.tolerance for name, rule in (dict(RULES) | in_force(on)).items()}


def case_of(found: Found) -> Case | None:
    """The declared case that a finding is of."""
    return RULES[found.rule].cases.get(found.case)


def severity_of(found: Found) -> Severity:
    """The severity of a finding: its case's, else its rule's."""
    return RULES[found.rule].severity_of(found.case)
