"""What universities keep: sizes, people who stand at two of them, one file per number."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from deploy.demo import studies
from deploy.demo.extent import CODES, TODAY, sizes
from deploy.demo.files import SHARED_LEARNERS, University
from deploy.demo.flaws import FLAWS
from deploy.demo.load import SHAPES, shape, write_truth
from deploy.demo.transfers import of_leaver
from deploy.demo.violations import VIOLATIONS
from schemas.keys import parse_record_key

LEARNERS = sizes(6_000)


def test_the_demo_has_about_30000_learners_and_1500_staff() -> None:
    universities = [University(code, 1, sizes(30_000)) for code in CODES]
    assert sum(u.learners for u in universities) == 30_000
    assert sum(u.staff for u in universities) == 1_500


def test_some_people_stand_at_two_universities() -> None:
    home = University("DHA", 1, LEARNERS)
    first = {home.learner(n).person for n in range(LEARNERS["DHA"])}
    second = University("DHB", 1, LEARNERS)
    shared = sum(second.learner(n).person in first for n in range(second.learners))
    assert shared / second.learners == pytest.approx(SHARED_LEARNERS, rel=0.5)


def test_a_shared_person_is_the_same_in_truth_and_may_differ_in_the_files() -> None:
    second = University("DHB", 1, LEARNERS)
    file = next(f for n in range(second.learners) if (f := second.learner(n)).person < 10_000_000)
    truth = second.population.person(file.person, "learner")
    if file.held.citizen_number and not file.held.flaws:
        assert file.held.citizen_number == truth.citizen_number


def test_dates_are_in_order_where_no_flaw_is_named() -> None:
    university = University("DHC", 1, LEARNERS)
    for number in range(500):
        for study in university.studies(number):
            if {"status_before_enrolment", "future_status_date"}.isdisjoint(study.flaws):
                assert study.enrolled <= study.status_date <= max(TODAY, study.enrolled)
            assert university.programmes[study.programme - 1].number == study.programme
            if study.award and study.award.decided:
                assert study.award.decided < study.award.day <= TODAY


def test_an_award_is_late_only_where_a_decision_has_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = studies.drawn
    monkeypatch.setattr(studies, "drawn", lambda r, flaw: drawn(r, flaw) or flaw == "late_award")
    university = University("DHA", 1, LEARNERS)
    awards = [s.award for n in range(university.learners) for s in university.studies(n) if s.award]
    assert {award.decided is None for award in awards} == {True, False}
    assert all(("late_award" in award.flaws) == (award.decided is not None) for award in awards)


def test_whoever_has_graduated_has_decision_and_degree_unless_a_flaw_says_why_not() -> None:
    university = University("DHA", 1, LEARNERS)
    graduates = [s for n in range(university.learners) for s in university.studies(n) if s.status == "GRADUATED"]
    assert len(graduates) > 100
    for study in graduates:
        decided = [d for d in study.decisions if d.kind == "GRADUATION"]
        assert len(decided) == ("missing_decision" not in study.flaws)
        if study.award is None:
            assert (TODAY - study.status_date).days < 130 or "future_status_date" in study.flaws


def test_transfers_agree_at_both_ends() -> None:
    universities = {code: University(code, 1, LEARNERS) for code in CODES}
    met = 0
    for code, university in universities.items():
        for number in range(university.learners):
            for study in university.studies(number):
                for out in (d for d in study.decisions if d.kind == "TRANSFER_OUT"):
                    assert study.status == "TRANSFERRED"
                    transfer = of_leaver(university.population, LEARNERS, code, number)
                    assert transfer is not None
                    assert transfer.target == out.other
                    entrant = universities[transfer.target].learner(transfer.entrant)
                    entries = [d for s in entrant.studies for d in s.decisions if d.kind == "TRANSFER_IN"]
                    if transfer.entry_known:
                        assert entries[0].other == code
                        assert entrant.person == university.learner(number).person
                        assert out.day is not None
                        assert entries[0].day is not None
                        assert (entries[0].day >= out.day) == (transfer.flaw is None)
                        met += 1
                    else:
                        assert entries == []
    assert met > 20


def test_a_register_has_no_gaps_and_no_doubles_but_those_that_are_named() -> None:
    university = University("DHB", 1, sizes(15_000))
    books: dict[tuple[int, str], list[tuple[int, tuple[str, ...]]]] = {}
    holders = [university.learner(n) for n in range(university.learners)]
    staff = [university.staff_member(n) for n in range(university.staff)]
    for degree in (d for file in (*holders, *staff) for d in file.degrees):
        book = books.setdefault((degree.register_year, degree.award.kind), [])
        book.append((degree.register_number, degree.flaws))
    named = 0
    for book in books.values():
        numbers = {number for number, _ in book}
        gaps = max(numbers) - len(numbers)
        assert gaps == sum("register_gap" in flaws for _, flaws in book)
        assert len(book) - len(numbers) == sum("doubled_register_number" in flaws for _, flaws in book)
        named += gaps
    assert named > 0


def test_every_kind_of_violation_stands_in_the_truth_with_its_record(tmp_path: Path) -> None:
    learners = sizes(15_000)
    count = write_truth(tmp_path / "truth", 1, learners)
    lines = [json.loads(line) for line in (tmp_path / "truth").read_text("utf-8").splitlines()]
    assert len(lines) == count
    found = Counter(flaw for line in lines for flaw in line["flaws"])
    assert set(found) == set(VIOLATIONS) | set(FLAWS)
    rules = {rule for line in lines for rule in line["rules"]}
    assert {
        "V10",
        "V11",
        *(f"V{n}" for n in range(13, 25)),
        "R05",
        "R07",
        "R08",
        "R09",
        "R10",
        "R12",
        "R13",
        "R14",
    } <= rules
    for line in lines:
        parsed = parse_record_key(line["record"])
        assert parsed is not None
        assert parsed[:2] == (line["at"], "person" if "person" in line else line["kind"])


@pytest.mark.parametrize("code", CODES)
def test_rows_fit_their_tables_and_repeat(code: str) -> None:
    university = shape(code, 3, sizes(1_500))
    rows = list(university.rows())
    assert rows == list(shape(code, 3, sizes(1_500)).rows())
    # So few learners need have no corrected degree among them.
    empty = set(SHAPES[code].columns) - {table for table, _ in rows}
    assert empty <= {"nh_2_4", "sis.degree_corrections", '"DinhChinh"'}
    assert all(len(row) == len(university.columns[table]) for table, row in rows)
