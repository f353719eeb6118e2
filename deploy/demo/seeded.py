"""Seeded violations and national findings: does each seed give the finding that it must, and has each finding a seed?"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import psycopg

from deploy.local.stack import Say

Connection = psycopg.Connection[Any]

PATIENCE_SECONDS = 60.0
"""Set rules run every 20 s in the demo."""
PAUSE_SECONDS = 2.0

UNSEEDED: Mapping[tuple[str, str], str] = {
    ("V25", "birth_date"): "really born on 1 January, and more of them than elsewhere",
    ("V25", "signer"): "DHC's registrar types a dash now and then",
    ("V12", "duration_months"): "DHC types '2 năm' instead of months",
    ("V12", "first_year"): "DHC types 'năm 2005'",
    ("V12", "year_of_study"): "DHC types 'năm 3'",
    ("V12", "effective_date"): "DHC types 31/02",
    ("V05", "birth_date"): "DHC types 31/02/2004",
    ("V12", "birth_date"): "DHC's mapping reads whole dates only; its degrees repeat the person's",
    ("V03", "citizen_number"): "DHA has one column for every kind of document: foreigners' passports stand in it",
    ("V09", "major_code"): "a historic degree's major is no longer in the list",
    ("V15", "enrolment_date"): "the dice made a long study",
    ("V23", "permanent"): "past the legal age, not yet past the demo's",
    ("V28", "status"): "decisions that are missing, and studies that ended before the first load",
    ("R03", "full_name"): "two people who are alike",
    ("R04", "citizen_number"): "two people who are alike",
    ("R13", "home_institution"): "the visiting lecturer's contract at home has ended",
}
"""What the universities' data break without a seed: rule and first field, and why."""
_PERSONS = """
SELECT record_key, record_key FROM person UNION ALL
SELECT record_key, person FROM learner UNION ALL
SELECT record_key, person FROM degree UNION ALL
SELECT record_key, person FROM staff_contract UNION ALL
SELECT record_key, person FROM teaching_assignment UNION ALL
SELECT s.record_key, l.person FROM study_record s JOIN learner l ON l.record_key = s.learner UNION ALL
SELECT c.record_key, g.person FROM degree_correction c JOIN degree g ON g.record_key = c.degree UNION ALL
SELECT d.record_key, l.person FROM study_decision d JOIN study_record s ON s.record_key = d.study_record
  JOIN learner l ON l.record_key = s.learner
"""


class Opened(NamedTuple):
    """A national finding that is not closed."""

    rule: str
    record: str
    other: str
    fields: tuple[str, ...]


@dataclass
class Outcome:
    """`missing`: rule and record of seeds without their finding. `unseeded`: findings by rule and first field."""

    seeds: int = 0
    missing: list[tuple[str, str]] = field(default_factory=list)
    findings: int = 0
    unseeded: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def unexplained(self) -> dict[tuple[str, str], int]:
        return {cause: count for cause, count in self.unseeded.items() if cause not in UNSEEDED}


class Truth:
    """The truth file, as far as rules are concerned."""

    def __init__(self, file: Path) -> None:
        self.must: set[tuple[str, str]] = set()
        self._flawed: set[str] = set()
        self._rules: dict[str, frozenset[str]] = {}
        self._humans: dict[str, tuple[str, int]] = {}
        doubtful = set()
        for line in map(json.loads, file.read_text("utf-8").splitlines()):
            record = line["record"]
            self.must.update((rule, record) for rule in line["rules"])
            if line["flaws"]:
                self._flawed.add(record)
            if "person" in line:
                self._rules[record] = frozenset(line["rules"])
                human = self._humans[record] = line["kind"], line["person"]
                if line["flaws"]:
                    doubtful.add(human)
        self._doubtful = doubtful

    def pairs(self) -> list[tuple[str, str]]:
        """Records of one person at two institutions, the smaller first."""
        return [pair for pair in sorted(self.same()) if pair[0].partition("/")[0] != pair[1].partition("/")[0]]

    def same(self) -> set[tuple[str, str]]:
        """All pairs of records of one person."""
        records: dict[tuple[str, int], list[str]] = defaultdict(list)
        for record, human in sorted(self._humans.items()):
            records[human].append(record)
        return {pair for found in records.values() for pair in combinations(found, 2)}

    def explains(self, found: Opened, person_of: Mapping[str, str]) -> bool:
        """A flaw of the record or of the other one; a flaw of the person that is copied into it; or, of a rule over institutions,
        one by which a file is not seen to be the same person's."""
        for record in (found.record, found.other):
            person = person_of.get(record, "")
            if record in self._flawed or found.rule in self._rules.get(person, ()):
                return True
            if found.rule.startswith("R") and self._humans.get(person) in self._doubtful:
                return True
        return False


def judge(truth: Truth, findings: Collection[Opened], person_of: Mapping[str, str]) -> Outcome:
    said = {(one.rule, record) for one in findings for record in (one.record, one.other)}
    outcome = Outcome(len(truth.must), sorted(truth.must - said), len(findings))
    outcome.unseeded.update((one.rule, one.fields[0]) for one in findings if not truth.explains(one, person_of))
    return outcome


def compare(truth: Truth, national: Connection) -> Outcome:
    """As the national database stands now."""
    rows = national.execute("SELECT rule, record_key, other_record, fields FROM finding WHERE status <> 'RESOLVED'")
    findings = [Opened(rule, record, other, tuple(fields)) for rule, record, other, fields in rows]
    return judge(truth, findings, dict(national.execute(_PERSONS).fetchall()))


def wait(truth: Truth, national: Connection, say: Say, stop: Event) -> Outcome:
    """Compare until every seed has its finding, or no further one has found its own for a time."""
    best, better_at = None, time.monotonic()
    while True:
        outcome = compare(truth, national)
        now, missing = time.monotonic(), len(outcome.missing)
        if best is None or missing < best:
            best, better_at = missing, now
            say(f"seeded violations: {outcome.seeds - missing:,} of {outcome.seeds:,} found")
        if not missing or stop.is_set() or now - better_at > PATIENCE_SECONDS:
            return outcome
        stop.wait(PAUSE_SECONDS)


def lines(outcome: Outcome) -> Iterable[str]:
    """For people."""
    unseeded = sum(outcome.unseeded.values())
    yield from (f"  not found: {rule} {record}" for rule, record in outcome.missing[:20])
    yield f"findings: {outcome.findings:,}, of them {unseeded:,} without a seed"
    for (rule, name), count in sorted(outcome.unseeded.items()):
        yield f"  {rule} {name}: {count:,}, {UNSEEDED.get((rule, name), 'unexplained')}"
