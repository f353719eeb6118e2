"""Rules: pure functions over records, each declared once, in `directory.yaml`: severity, tolerance, validity, texts, source, examples."""

from schemas.rules.catalogue import Case, Example, Rule, Text
from schemas.rules.dates import day_of
from schemas.rules.directory import RULES, VERSIONS, case_of, in_force, severity_of, tolerances
from schemas.rules.explain import Explained, explain
from schemas.rules.found import Found, found, masked
from schemas.rules.numbers import is_plausible_citizen_number
from schemas.rules.record import check
from schemas.rules.texts import is_placeholder

__all__ = [
    "RULES",
    "VERSIONS",
    "Case",
    "Example",
    "Explained",
    "Found",
    "Rule",
    "Text",
    "case_of",
    "check",
    "day_of",
    "explain",
    "found",
    "in_force",
    "is_placeholder",
    "is_plausible_citizen_number",
    "masked",
    "severity_of",
    "tolerances",
]
