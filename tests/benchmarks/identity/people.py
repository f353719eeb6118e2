"""The truth: synthetic people from a seed, with those who are hard to tell apart: twins, families with one telephone, namesakes
born on one day. Nobody here exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random

from deploy.demo.people import GIVEN_FEMALE, GIVEN_MALE, MIDDLE_FEMALE, MIDDLE_MALE, OLD_PROVINCES, SURNAMES

TWINS, NAMESAKES, FAMILIES = 0.006, 0.0015, 0.03
"""Shares of people who are a twin of the one before, share name and birth date with them, or only telephone and home."""


@dataclass(frozen=True)
class Person:
    number: int
    name: str
    sex: str
    born: str
    province: str
    citizen: str
    old_card: str
    passport: str
    phones: tuple[str, ...]


class People:
    def __init__(self, seed: int) -> None:
        self.random = Random(f"people:{seed}")
        self._surnames, self._shares = list(SURNAMES), list(accumulate(SURNAMES.values()))
        self._provinces = list(OLD_PROVINCES)
        self._weights = list(accumulate(1 + 6 / (1 + self._provinces.index(p) % 13) for p in self._provinces))

    def make(self, count: int) -> list[Person]:
        made: list[Person] = []
        for number in range(count):
            kind = self.random.random()
            if made and kind < TWINS:
                made.append(self._twin(number, made[-1]))
            elif made and kind < TWINS + NAMESAKES:
                made.append(self._namesake(number, made[-1]))
            else:
                person = self._person(number)
                if made and kind > 1 - FAMILIES:
                    person = replace(person, phones=made[-1].phones[:1] + person.phones, province=made[-1].province)
                made.append(person)
        return made

    def _person(self, number: int) -> Person:
        r = self.random
        male = r.random() < 0.48
        year = r.randint(1998, 2007) if r.random() < 0.85 else r.randint(1962, 1997)
        born = f"{year}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"
        province = r.choices(self._provinces, cum_weights=self._weights)[0]
        name = f"{r.choices(self._surnames, cum_weights=self._shares)[0]} {self._own_name(male)}"
        foreign = r.random() < 0.004
        return self._numbered(Person(number, name, "M" if male else "F", born, province, "", "", "", ()), foreign)

    def _own_name(self, male: bool) -> str:
        r = self.random
        given, middle = (GIVEN_MALE, MIDDLE_MALE) if male else (GIVEN_FEMALE, MIDDLE_FEMALE)
        # The first of a list are the fashion of the day: names are not spread evenly.
        own = given[min(int(r.expovariate(2.2 / len(given))), len(given) - 1)]
        parts = [r.choice(middle)] if r.random() < 0.93 else []
        if r.random() < 0.12:
            parts.append(r.choice(given))
        return " ".join([*parts, own])

    def _numbered(self, person: Person, foreign: bool = False) -> Person:
        r = self.random
        year = int(person.born[:4])
        digit = (0 if year < 2000 else 2) + (person.sex == "F")
        return replace(
            person,
            citizen="" if foreign else f"0{person.province}{digit}{year % 100:02}{r.randrange(10**6):06}",
            old_card="" if foreign or year > 2003 else f"{r.randrange(10**9):09}",
            passport=f"{r.choice('BCNP')}{r.randrange(10**7):07}" if foreign else "",
            phones=tuple(f"0{r.choice('35789')}{r.randrange(10**8):08}" for _ in range(2)),
        )

    def _twin(self, number: int, other: Person) -> Person:
        """Same family name, day and place; often all but one syllable."""
        r = self.random
        sex = other.sex if r.random() < 0.7 else "MF"[other.sex == "M"]
        surname, *rest = other.name.split()
        if sex == other.sex and len(rest) > 1 and r.random() < 0.6:
            names = GIVEN_MALE if sex == "M" else GIVEN_FEMALE
            rest[-1] = r.choice([given for given in names if given != rest[-1]])
        else:
            rest = self._own_name(sex == "M").split()
        twin = self._numbered(replace(other, number=number, sex=sex, name=" ".join([surname, *rest])))
        return replace(twin, phones=other.phones[:1] + twin.phones[1:]) if r.random() < 0.3 else twin

    def _namesake(self, number: int, other: Person) -> Person:
        """Same name and day of birth, another person; now and then the same province."""
        r = self.random
        province = other.province if r.random() < 0.1 else r.choice(self._provinces)
        return self._numbered(replace(other, number=number, province=province))
