"""The register of degrees: numbers one after the other per year and kind, a serial number for each blank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from deploy.demo.people import Population
from deploy.demo.studies import Award
from deploy.demo.violations import drawn_of

Holder: TypeAlias = Literal["learner", "staff"]
LETTERS = {"BACHELOR": "C", "MASTER": "T", "DOCTOR": "S"}


@dataclass(frozen=True, slots=True)
class Entry:
    award: Award
    holder: Holder


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the number in the register of its year and kind, the blank's serial number, what is wrong with them."""

    number: int
    serial: str
    flaws: tuple[str, ...]


class Register:
    """Every degree of one university. `elsewhere`: registers whose serial numbers may wrongly stand here too."""

    def __init__(
        self, code: str, entries: Sequence[Entry], population: Population, elsewhere: Sequence[Register]
    ) -> None:
        self._lines: dict[tuple[Holder, int], Line] = {}
        self.serials: list[str] = []
        used: Counter[tuple[int, str]] = Counter()
        before: dict[tuple[int, str], str | None] = {}
        foreign = [serial for register in elsewhere for serial in register.serials]
        for entry in sorted(entries, key=lambda e: (e.award.day, e.holder, e.award.number)):
            award = entry.award
            book = (award.day.year, award.kind)
            r = population.random(code, "register", entry.holder, award.number)
            flaw = drawn_of(
                r, "doubled_serial", "doubled_register_number", "register_gap", "serial_of_another_institution"
            )
            if not used[book] and flaw != "serial_of_another_institution":
                flaw = None
            if flaw == "doubled_register_number" and before[book] == "register_gap":
                flaw = None
            if flaw == "serial_of_another_institution" and not foreign:
                flaw = None
            before[book] = flaw
            if flaw != "doubled_register_number":
                used[book] += 2 if flaw == "register_gap" else 1
            serial = f"{code[-1]}{LETTERS[award.kind]}{award.day.year % 100:02}{len(self.serials):06}"
            if flaw == "doubled_serial":
                serial = self.serials[-1]
            elif flaw == "serial_of_another_institution":
                serial = r.choice(foreign)
            self.serials.append(serial)
            self._lines[entry.holder, award.number] = Line(used[book], serial, (flaw,) if flaw else ())

    def line(self, number: int, holder: Holder) -> Line:
        return self._lines[holder, number]
