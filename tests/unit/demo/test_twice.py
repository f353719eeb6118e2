"""Who stands at two universities is one person, proposed, in dispute, too unlike, or overlooked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.demo.seeded import Truth
from deploy.demo.twice import Outcome, judge

A, B, TWIN = "DHA/person/1", "DHB/person/1", "DHB/person/2"
LOOK = ("an", "2001-05-12")


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    """One person at two universities, and stands twice at the second."""
    file = tmp_path / "truth.jsonl"
    records = {A: 7, B: 7, TWIN: 7, "DHC/person/3": 8}
    lines = [{"kind": "learner", "person": n, "record": r, "flaws": [], "rules": []} for r, n in records.items()]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Truth(file)


def test_each_pair_has_one_fate(truth: Truth) -> None:
    keys = {A: "n:1", B: "n:1", TWIN: f"i:{TWIN}"}
    assert judge(truth, keys, [], [], {}) == Outcome(pairs=2, joined=1, left=1)
    assert judge(truth, keys, [(A, TWIN)], [], {}) == Outcome(pairs=2, joined=1, proposed=1, candidates=1)
    assert judge(truth, keys, [], [A, TWIN], {}) == Outcome(pairs=2, joined=1, disputed=1)


def test_who_looks_alike_and_is_not_proposed_is_overlooked(truth: Truth) -> None:
    assert judge(truth, {}, [], [], {A: LOOK, B: LOOK, TWIN: ("an", None)}).overlooked == [(A, B)]
    assert judge(truth, {}, [], [], {A: (None, None), B: (None, None)}).overlooked == []


def test_two_people_who_are_proposed_are_told_apart(truth: Truth) -> None:
    assert judge(truth, {}, [(A, "DHC/person/3"), (B, TWIN)], [], {}).strangers == 1
