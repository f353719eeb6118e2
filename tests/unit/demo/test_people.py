"""The synthetic people: the same for a seed, plausible, and distributed as declared."""

from __future__ import annotations

from collections import Counter

from deploy.demo.people import OLD_PROVINCES, Population

SAMPLE = 20_000


def test_a_seed_gives_the_same_people_in_any_order() -> None:
    one, other = Population(7), Population(7)
    forwards = [one.person(n, "learner") for n in range(50)]
    backwards = [other.person(n, "learner") for n in reversed(range(50))]
    assert forwards == backwards[::-1]
    assert forwards != [Population(8).person(n, "learner") for n in range(50)]


def test_surnames_follow_their_frequencies() -> None:
    population = Population(1)
    counts = Counter(population.person(n, "learner").surname for n in range(SAMPLE))
    for surname, share in (("Nguyễn", 0.31), ("Trần", 0.10), ("Lê", 0.09)):
        assert abs(counts[surname] / SAMPLE - share) < 0.015


def test_there_are_63_old_provinces() -> None:
    assert len(OLD_PROVINCES) == len(set(OLD_PROVINCES.values())) == 63


def test_a_citizen_number_agrees_with_province_sex_and_birth_year() -> None:
    population = Population(1)
    for number in range(2_000):
        person = population.person(number, "staff" if number % 2 else "learner")
        if person.citizen_number is None:
            assert person.nationality != "VN"
            assert person.passport
            continue
        year = int(person.birth_date[:4])
        assert len(person.citizen_number) == 12
        assert person.citizen_number[1:3] == person.birth_province
        assert int(person.citizen_number[3]) == (0 if year < 2000 else 2) + (person.sex == "F")
        assert int(person.citizen_number[4:6]) == year % 100
