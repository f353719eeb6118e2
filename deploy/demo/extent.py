"""How large the demo is, and its date: what all of its parts agree on."""

from __future__ import annotations

from datetime import date

CODES = ("DHA", "DHB", "DHC")
SHARES = {"DHA": 0.46, "DHB": 0.34, "DHC": 0.20}
"""How the demo's learners are spread."""
STAFF_PER_LEARNER = 0.05
TODAY = date(2026, 9, 15)
"""The demo's date of first load; fixed, so that a seed gives the same bytes every day."""
INTAKES = (2021, 2022, 2023, 2024, 2025, 2026)


def sizes(learners: int) -> dict[str, int]:
    """Learners per university of a demo with this many."""
    return {code: max(1, round(learners * share)) for code, share in SHARES.items()}


def staff_of(learners: int) -> int:
    """Staff of a university with this many learners."""
    return max(1, round(learners * STAFF_PER_LEARNER))
