"""The loader of the rule directory refuses what a typo makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import HemisError
from schemas.rules import RULES, VERSIONS, Rule, in_force
from schemas.rules.catalogue import RULE_IDS, TOLERANCE_NAMES
from schemas.rules.directory import FILE
from schemas.rules.load import load

TEXT = FILE.read_text("utf-8")
V19 = next("- id: " + part for part in TEXT.split("\n- id: ") if part.startswith("V19"))


def loaded(tmp_path: Path, text: str) -> tuple[Rule, ...]:
    file = tmp_path / "directory.yaml"
    file.write_text(text, "utf-8")
    return load(file)


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        pytest.param("E820", "- id: V19", "- id: [V19", id="no YAML"),
        pytest.param("E821", "tolerance: {days: 30}", "tolerence: {days: 30}", id="an unknown key"),
        pytest.param("E821", "  todo:\n", "  to_do:\n", id="a key with a typo"),
        pytest.param("E821", "late: {severity: WARNING,", "late: {severty: WARNING,", id="an unknown key of a case"),
        pytest.param("E821", "status: kept", "status: kept\n  reason: {vi: a, en: b}", id="a reason although it is kept"),
        pytest.param("E822", "- id: V19", "- id: V91", id="an unknown rule"),
        pytest.param("E823", "    en: Check both dates", "    english: Check both dates", id="no English"),
        pytest.param("E823", "status: kept", "status: not yet", id="not yet, without a reason"),
        pytest.param("E824", "waiver:", "explanation:", id="a waiver without reason"),
        pytest.param("E824", "waivable: true", "waivable: false", id="a reason, but not waivable"),
        pytest.param("E825", "severity: WARNING\n", "severity: WARNING\n  valid_from: 2026-02-30\n", id="no day"),
        pytest.param("E825", "severity: WARNING\n", "severity: WARNING\n  valid_from: '2026'\n", id="a year is no day"),
        pytest.param(
            "E825", "severity: WARNING\n", "severity: WARNING\n  valid_from: 2026-02-01\n  valid_to: 2026-01-01\n", id="ends first"
        ),
        pytest.param("E826", "severity: WARNING", "severity: WARNIN", id="a severity with a typo"),
        pytest.param("E826", "stage: records", "stage: record", id="a stage with a typo"),
        pytest.param("E826", "waivable: true", "waivable: yes", id="a truth value with a typo"),
        pytest.param("E827", "{degree: [decision_date", "{degre: [decision_date", id="an unknown entity"),
        pytest.param("E827", "{degree: [decision_date", "{degree: [decision_dat", id="an unknown field"),
        pytest.param("E828", "tolerance: {days: 30}", "tolerance: {day: 30}", id="an unknown tolerance"),
        pytest.param("E828", "tolerance: {days: 30}", "tolerance: {}", id="a missing tolerance"),
        pytest.param("E828", "tolerance: {days: 30}", "tolerance: {days: '30'}", id="a tolerance that is no number"),
        pytest.param("E829", "finds: [late", "finds: [too_late", id="an unknown case"),
        pytest.param("E829", "entity: degree, values: {decision_number: 15/QĐ", "entity: degree, values: {decision_no: 15", id="field"),
        pytest.param("E829", "entity: degree, values: {decision_number: 15/QĐ", "entity: degree, values: {serial: 15", id="kind"),
    ],
)  # fmt: skip
def test_a_typo_is_refused(tmp_path: Path, code: str, before: str, after: str) -> None:
    assert before in V19
    with pytest.raises(HemisError) as caught:
        loaded(tmp_path, TEXT.replace(V19, V19.replace(before, after)))
    assert caught.value.code == code
    assert caught.value.facts.get("rule", "V19") in ("V19", "V91")


def test_a_missing_rule_is_named(tmp_path: Path) -> None:
    with pytest.raises(HemisError) as caught:
        loaded(tmp_path, TEXT.replace("\n" + V19, ""))
    assert (caught.value.code, caught.value.facts["rules"]) == ("E822", "V19")


def test_a_hint_names_the_nearest_word(tmp_path: Path) -> None:
    with pytest.raises(HemisError, match="did you mean WARNING"):
        loaded(tmp_path, TEXT.replace(V19, V19.replace("severity: WARNING", "severity: WARNNG")))


def dated(valid_from: str | None, valid_to: str | None, days: int) -> str:
    limits = "".join(f"\n  {key}: {day}" for key, day in (("valid_from", valid_from), ("valid_to", valid_to)) if day)
    return V19.replace("severity: WARNING\n", f"severity: WARNING{limits}\n", 1).replace(
        "{days: 30}", f"{{days: {days}}}"
    )


def test_two_versions_on_one_day_are_refused(tmp_path: Path) -> None:
    for old, new in (((None, None), ("2026-01-01", None)), (("2020-01-01", "2026-01-01"), ("2026-01-01", None))):
        text = TEXT.replace(V19, dated(*old, 30).rstrip() + "\n\n" + dated(*new, 45))
        with pytest.raises(HemisError) as caught:
            loaded(tmp_path, text)
        assert caught.value.code == "E825"


def test_a_rule_may_change_with_the_law(tmp_path: Path) -> None:
    text = TEXT.replace(V19, dated(None, "2025-12-31", 30).rstrip() + "\n\n" + dated("2026-01-01", None, 45))
    versions = [rule for rule in loaded(tmp_path, text) if rule.id == "V19"]
    assert [
        (rule.tolerance["days"], rule.in_force("2025-12-31"), rule.in_force("2026-01-01")) for rule in versions
    ] == [
        (30, True, False),
        (45, False, True),
    ]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(HemisError) as caught:
        load(tmp_path / "directory.yaml")
    assert caught.value.code == "E820"


def test_every_rule_is_there_and_holds_today() -> None:
    assert set(RULES) == set(RULE_IDS) == set(in_force("2026-10-01"))
    assert {rule.id for rule in VERSIONS if rule.tolerance} == set(TOLERANCE_NAMES)


@pytest.mark.parametrize("rule", VERSIONS, ids=lambda rule: rule.id)
def test_texts_are_for_people(rule: Rule) -> None:
    for text in (rule.title, rule.explanation, rule.todo):
        assert text.vi != text.en
        assert len(text.vi.splitlines()) == len(text.en.splitlines()) == 1
    assert rule.status == "kept" or rule.not_yet
