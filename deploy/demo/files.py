"""What a university keeps about its learners and staff, before it takes the shape of a schema.

A `University` gives the file number `i` as a pure function of the seed, so a first load, a running demo and a benchmark of
180,000 learners agree on every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from deploy.demo.flaws import Held, hold
from deploy.demo.people import Generation, Population

CODES = ("DHA", "DHB", "DHC")
SHARES = {"DHA": 0.46, "DHB": 0.34, "DHC": 0.20}
"""How the demo's learners are spread."""
STAFF_PER_LEARNER = 0.05
TODAY = date(2026, 9, 15)
"""The demo's date of first load; fixed, so that a seed gives the same bytes every day."""

_NUMBERS_PER_UNIVERSITY = 10_000_000
SHARED_LEARNERS = 0.03
SHARED_STAFF = 0.08
"""Chances that a person stands at an earlier university too."""

MAJORS: dict[str, str] = {
    "7140202": "Giáo dục Tiểu học", "7140209": "Sư phạm Toán học", "7220201": "Ngôn ngữ Anh", "7310101": "Kinh tế",
    "7340101": "Quản trị kinh doanh", "7340201": "Tài chính - Ngân hàng", "7340301": "Kế toán", "7380101": "Luật",
    "7420201": "Công nghệ sinh học", "7440301": "Khoa học môi trường", "7460101": "Toán học", "7480101": "Khoa học máy tính",
    "7480103": "Kỹ thuật phần mềm", "7480201": "Công nghệ thông tin", "7520114": "Kỹ thuật cơ điện tử",
    "7520201": "Kỹ thuật điện", "7580201": "Kỹ thuật xây dựng", "7720201": "Dược học", "7720301": "Điều dưỡng",
    "7810103": "Quản trị dịch vụ du lịch và lữ hành", "8310110": "Quản lý kinh tế", "8340101": "Quản trị kinh doanh",
    "8480201": "Công nghệ thông tin", "9340101": "Quản trị kinh doanh", "9480101": "Khoa học máy tính",
}  # fmt: skip
"""Major code (first digit = level) → name."""

INTAKES = (2021, 2022, 2023, 2024, 2025, 2026)


@dataclass(frozen=True, slots=True)
class Programme:
    number: int
    code: str
    name: str
    major: str
    level: str
    form: str
    months: int
    intake: int
    active: bool


@dataclass(frozen=True, slots=True)
class Study:
    """One course of study. `status` is a canonical code, or TRANSFERRED, which no university maps."""

    number: int
    programme: int
    enrolled: date
    decision: str
    form: str
    cohort: str
    year: int
    status: str
    status_date: date
    main: bool


@dataclass(frozen=True, slots=True)
class Learner:
    number: int
    person: int
    code: str
    policy: str | None
    held: Held
    studies: tuple[Study, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    number: int
    form: str
    start: date
    end: date | None
    full_time: bool
    active: bool


@dataclass(frozen=True, slots=True)
class Staff:
    number: int
    person: int
    code: str
    title: str
    degree: str
    held: Held
    contracts: tuple[Contract, ...]


def sizes(learners: int) -> dict[str, int]:
    """Learners per university of a demo with this many."""
    return {code: max(1, round(learners * share)) for code, share in SHARES.items()}


class University:
    """One university's files. `learners` are those of all universities at first load: who may be shared depends on them."""

    def __init__(self, code: str, seed: int, learners: Mapping[str, int]) -> None:
        self.code = code
        self.learners = learners[code]
        self.staff = max(1, round(self.learners * STAFF_PER_LEARNER))
        self.population = Population(seed)
        self._base = CODES.index(code) * _NUMBERS_PER_UNIVERSITY
        self._earlier = {c: n for c, n in learners.items() if CODES.index(c) < CODES.index(code)}
        self.programmes = tuple(self._programmes())
        self._of_intake = {y: [p.number for p in self.programmes if p.intake == y] for y in INTAKES}

    def learner(self, number: int) -> Learner:
        r = self.population.random(self.code, "learner", number)
        person, held = self._held("learner", number, SHARED_LEARNERS, r)
        intake = INTAKES[-1] if number >= self.learners else r.choice(INTAKES)
        studies = [self._study(number * 2, intake, True, r)]
        if r.random() < 0.05:
            studies.append(self._study(number * 2 + 1, min(intake + 1, INTAKES[-1]), False, r))
        code = f"{intake % 100}{CODES.index(self.code) + 1}{number:06}"
        return Learner(number, person, code, r.choice((None, None, None, "01", "02", "03")), held, tuple(studies))

    def staff_member(self, number: int) -> Staff:
        r = self.population.random(self.code, "staff", number)
        person, held = self._held("staff", number, SHARED_STAFF, r)
        title = r.choices(("LECTURER", "SENIOR_LECTURER", "ASSOC_PROFESSOR", "PROFESSOR", "OTHER"), (55, 20, 8, 2, 15))[
            0
        ]
        degree = "9" if title in ("ASSOC_PROFESSOR", "PROFESSOR") else r.choice(("7", "8", "8", "8", "9"))
        contracts = [self._contract(number * 2, r)]
        if r.random() < 0.15:
            contracts.append(self._contract(number * 2 + 1, r))
        return Staff(number, person, f"{number:05}", title, degree, held, tuple(contracts))

    def _held(self, generation: Generation, number: int, shared: float, r: Random) -> tuple[int, Held]:
        person = self._base + number
        if self._earlier and r.random() < shared:
            other = r.choice(list(self._earlier))
            count = self._earlier[other] if generation == "learner" else round(self._earlier[other] * STAFF_PER_LEARNER)
            person = CODES.index(other) * _NUMBERS_PER_UNIVERSITY + r.randrange(max(1, count))
        return person, hold(self.population.person(person, generation), r)

    def _programmes(self) -> list[Programme]:
        r = self.population.random(self.code, "programmes")
        majors = sorted(r.sample(list(MAJORS), 16))
        found: list[Programme] = []
        for major in majors:
            level = major[0]
            months = {"7": 48, "8": 24, "9": 36}[level]
            for intake in INTAKES:
                form = "FULL_TIME" if r.random() < 0.85 else "PART_TIME"
                code = f"{major}.{intake}"
                active = intake > 2021 or r.random() < 0.5
                found.append(Programme(len(found) + 1, code, MAJORS[major], major, level, form, months, intake, active))
        return found

    def _study(self, number: int, intake: int, main: bool, r: Random) -> Study:
        programme = self.programmes[r.choice(self._of_intake[intake]) - 1]
        enrolled = date(intake, 9, r.randint(1, 14))
        year = TODAY.year - intake + 1
        over = year * 12 > programme.months
        statuses = ("STUDYING", "SUSPENDED", "WITHDRAWN", "GRADUATED", "TRANSFERRED")
        status = r.choices(statuses, (25, 2, 6, 66, 1) if over else (91, 3, 5, 0, 1))[0]
        since = enrolled
        if status != "STUDYING":
            since = enrolled + timedelta(days=r.randint(0, max(0, (TODAY - enrolled).days)))
        form = programme.form if r.random() < 0.97 else "DISTANCE"
        decision = f"{r.randint(100, 2999)}/QĐ-{self.code}"
        return Study(
            number, programme.number, enrolled, decision, form, f"K{intake - 1955}", max(1, year), status, since, main
        )

    def _contract(self, number: int, r: Random) -> Contract:
        form = r.choices(("PERMANENT", "FIXED_TERM", "VISITING"), (60, 28, 12))[0]
        start = date(r.randint(1998, 2025), r.randint(1, 12), 1)
        end = None if form == "PERMANENT" else start + timedelta(days=r.choice((180, 365, 730, 1095)))
        return Contract(number, form, start, end, form != "VISITING" and r.random() < 0.95, end is None or end >= TODAY)
