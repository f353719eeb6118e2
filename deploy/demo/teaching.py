"""Contracts of staff, what they teach, and degrees that a university once gave to those who now teach there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from deploy.demo.extent import TODAY
from deploy.demo.people import Person
from deploy.demo.violations import drawn, drawn_of

PER_MEMBER = 4
"""Numbers that each member of staff keeps for assignments; half as many for contracts."""
RETIREMENT = {"M": 62, "F": 58}
TITLES = ("LECTURER", "SENIOR_LECTURER", "ASSOC_PROFESSOR", "PROFESSOR", "OTHER")


@dataclass(frozen=True, slots=True)
class Contract:
    number: int
    form: str
    start: date
    end: date | None
    full_time: bool
    active: bool
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    number: int
    level: str
    major: str
    start: date
    end: date | None
    main: bool
    visiting: bool
    home: str | None
    flaws: tuple[str, ...] = ()


def own_contracts(number: int, person: Person, r: Random) -> list[Contract]:
    """Contracts of somebody who works at this university; sometimes one that has ended before the present one."""
    start, permanent = date(r.randint(1998, 2024), r.randint(1, 12), 1), r.random() < 0.68
    full_time, flaws = r.random() < 0.95, []
    end: date | None = None
    active = True
    if permanent:
        past = TODAY.year - int(person.birth_date[:4]) > RETIREMENT[person.sex]
        active = not past or drawn(r, "permanent_past_retirement")
        flaws += ["permanent_past_retirement"] if past and active else []
    else:
        start = date(r.randint(2023, 2026), r.randint(1, 8), 1)
        flaw = drawn_of(r, "contract_ends_before_start", "short_full_time")
        end = start.replace(year=start.year + r.choice((1, 2, 3)))
        if flaw == "short_full_time":
            end, full_time = start + timedelta(days=181), True
        if flaw == "contract_ends_before_start":
            end = start - timedelta(days=30)
        flaws += [flaw] if flaw else []
        active = end >= TODAY
    now = Contract(number * 2, "PERMANENT" if permanent else "FIXED_TERM", start, end, full_time, active, tuple(flaws))
    if r.random() >= 0.15:
        return [now]
    before = start.replace(year=start.year - 2)
    return [now, Contract(number * 2 + 1, "FIXED_TERM", before, before.replace(year=before.year + 1), True, False)]


def visiting_contract(number: int, r: Random) -> Contract:
    start = date(r.choice((2025, 2026)), r.randint(1, 8), 1)
    return Contract(number * 2, "VISITING", start, start.replace(year=start.year + 2), False, True)


def second_contract(number: int, flaws: tuple[str, ...], r: Random) -> Contract:
    """Full-time here although another university employs the same person."""
    return Contract(number * 2, "PERMANENT", date(r.randint(2015, 2024), 3, 1), None, True, True, flaws)


def assignments(
    number: int,
    contract: Contract,
    degree: str,
    majors: Sequence[str],
    home: str | None,
    others: Sequence[str],
    r: Random,
) -> list[Assignment]:
    """What a lecturer teaches. `home`: the university that employs a visiting lecturer; None: none of those in the demo does."""
    taught = [major for major in majors if major[0] <= degree] or list(majors[:1])
    start = max(contract.start, date(2019, 9, 1))
    visiting = contract.form == "VISITING" or (home is None and r.random() < 0.02)
    flaws: tuple[str, ...] = ()
    if visiting:
        if drawn(r, "visiting_without_home"):
            home, flaws = None, ("visiting_without_home",)
        elif home is None:
            home, flaws = r.choice(list(others)), ("visiting_without_home_contract",)
    count = min(len(taught), r.choices((1, 2), (7, 3))[0])
    found = []
    for n, major in enumerate(r.sample(taught, count)):
        end = None if r.random() < 0.8 else date(2027, 6, 30)
        if contract.end and contract.end > start:
            end = contract.end
        main = n == 0 and not visiting
        there = home if visiting else None
        found.append(Assignment(number * PER_MEMBER + n, major[0], major, start, end, main, visiting, there, flaws))
    return found
