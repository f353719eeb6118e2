"""What a university keeps about its learners and staff, before it takes the shape of a schema.

A `University` gives the file number `i` as a pure function of the seed, so a first load, a running demo and a benchmark of
180,000 learners agree on every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from random import Random
from typing import Literal

from deploy.demo import teaching
from deploy.demo.extent import CODES, INTAKES, staff_of
from deploy.demo.flaws import Held, hold
from deploy.demo.organisation import DEMAND, Licence, Programme, Unit, licences, majors, programmes, units
from deploy.demo.people import GIVEN_FEMALE, Generation, Population
from deploy.demo.register import Entry, Register
from deploy.demo.studies import KINDS, SIGNERS, Award, Course, Study
from deploy.demo.teaching import Assignment, Contract
from deploy.demo.transfers import Transfer, of_entrant, of_leaver
from deploy.demo.violations import drawn

_NUMBERS_PER_UNIVERSITY = 10_000_000
SHARED_LEARNERS = 0.03
SHARED_STAFF = 0.08
"""Chances that a person stands at an earlier university too."""
_TWICE_EVERY, _TWICE = 700, 70
"""Where a learner stands twice in one university: far from the numbers that transfers use."""
_TWO_STUDIES = ("DHA", "DHB")
"""Whose files have room for a second course of study."""
_HISTORIC = 0.35
"""Share of lecturers whose degree their own university once gave."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A decision that corrects what the degree with this number says."""

    number: int
    decision: str
    day: date
    reason: str
    full_name: str
    birth_date: str | None
    sex: str
    province: str | None


@dataclass(frozen=True, slots=True)
class Degree:
    """A degree as printed and registered. `holder` says whose file `award.number` counts in."""

    holder: Literal["learner", "staff"]
    award: Award
    serial: str
    register_number: int
    register_year: int
    full_name: str
    birth_date: str | None
    correction: Correction | None
    flaws: tuple[str, ...]

    @property
    def number(self) -> int:
        return self.award.number


@dataclass(frozen=True, slots=True)
class Learner:
    number: int
    person: int
    code: str
    policy: str | None
    held: Held
    studies: tuple[Study, ...]
    degrees: tuple[Degree, ...]


@dataclass(frozen=True, slots=True)
class Staff:
    number: int
    person: int
    code: str
    title: str
    degree: str
    held: Held
    contracts: tuple[Contract, ...]
    assignments: tuple[Assignment, ...]
    degrees: tuple[Degree, ...]


class University:
    """One university's files. `learners` are those of all universities at first load: who may be shared depends on them."""

    def __init__(self, code: str, seed: int, learners: Mapping[str, int]) -> None:
        self.code = code
        self.learners = learners[code]
        self.staff = staff_of(self.learners)
        self.population = Population(seed)
        self.units: tuple[Unit, ...] = units()
        of = majors(self.population.random(code, "majors"))
        self.licences: tuple[Licence, ...] = licences(code, of, self.population.random(code, "licences"))
        self.programmes: tuple[Programme, ...] = programmes(of, self.population.random(code, "programmes"))
        self._majors = of[:-2]
        self._counts = learners
        self._of_intake = {y: [p for p in self.programmes if p.intake == y] for y in INTAKES}
        self._demand = [DEMAND[p.level] for p in self._of_intake[INTAKES[0]]]
        self.other = cache(lambda other: University(other, seed, learners))

    # -- learners ------------------------------------------------------------------------------------------------------

    def learner(self, number: int) -> Learner:
        person = self._person("learner", number)
        held, r = self._hold("learner", number)
        code = f"{self._intake(number) % 100}{CODES.index(self.code) + 1}{number:06}"
        studies = self.studies(number)
        degrees = tuple(self._degree(study.award, "learner", held) for study in studies if study.award)
        return Learner(number, person, code, r.choice((None, None, None, "01", "02", "03")), held, studies, degrees)

    def studies(self, number: int) -> tuple[Study, ...]:
        """The courses of study of one learner, which need no look at the person."""
        r = self.population.random(self.code, "study", number)
        intake = self._intake(number)
        leaves = of_leaver(self.population, self._counts, self.code, number)
        enters = of_entrant(self.population, self._counts, self.code, number)
        if leaves:
            return (Course(self.code, number * 2, self._programme(leaves.left.year - 1, r), True, r).leaving(leaves),)
        if enters and enters.entry_known:
            return (Course(self.code, number * 2, self._programme(enters.left.year, r), True, r).entering(enters),)
        if self.twin(number) or self.twin(number + 1):
            programme = self._programme(INTAKES[3], self.population.random(self.code, "twins", number // _TWICE_EVERY))
            return (Course(self.code, number * 2, programme, True, r).twice(),)
        first = Course(self.code, number * 2, self._programme(intake, r), True, r)
        if number >= self.learners:
            return (first.studying(),)
        studies = [self._beside(first.ordinary(), number)]
        if self.code in _TWO_STUDIES and r.random() < 0.05:
            second = self._programme(min(intake + 1, INTAKES[-1]), r)
            studies.append(Course(self.code, number * 2 + 1, second, False, r).ordinary())
        return tuple(studies)

    def _beside(self, study: Study, number: int) -> Study:
        """Whoever studies full-time elsewhere mostly does so part-time here; if not, that is a finding."""
        code, other = self.origin("learner", number)
        if code == self.code or study.status != "STUDYING" or study.form != "FULL_TIME":
            return study
        there = self.other(code).studies(other)[0]
        if there.status != "STUDYING" or there.form != "FULL_TIME":
            return study
        if drawn(self.population.random(self.code, "beside", number), "studying_at_two"):
            return replace(study, flaws=(*study.flaws, "studying_at_two"))
        return replace(study, form="PART_TIME")

    def _intake(self, number: int) -> int:
        """A learner's year of admission."""
        if number >= self.learners:
            return INTAKES[-1]
        if self.twin(number) or self.twin(number + 1):
            return INTAKES[3]
        return self.population.random(self.code, "intake", number).choice(INTAKES)

    def _programme(self, intake: int, r: Random) -> Programme:
        return r.choices(self._of_intake[intake], self._demand)[0]

    def twin(self, number: int) -> bool:
        """Is this the second file of the learner before?"""
        return number % _TWICE_EVERY == _TWICE and number < self.learners

    def licensed_late(self, study: Study) -> bool:
        """Did it begin before its major was licensed?"""
        major = self.programmes[study.programme - 1].major
        return any(one.major == major and one.flaws and study.enrolled < one.day for one in self.licences)

    # -- degrees -------------------------------------------------------------------------------------------------------

    @cached_property
    def register(self) -> Register:
        """Every degree of the first load in the order of award; the one thing here that needs a look at all files."""
        awards = [study.award for n in range(self.learners) for study in self.studies(n) if study.award]
        historic = [award for n in range(self.staff) if (award := self.historic(n))]
        earlier = [self.other(code) for code in CODES[: CODES.index(self.code)]]
        entries = [Entry(award, "learner") for award in awards] + [Entry(award, "staff") for award in historic]
        return Register(self.code, entries, self.population, [u.register for u in earlier])

    def _degree(self, award: Award, holder: Literal["learner", "staff"], held: Held) -> Degree:
        line = self.register.line(award.number, holder)
        r = self.population.random(self.code, "printed", holder, award.number)
        name, birth = held.full_name, held.birth_date
        correction = None
        if award.corrected:
            correction = Correction(
                award.number, award.status_decision or "", award.status_day or award.day, "sai họ tên khi in bằng",
                held.full_name, held.birth_date, held.sex, held.birth_province,
            )  # fmt: skip
        if award.corrected or "degree_name_differs" in award.flaws:
            before, _, given = name.rpartition(" ")
            name = f"{before} {r.choice([other for other in GIVEN_FEMALE if other != given])}"
        if "degree_birth_date_differs" in award.flaws and birth:
            birth = f"{int(birth[:4]) - 1}{birth[4:]}"
        return Degree(
            holder,
            award,
            line.serial,
            line.number,
            award.day.year,
            name,
            birth,
            correction,
            (*award.flaws, *line.flaws),
        )

    # -- staff ---------------------------------------------------------------------------------------------------------

    def staff_member(self, number: int) -> Staff:
        person = self._person("staff", number)
        held, r = self._hold("staff", number)
        contracts = self.contracts(number)
        historic = self.historic(number)
        title, degree = self._rank(number)
        code, origin = self.origin("staff", number)
        registered = historic if code == self.code else self.other(code).historic(origin)
        if contracts[0].active and (registered is None or registered.level < degree):
            contracts = (replace(contracts[0], flaws=(*contracts[0].flaws, "degree_not_in_register")), *contracts[1:])
        taught: tuple[Assignment, ...] = ()
        if title != "OTHER" and contracts[0].active:
            others = [other for other in CODES if other != self.code and not self._employs(other, number)]
            home = code if code != self.code else None
            taught = tuple(teaching.assignments(number, contracts[0], degree, self._majors, home, others, r))
        degrees = (self._degree(historic, "staff", held),) if historic else ()
        return Staff(number, person, f"{number:05}", title, degree, held, contracts, taught, degrees)

    def contracts(self, number: int) -> tuple[Contract, ...]:
        r = self.population.random(self.code, "contracts", number)
        code, other = self.origin("staff", number)
        if code == self.code:
            person = self.population.person(self._person("staff", number), "staff")
            return tuple(teaching.own_contracts(number, person, r))
        if not drawn(r, "full_time_at_two"):
            return (teaching.visiting_contract(number, r),)
        there = self.other(code).contracts(other)[0]
        both = there.active and there.full_time and (there.end is None or there.end.year > INTAKES[-1])
        return (teaching.second_contract(number, ("full_time_at_two",) if both else (), r),)

    def _employs(self, code: str, number: int) -> bool:
        """Does a later university employ the same person?"""
        return CODES.index(code) > CODES.index(self.code) and (self.code, number) in self.other(code).staff_of_others

    @cached_property
    def staff_of_others(self) -> frozenset[tuple[str, int]]:
        return frozenset(self.origin("staff", n) for n in range(self.staff)) - {
            (self.code, n) for n in range(self.staff)
        }

    def _rank(self, number: int) -> tuple[str, str]:
        """Title and highest degree."""
        r = self.population.random(self.code, "rank", number)
        title = r.choices(teaching.TITLES, (55, 20, 8, 2, 15))[0]
        return title, "9" if title in ("ASSOC_PROFESSOR", "PROFESSOR") else r.choice(("7", "8", "8", "8", "9"))

    def historic(self, number: int) -> Award | None:
        """The degree that this university gave to somebody who teaches here now, from long before the first load."""
        title, level = self._rank(number)
        r = self.population.random(self.code, "historic", number)
        if title == "OTHER" or self.origin("staff", number)[0] != self.code or r.random() >= _HISTORIC:
            return None
        born = int(self.population.person(self._person("staff", number), "staff").birth_date[:4])
        day = date(
            min(2020, born + {"7": 23, "8": 27, "9": 32}[level] + r.randint(0, 3)), r.randint(5, 12), r.randint(1, 28)
        )
        of_level = [major for major in self._majors if major[0] == level] or self._majors
        major = level + r.choice(of_level)[1:]
        return Award(
            number, None, KINDS[level], level, major, None, day, None, None, SIGNERS[0], "1", None, None, False,
            ("historic_degree",),
        )  # fmt: skip

    # -- people --------------------------------------------------------------------------------------------------------

    def held(self, generation: Generation, number: int) -> Held:
        """What the file says about the person."""
        return self._hold(generation, number)[0]

    def _hold(self, generation: Generation, number: int) -> tuple[Held, Random]:
        """The same, and the randomness that is left for the rest of the file."""
        r = self.population.random(self.code, generation, number)
        return hold(self.population.person(self._person(generation, number), generation), r), r

    def _person(self, generation: Generation, number: int) -> int:
        code, own = self.origin(generation, number)
        return CODES.index(code) * _NUMBERS_PER_UNIVERSITY + own

    def origin(self, generation: Generation, number: int) -> tuple[str, int]:
        """Where the person of this file has their own number: mostly here, or at the university where they stood before."""
        if generation == "learner":
            enters: Transfer | None = of_entrant(self.population, self._counts, self.code, number)
            if enters and enters.entry_known:
                return enters.origin, enters.leaver
            if enters or of_leaver(self.population, self._counts, self.code, number) or self.twin(number + 1):
                return self.code, number
            if self.twin(number):
                return self.code, number - 1
        earlier = CODES[: CODES.index(self.code)]
        r = self.population.random(self.code, "origin", generation, number)
        if earlier and r.random() < (SHARED_LEARNERS if generation == "learner" else SHARED_STAFF):
            code = r.choice(earlier)
            return code, r.randrange(self._counts[code] if generation == "learner" else staff_of(self._counts[code]))
        return self.code, number
