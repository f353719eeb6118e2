"""Changes at the universities, as offices make them: contact data, decisions and what follows from them, admissions, contracts, a few
deletions and corrected keys, and now and then a rule broken.

Seeded: with the same seed on the same data the same statements follow each other. A change that meets a row that is gone
does nothing, as in life. CANCELs stay far below the brake's share.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from random import Random
from threading import Event

from deploy.demo.extent import SHARES
from deploy.demo.offices import dha, dhb, dhc
from deploy.demo.offices.office import Change, Connection, Office, Picked
from deploy.demo.studies import REASONS
from deploy.demo.universities.shape import Shape

OFFICES: dict[str, type[Office]] = {"DHA": dha.OfficeA, "DHB": dhb.OfficeB, "DHC": dhc.OfficeC}

GRADUATES = 3
"""Most whom one graduation decision names."""
UNDECIDED = 0.1
"""Share of graduations whose decision nobody enters: V17, and R08 at the degree."""
UNANSWERED = 0.15
"""Share of transfers whose other half never comes: R09."""


def _decided(o: Office, before: str, after: str, kind: str) -> int:
    picked = o.pick(before)
    if picked is None:
        return 0
    return o.set_status(picked.study, after) + _decide(o, [picked], kind)


def _decide(o: Office, picked: list[Picked], kind: str, other: str | None = None) -> int:
    studies = [one.study for one in picked]
    return o.decide(studies, kind, o.decision_number(), other, o.r.choice(REASONS[kind]))


def _graduation(o: Office) -> int:
    picked, rows, number = [], 0, o.decision_number()
    for _ in range(o.r.randint(1, GRADUATES)):
        if (one := o.pick("STUDYING")) is not None:
            rows += o.set_status(one.study, "GRADUATED")
            picked.append(one)
    if picked and o.r.random() >= UNDECIDED:
        rows += o.decide([one.study for one in picked], "GRADUATION", number, None, None)
    return rows + sum(o.award(one.study, number) for one in picked)


def _transfer(o: Office) -> int:
    target = o.others[o.r.choice(sorted(o.others))]
    picked = o.pick("STUDYING")
    if picked is None or picked.learner >= o.shape.university.learners:
        return 0
    known = o.r.choices((0, 1, 2), (1 - UNANSWERED, UNANSWERED / 2, UNANSWERED / 2))[0]
    rows = 0
    if known != 1:
        rows += o.set_status(picked.study, "TRANSFERRED") + _decide(o, [picked], "TRANSFER_OUT", target.shape.code)
    if known != 2:
        with target.connection.transaction():
            rows += target.enter(o.shape.university.learner(picked.learner), o.shape.code)
    return rows


def _undone(o: Office) -> int:
    """V13: who has graduated studies again, without a decision."""
    picked = o.pick("GRADUATED")
    return 0 if picked is None else o.set_status(picked.study, "STUDYING")


def _undecided(o: Office) -> int:
    """V17: a status without its decision."""
    picked = o.pick("STUDYING")
    return 0 if picked is None else o.set_status(picked.study, o.r.choice(("SUSPENDED", "WITHDRAWN", "REVIEW")))


EVERYWHERE = (
    Change("graduation", 8, _graduation),
    Change("suspension", 8, lambda o: _decided(o, "STUDYING", "SUSPENDED", "SUSPENSION")),
    Change("return", 7, lambda o: _decided(o, "SUSPENDED", "STUDYING", "RETURN")),
    Change("withdrawal", 3, lambda o: _decided(o, "STUDYING", "WITHDRAWN", "WITHDRAWAL")),
    Change("transfer", 3, _transfer),
    Change("degree correction", 2, lambda o: o.correct(o.decision_number())),
    Change("new contract", 3, lambda o: o.hire(o.any_staff())),
    Change("admission", 3, Office.admit),
    Change("status without decision", 1.5, _undecided),
    Change("graduation undone", 1, _undone),
)
CHANGES: dict[str, tuple[Change, ...]] = {
    "DHA": EVERYWHERE + dha.CHANGES,
    "DHB": EVERYWHERE + dhb.CHANGES,
    "DHC": EVERYWHERE + dhc.CHANGES,
}


class Driver:
    """Applies changes at a steady rate, each in a transaction of its own; a transfer is one at each of the two universities."""

    def __init__(self, shapes: Mapping[str, Shape], connections: Mapping[str, Connection], seed: int) -> None:
        self._connections = connections
        self._r = Random(f"{seed}:changes")
        self._offices = {code: OFFICES[code](shapes[code], connections[code], self._r) for code in shapes}
        for code, office in self._offices.items():
            office.others = {other: found for other, found in self._offices.items() if other != code}
        # What follows depends on how far the data is, so that a second run does not repeat the first.
        self._r.seed(f"{seed}:changes:{sum(office.newest for office in self._offices.values())}")
        self.done: Counter[str] = Counter()
        """Changes by name, over all universities."""
        self.rows: Counter[str] = Counter()
        """Changed rows by university that the change began at."""

    def one(self) -> None:
        """One change at one university."""
        codes = list(self._offices)
        code = self._r.choices(codes, [SHARES[c] for c in codes])[0]
        kinds = CHANGES[code]
        change = self._r.choices(kinds, [kind.weight for kind in kinds])[0]
        with self._connections[code].transaction():
            self.rows[code] += change.apply(self._offices[code])
        self.done[change.name] += 1

    def run(self, rate: float, stop: Event, seconds: float | None = None) -> int:
        """`rate` changes per second until `stop`, or for a time. What the machine can't keep up with is left out."""
        began = due = time.monotonic()
        count = 0
        while not stop.is_set() and (seconds is None or time.monotonic() - began < seconds):
            self.one()
            count += 1
            due = max(due + 1 / rate, time.monotonic() - 1)
            if (left := due - time.monotonic()) > 0:
                stop.wait(left)
        return count
