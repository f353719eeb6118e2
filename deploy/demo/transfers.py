"""Who moved from one university to another: pairs of a learner who leaves and one who enters, found by number at both ends.

Every `EVERY` learners, each ordered pair of universities has one transfer. Neither file needs the other one to be made, so both
universities tell of it consistently, or, where a flaw is drawn, do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from deploy.demo.extent import CODES, INTAKES
from deploy.demo.people import Population
from deploy.demo.violations import drawn_of

EVERY = 140
_PAIRS = tuple((a, b) for a in CODES for b in CODES if a != b)
_STEP, _LEAVES, _ENTERS = 10, 3, 7


@dataclass(frozen=True, slots=True)
class Transfer:
    """One learner's move. The exit is decided on `left`, the entry on `entered`; a flaw belongs to the pair."""

    origin: str
    leaver: int
    target: str
    entrant: int
    left: date
    entered: date
    flaw: str | None

    @property
    def exit_known(self) -> bool:
        return self.flaw != "transfer_without_exit"

    @property
    def entry_known(self) -> bool:
        return self.flaw != "transfer_without_entry"


def of_leaver(population: Population, learners: Mapping[str, int], code: str, number: int) -> Transfer | None:
    """The transfer by which this learner leaves."""
    pair, rest = divmod(number % EVERY, _STEP)
    if rest != _LEAVES or pair >= len(_PAIRS) or _PAIRS[pair][0] != code:
        return None
    return _transfer(population, learners, pair, number // EVERY)


def of_entrant(population: Population, learners: Mapping[str, int], code: str, number: int) -> Transfer | None:
    """The transfer by which this learner came."""
    pair, rest = divmod(number % EVERY, _STEP)
    if rest != _ENTERS or pair >= len(_PAIRS) or _PAIRS[pair][1] != code:
        return None
    return _transfer(population, learners, pair, number // EVERY)


def _transfer(population: Population, learners: Mapping[str, int], pair: int, turn: int) -> Transfer | None:
    origin, target = _PAIRS[pair]
    leaver, entrant = (turn * EVERY + pair * _STEP + part for part in (_LEAVES, _ENTERS))
    if leaver >= learners[origin] or entrant >= learners[target]:
        return None
    r = population.random("transfer", pair, turn)
    left = date(r.choice(INTAKES[1:5]), 8, 1) + timedelta(days=r.randint(0, 20))
    flaw = drawn_of(r, "transfer_without_entry", "transfer_without_exit", "transfer_out_of_order")
    entered = left + timedelta(days=-r.randint(20, 40) if flaw == "transfer_out_of_order" else r.randint(5, 18))
    return Transfer(origin, leaver, target, entrant, left, entered, flaw)
