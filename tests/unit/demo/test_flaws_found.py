"""What the demo's institutions do wrong on purpose is found by the rule that is meant for it, and nothing else is."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from deploy.demo import flaws
from deploy.demo.people import Population
from schemas.avro_schema import field_names
from schemas.rules import check

TODAY = "2026-10-01"
FOUND = {flaw: set(flaws.FOUND_BY.get(flaw, ())) for flaw in flaws.FLAWS if flaw != "placeholder_address"} | {
    "unknown_ethnicity": {"V07"}
}
"""Flaw → the rules that must find it. A code map leaves nothing of an ethnicity that it does not know; here it stands as it is."""


def findings(held: flaws.Held) -> set[str]:
    own: dict[str, Any] = {name: getattr(held, name) for name in field_names("person") if hasattr(held, name)}
    learner = {"code": "SV1", "email": held.email, "phone": held.phone}
    return {
        one.rule
        for entity, values in (("person", own), ("learner", learner))
        for one in check(entity, dict.fromkeys(field_names(entity)) | values, {}, TODAY)
    }


def held(number: int, flaw: str | None) -> flaws.Held:
    chances = dict.fromkeys(flaws.FLAWS, 0.0) | ({flaw: 1.0} if flaw else {})
    person = Population(1).person(number, "learner")
    return flaws.hold(person, Random(number), chances)


def test_the_truth_has_no_finding_but_a_true_first_of_january() -> None:
    for number in range(2000):
        true = held(number, None)
        wanted = {"V25"} if (true.birth_date or "").endswith("-01-01") else set()
        assert findings(true) == wanted, number


@pytest.mark.parametrize("flaw", FOUND)
def test_a_flaw_is_found_by_its_rule(flaw: str) -> None:
    seen = [one for number in range(300) if (one := held(number, flaw)).flaws]
    for one in seen:
        found = findings(one)
        if flaw != "wrong_sex" or one.citizen_number is not None:  # foreigners have no number to compare with
            assert found >= FOUND[flaw], one.flaws
        assert found - FOUND[flaw] <= ({"V25"} if (one.birth_date or "").endswith("-01-01") else set()), one.flaws
    assert seen
