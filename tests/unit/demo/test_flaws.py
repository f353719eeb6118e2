"""What institutions make of the truth."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from deploy.demo import flaws
from deploy.demo.people import Population

SAMPLE = 20_000


def test_every_kind_of_flaw_occurs_near_its_chance() -> None:
    population = Population(1)
    found = Counter(
        flaw
        for number in range(SAMPLE)
        for flaw in flaws.hold(population.person(number, "learner"), population.random("hold", number)).flaws
    )
    assert set(found) == set(flaws.FLAWS) == set(flaws.CHANCES)
    for name in ("nfd", "missing_number", "placeholder_phone", "former_card", "missing_email"):
        assert found[name] / SAMPLE == pytest.approx(flaws.CHANCES[name], rel=0.3)


def test_most_files_are_right() -> None:
    population = Population(1)
    chances = dict.fromkeys(flaws.FLAWS, 0.0)
    person = population.person(5, "learner")
    held = flaws.hold(person, Random(1), chances)
    assert held.flaws == ()
    assert (held.full_name, held.birth_date, held.citizen_number) == (
        person.full_name,
        person.birth_date,
        person.citizen_number,
    )


@pytest.mark.parametrize(
    ("flaw", "before", "after"),
    [
        ("other_tone_placement", "Nguyễn Thúy Hòa", "Nguyễn Thuý Hoà"),
        ("other_tone_placement", "Đỗ Quý Khoa", "Đỗ Quý Khoa"),
        ("other_i", "Lý Mỹ Linh", "Lí Mĩ Linh"),
        ("lost_accents", "Đặng Thị Hường", "Dang Thi Huong"),
        ("capitals", "Đỗ Văn An", "ĐỖ VĂN AN"),
        ("foreign_d", "Đỗ Văn Đức", "Ðỗ Văn Ðức"),
    ],
)
def test_a_flaw_of_names(flaw: str, before: str, after: str) -> None:
    surname, _, rest = before.partition(" ")
    middle, _, given = rest.rpartition(" ")
    person = Population(1).person(5, "learner")
    named = replace(person, surname=surname, middle=middle, given=given)
    chances = dict.fromkeys(flaws.FLAWS, 0.0) | {flaw: 1.0}
    held = flaws.hold(named, Random(1), chances)
    assert held.full_name == after
    assert held.flaws == ((flaw,) if after != before else ())


def test_mojibake_is_utf8_read_as_cp1252_and_can_be_read_back() -> None:
    broken = flaws.mojibake("Nguyễn Đức Ước")
    back = b"".join(c.encode("cp1252", "ignore") or c.encode("latin-1") for c in broken)
    assert broken.startswith("Nguyá»…n")
    assert back.decode() == "Nguyễn Đức Ước"


def test_nfd_changes_bytes_and_not_the_name() -> None:
    changed = flaws.FLAWS["nfd"](flaws.hold(Population(1).person(1, "learner"), Random(1)), Random(1)).full_name
    assert unicodedata.is_normalized("NFD", changed)
