"""Every example of the rule directory runs its rule: a bad one gives what it says, a good one gives nothing of the rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.avro_schema import field_names, fields
from schemas.rules import VERSIONS, Example, Found, Rule, check, people, related
from schemas.rules.coded import CASES

EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.id}-{kind}-{number}")
    for rule in VERSIONS
    for kind, examples in (("good", rule.good), ("bad", rule.bad))
    for number, example in enumerate(examples)
    if example.text is None
]


def findings(example: Example) -> list[Found]:
    if not example.of:
        values = dict.fromkeys(field_names(example.entity)) | dict(example.values)
        return check(example.entity, values, example.untyped, example.on)
    if example.of == "check_person":
        return over_institutions(**example.arguments)
    answer: Any = getattr(related, example.of)(**example.arguments)
    return answer if isinstance(answer, list) else [] if answer is None else [answer]


def over_institutions(facts: list[dict[str, Any]], records: dict[str, str] | None = None) -> list[Found]:
    nothing = {"valid_from": None, "valid_to": None, "status": None, "attributes": {}}
    found = people.check_person(
        [people.Held(**(nothing | fact)) for fact in facts], records or {}, lambda institution: True
    )
    return [Found(one.rule, one.fields, one.other, one.details) for one in found]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_an_example_is_what_it_says(rule: Rule, example: Example) -> None:
    of_rule = [(*([one.case] if rule.cases else ()), *one.fields) for one in findings(example) if one.rule == rule.id]
    if example.finds:
        assert example.finds in of_rule
    else:
        assert of_rule == []


@pytest.mark.parametrize("rule", VERSIONS, ids=lambda rule: rule.id)
def test_a_finding_names_only_fields_that_its_rule_declares(rule: Rule) -> None:
    for example in rule.bad:
        declared = {name for names in rule.fields.values() for name in names}
        assert "*" in declared or set(example.finds[1 if rule.cases else 0 :]) <= declared


def said_by_the_program() -> Iterator[Found]:
    for rule in VERSIONS:
        for example in (*rule.good, *rule.bad):
            if example.text is None:
                yield from findings(example)


def test_every_finding_is_of_a_declared_case_and_its_details_fill_the_text() -> None:
    seen = list(said_by_the_program())
    by_id = {rule.id: rule for rule in VERSIONS}
    for one in seen:
        if not by_id[one.rule].cases:
            continue  # PEOPLE's findings have no cases
        case = by_id[one.rule].cases[one.case]
        for text in (case.text.vi, case.text.en):
            assert "{" not in text.format(**dict(one.details))


def test_every_case_that_a_single_record_can_show_has_an_example() -> None:
    shown = {(rule.id, example.finds[0]) for rule in VERSIONS for example in rule.bad if example.finds}
    wanted = {
        (rule.id, name)
        for rule in VERSIONS
        if rule.status == "kept"
        for name, case in rule.cases.items()
        if case.not_yet is None and (name not in CASES or rule.id == "V06")
    }
    assert sorted(wanted - shown) == []


def test_no_example_and_no_detail_shows_a_whole_number() -> None:
    for one in said_by_the_program():
        assert not [value for _, value in one.details if sum(char.isdigit() for char in value) > 4]


def test_an_unchecked_fact_is_never_the_only_source() -> None:
    for rule in VERSIONS:
        for text in (rule.source.vi, rule.source.en):
            assert "[unchecked]" not in text or "[own]" in text


def test_fields_of_every_entity_stay_known() -> None:
    """Guards the examples' form: a field that leaves the contract must leave the directory."""
    for rule in VERSIONS:
        for entity, names in rule.fields.items():
            if entity != "*":
                assert set(names) <= {"*", *(field.name for field in fields(entity))}
