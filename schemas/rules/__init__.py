"""Rules: pure functions over one record's values, each declared once with id, severity, texts and source."""

from schemas.rules.catalogue import RULES, Rule
from schemas.rules.record import Found, check, is_plausible_citizen_number

__all__ = ["RULES", "Found", "Rule", "check", "is_plausible_citizen_number"]
