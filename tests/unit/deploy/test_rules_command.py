"""`hemis rules`: the directory on the screen, in both languages, and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from deploy.rules import rules
from schemas.errors import Exit
from schemas.rules import VERSIONS, Rule


def run(*arguments: str, language: str = "") -> Result:
    return CliRunner().invoke(rules, arguments, env={"HEMIS_LANGUAGE": language})


def test_the_list_names_every_rule_in_the_language_asked_for() -> None:
    english, vietnamese = run("list").stdout.splitlines(), run("list", language="vi").stdout.splitlines()
    for rule, en, vi in zip(VERSIONS, english, vietnamese, strict=True):
        assert en.startswith(rule.id)
        assert rule.title.en in en
        assert rule.title.vi in vi


def test_the_list_is_narrowed_by_entity_and_stage() -> None:
    degree = [
        json.loads(line)
        for line in run("list", "--entity", "degree", "--stage", "records", "--json").stdout.splitlines()
    ]
    assert {"V19", "V20"} <= {rule["id"] for rule in degree}
    assert not {"V22", "R02"} & {rule["id"] for rule in degree}


@pytest.mark.parametrize("rule", VERSIONS, ids=lambda rule: rule.id)
def test_a_rule_is_shown_whole(rule: Rule) -> None:
    for language in ("vi", "en"):
        screen = run("show", rule.id.lower(), "--language", language)
        assert screen.exit_code == Exit.FINE
        assert rule.explanation.in_language(language) in screen.stdout
        assert rule.todo.in_language(language) in screen.stdout
        assert "{" not in screen.stdout
    (line,) = run("show", rule.id, "--json").stdout.splitlines()
    said = json.loads(line)
    assert (said["id"], said["status"], len(said["bad"])) == (rule.id, rule.status, len(rule.bad))


def test_an_unknown_rule_is_a_usage_error() -> None:
    answer = run("show", "V99")
    assert answer.exit_code == Exit.USAGE
    assert "hemis rules list" in answer.stderr
