"""A seed without its finding and a finding without a seed are both seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.seeded import Opened, Outcome, Truth, judge

PERSON, DEGREE, STUDY = "DHA/person/1", "DHA/degree/1", "DHB/study_record/1"
LINES: tuple[dict[str, Any], ...] = (
    {"kind": "learner", "person": 7, "record": PERSON, "flaws": ["nfd"], "rules": ["V04"]},
    {"kind": "learner", "person": 7, "record": "DHB/person/1", "flaws": [], "rules": []},
    {"kind": "learner", "person": 8, "record": "DHB/person/2", "flaws": [], "rules": []},
    {"kind": "study_record", "record": STUDY, "flaws": ["future_status_date"], "rules": ["V12"]},
)
PERSON_OF = {PERSON: PERSON, DEGREE: PERSON, STUDY: "DHB/person/1", "DHB/study_record/2": "DHB/person/2"}
SEEDED = (Opened("V04", PERSON, "", ("full_name",)), Opened("V12", STUDY, "", ("status_date",)))


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    file = tmp_path / "truth.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return Truth(file)


def test_every_seed_found_and_nothing_else(truth: Truth) -> None:
    assert judge(truth, SEEDED, PERSON_OF) == Outcome(seeds=2, findings=2)


def test_a_seed_that_nothing_found_is_named(truth: Truth) -> None:
    assert judge(truth, SEEDED[:1], PERSON_OF).missing == [("V12", STUDY)]


def test_a_finding_may_name_the_seeded_record_as_the_other_one(truth: Truth) -> None:
    assert judge(truth, [SEEDED[0], Opened("V12", "DHB/x/1", STUDY, ("x",))], PERSON_OF).missing == []


@pytest.mark.parametrize(
    ("found", "explained"),
    [
        (Opened("V14", STUDY, "", ("status_date",)), True),
        (Opened("V04", DEGREE, "", ("full_name",)), True),
        (Opened("V21", DEGREE, "", ("full_name",)), False),
        (Opened("R12", "DHB/study_record/9", DEGREE, ("highest_degree",)), True),
        (Opened("R07", "DHB/study_record/2", "", ("status",)), False),
        (Opened("V17", "DHB/study_record/2", "", ("status",)), False),
    ],
    ids=["another rule, same record", "copied", "not copied", "one person's flaw hides", "nobody's flaw", "no seed"],
)
def test_what_explains_a_finding(truth: Truth, found: Opened, explained: bool) -> None:
    outcome = judge(truth, [*SEEDED, found], PERSON_OF)
    assert bool(outcome.unexplained) is not explained
    assert sum(outcome.unseeded.values()) == (not explained)
