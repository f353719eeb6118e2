"""Claims of twelve institutions about the people, with flaws, and the truth beside them.

`python -m tests.benchmarks.identity.claims --seed 1 --out FOLDER` writes `claims.csv` and `truth.csv`. The matcher was developed on
seeds 1 and 2 without the flaws of `UNSEEN`; figures are taken with all of them.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from random import Random

from tests.benchmarks.identity import flaws as f
from tests.benchmarks.identity.people import People, Person

COLUMNS = (
    "record_id",
    "full_name",
    "sex",
    "birth_date",
    "birth_precision",
    "birth_province",
    "citizen_number",
    "document_type",
    "phone",
    "institution",
)
INSTITUTIONS = [f"DH{n:02}" for n in range(1, 13)]
TWICE = 0.03
"""Share of further claims that are a second file at the same institution."""

Shares = dict[f.Flaw, float]
NAME: Shares = {
    f.no_accents: 0.07, f.typo: 0.04, f.wrong_tone: 0.02, f.given_first: 0.01, f.no_middle: 0.015, f.tcvn3: 0.01,
    f.mojibake: 0.015, f.two_typos: 0.004,
}  # fmt: skip
WRITTEN: Shares = {
    f.upper: 0.12, f.decomposed: 0.04, f.old_tone: 0.08, f.i_for_y: 0.03, f.eth: 0.02, f.spaces: 0.02,
}  # fmt: skip
NUMBER: Shares = {f.digit: 0.02, f.exchanged: 0.01, f.lost_zero: 0.02}
PHONE: Shares = {f.country_code: 0.08, f.grouped: 0.04, f.digit: 0.015, f.lost_zero: 0.03}
BORN: Shares = {f.swapped: 0.02, f.first_of_january: 0.02, f.date_digit: 0.025}
UNSEEN: dict[str, Shares] = {
    "name": {f.vni: 0.006, f.question_marks: 0.005, f.telex: 0.004, f.initials: 0.004, f.other_given: 0.003},
    "number": {f.lost_digit: 0.003},
    "phone": {f.before_2018: 0.01, f.lost_digit: 0.003},
    "born": {f.lunar: 0.004},
}
"""Kinds of flaws that nobody looked at while the matcher was made."""


class Claims:
    def __init__(self, seed: int, *, unseen: bool = True) -> None:
        self._r = Random(f"claims:{seed}")
        more = UNSEEN if unseen else {}
        self._name = NAME | more.get("name", {})
        self._number = NUMBER | more.get("number", {})
        self._phone = PHONE | more.get("phone", {})
        self._born = BORN | more.get("born", {})
        self._shared = f"0{self._r.randrange(10**11):011}"
        """A number that one office put into several files."""

    def of(self, people: list[Person], count: int) -> list[tuple[dict[str, str], int]]:
        """Claims in the order of arrival, each with its person."""
        r = self._r
        places: dict[int, list[str]] = {}
        whose = [*range(len(people)), *self._further(len(people), count - len(people))]
        r.shuffle(whose)
        made = []
        for place, number in enumerate(whose):
            been = places.setdefault(number, [])
            if been and r.random() < TWICE:
                institution = r.choice(been)
            else:
                institution = r.choice([code for code in INSTITUTIONS if code not in been] or INSTITUTIONS)
            been.append(institution)
            made.append(
                ({"record_id": f"{institution}-{place + 1:06}", **self._claim(people[number], institution)}, number)
            )
        return made

    def _further(self, people: int, count: int) -> list[int]:
        """Who is at a second or third institution; some are at many."""
        found: list[int] = []
        while len(found) < count:
            person = self._r.randrange(people)
            found += [person] * (1 + (self._r.random() < 0.2) + (self._r.random() < 0.05))
        return found[:count]

    def _claim(self, person: Person, institution: str) -> dict[str, str]:
        born, precision = self._birth(person)
        number, kind = self._document(person)
        return {
            "full_name": self._flawed(self._flawed(person.name, WRITTEN), self._name),
            "sex": self._sex(person),
            "birth_date": born,
            "birth_precision": precision,
            "birth_province": self._province(person),
            "citizen_number": number,
            "document_type": kind,
            "phone": self._telephone(person),
            "institution": institution,
        }

    def _flawed(self, value: str, shares: Shares) -> str:
        draw = self._r.random()
        for flaw, share in shares.items():
            draw -= share
            if draw < 0:
                return flaw(self._r, value)
        return value

    def _sex(self, person: Person) -> str:
        draw = self._r.random()
        return "" if draw < 0.02 else "MF"[person.sex == "M"] if draw < 0.028 else person.sex

    def _birth(self, person: Person) -> tuple[str, str]:
        draw = self._r.random()
        if draw < 0.012:
            return "", ""
        if draw < 0.017:
            return "1900-01-01", "day"
        if draw < 0.055:
            return person.born[:4], "year"
        if draw < 0.06:
            return person.born[:7], "month"
        return self._flawed(person.born, self._born), "day"

    def _province(self, person: Person) -> str:
        draw = self._r.random()
        return (
            "" if draw < 0.08 else f"{self._r.choice((1, 79, 38, 40, 48, 92)):02}" if draw < 0.14 else person.province
        )

    def _document(self, person: Person) -> tuple[str, str]:
        r = self._r
        draw = r.random()
        if person.passport:
            return ("", "") if draw < 0.1 else (person.passport, "passport")
        if draw < 0.1:
            return "", ""
        if draw < 0.106:
            return r.choice(("000000000000", "0123456789", "111111111111", "-")), "citizen"
        if draw < 0.107:
            return self._shared, "citizen"
        if draw < 0.18 and person.old_card:
            return self._flawed(person.old_card, self._number), "cmnd"
        return self._flawed(person.citizen, self._number), "citizen"

    def _telephone(self, person: Person) -> str:
        draw = self._r.random()
        if draw < 0.14:
            return ""
        if draw < 0.155:
            return self._r.choice(("0123456789", "0000000000", "0999999999", "0912345678"))
        phone = (
            person.phones[0] if draw < 0.8 else person.phones[1] if draw < 0.9 else f"09{self._r.randrange(10**8):08}"
        )
        return self._flawed(phone, self._phone)


def make(
    seed: int, people: int = 20_000, claims: int = 28_000, *, unseen: bool = True
) -> list[tuple[dict[str, str], int]]:
    """The claims of a seed, each with its person's number."""
    return Claims(seed, unseen=unseen).of(People(seed).make(people), claims)


def write(folder: Path, made: list[tuple[dict[str, str], int]], *, numbers: bool = True) -> tuple[Path, Path]:
    """Write claims and truth; without `numbers` the citizen number is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    claims, truth = folder / "claims.csv", folder / "truth.csv"
    with claims.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row, _ in made:
            writer.writerow(row if numbers else row | {"citizen_number": "", "document_type": ""})
    with truth.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("record_id", "person"))
        out.writerows((row["record_id"], person) for row, person in made)
    return claims, truth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--without-numbers", action="store_true")
    parser.add_argument("--without-unseen", action="store_true")
    given = parser.parse_args()
    write(given.out, make(given.seed, unseen=not given.without_unseen), numbers=not given.without_numbers)
