"""What universities keep: sizes, people who stand at two of them, one file per number."""

from __future__ import annotations

import pytest

from deploy.demo.files import CODES, SHARED_LEARNERS, TODAY, University, sizes
from deploy.demo.load import SHAPES, shape

LEARNERS = sizes(6_000)


def test_the_demo_has_about_30000_learners_and_1500_staff() -> None:
    universities = [University(code, 1, sizes(30_000)) for code in CODES]
    assert sum(u.learners for u in universities) == 30_000
    assert sum(u.staff for u in universities) == 1_500


def test_some_people_stand_at_two_universities() -> None:
    first = {University("DHA", 1, LEARNERS).learner(n).person for n in range(LEARNERS["DHA"])}
    second = University("DHB", 1, LEARNERS)
    shared = sum(second.learner(n).person in first for n in range(second.learners))
    assert shared / second.learners == pytest.approx(SHARED_LEARNERS, rel=0.5)


def test_a_shared_person_is_the_same_in_truth_and_may_differ_in_the_files() -> None:
    second = University("DHB", 1, LEARNERS)
    file = next(f for n in range(second.learners) if (f := second.learner(n)).person < 10_000_000)
    truth = second.population.person(file.person, "learner")
    if file.held.citizen_number and not file.held.flaws:
        assert file.held.citizen_number == truth.citizen_number


def test_dates_are_in_order() -> None:
    university = University("DHC", 1, LEARNERS)
    for number in range(500):
        for study in university.learner(number).studies:
            assert study.enrolled <= study.status_date <= max(TODAY, study.enrolled)
            assert university.programmes[study.programme - 1].number == study.programme


@pytest.mark.parametrize("code", CODES)
def test_rows_fit_their_tables_and_repeat(code: str) -> None:
    university = shape(code, 3, sizes(300))
    rows = list(university.rows())
    assert rows == list(shape(code, 3, sizes(300)).rows())
    assert {table for table, _ in rows} == set(SHAPES[code].columns)
    assert all(len(row) == len(university.columns[table]) for table, row in rows)
