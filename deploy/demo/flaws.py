"""What institutions make of the truth: the errors that real files show, each drawn with its own chance and named.

`hold` gives what one institution's file says about a person, and which flaws it has; the truth stays in `people`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from deploy.demo.people import Person

PLACEHOLDER_PHONE = "0123456789"
PLACEHOLDER_TEXT = "-"
PLACEHOLDER_NUMBER = "000000000000"


@dataclass(frozen=True, slots=True)
class Held:
    """A person as an institution holds them. `birth_date` may have reduced precision; None is an empty cell."""

    full_name: str
    birth_date: str | None
    sex: str
    nationality: str
    ethnicity: str
    citizen_number: str | None
    document_type: str | None
    document_number: str | None
    birth_province: str | None
    phone: str | None
    email: str | None
    house: str | None
    commune: str
    province: str
    flaws: tuple[str, ...] = ()

    def seen(self, flaw: str) -> bool:
        """Can a flaw that the file has be seen in it, or do its other flaws hide it?"""
        if flaw == "wrong_sex" and self.citizen_number is None:
            return False
        return UNDONE_BY.get(flaw, frozenset()).isdisjoint(self.flaws)

    def surely(self, other: Held) -> bool:
        """Do two files of one person show that they are one: by a number that can be real, name and birth date?"""
        number = self.citizen_number
        whole = number is not None and len(number) == 12 and number != PLACEHOLDER_NUMBER
        return whole and number == other.citizen_number and _DOUBTFUL.isdisjoint((*self.flaws, *other.flaws))


def mojibake(text: str) -> str:
    """UTF-8 read as cp1252, its five unassigned bytes kept as control characters, as such programs do."""
    return "".join(
        bytes((b,)).decode("latin-1" if b in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "cp1252") for b in text.encode()
    )


def without_accents(text: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return bare.replace("Đ", "D").replace("đ", "d")


_MOVES = {
    f"{a}{b}": f"{c}{d}"
    for first, second in (("oóòỏõọ", "aáàảãạ"), ("oóòỏõọ", "eéèẻẽẹ"), ("uúùủũụ", "yýỳỷỹỵ"))
    for a, b, c, d in zip(first[1:], second[0] * 5, first[0] * 5, second[1:], strict=True)
}


def other_tone_placement(text: str) -> str:
    """hòa → hoà, thúy → thuý: the tone mark on the other vowel, where the syllable ends in the pair."""
    words = []
    for word in text.split(" "):
        head, pair = word[:-2], word[-2:]
        words.append(head + _MOVES.get(pair, pair) if not head.lower().endswith("q") else word)
    return " ".join(words)


def other_i(text: str) -> str:
    """y → i in the syllables where both are written: Lý / Lí, Mỹ / Mĩ."""
    pairs = {"Lý": "Lí", "Mỹ": "Mĩ", "My": "Mi", "Quý": "Quí", "Ly": "Li", "Vỹ": "Vĩ"}
    return " ".join(pairs.get(word, word) for word in text.split(" "))


def _nudged(digits: str, r: Random) -> str:
    place = r.randrange(6, len(digits))
    return f"{digits[:place]}{(int(digits[place]) + r.randint(1, 9)) % 10}{digits[place + 1 :]}"


Flaw = Callable[[Held, Random], Held]


def _name(change: Callable[[str], str]) -> Flaw:
    return lambda held, _: replace(held, full_name=change(held.full_name))


def _swapped(held: Held, _: Random) -> Held:
    year, month, day = (held.birth_date or "").split("-")
    return replace(held, birth_date=f"{year}-{day}-{month}") if int(day) <= 12 else held


def _number(change: Callable[[str, Random], str | None]) -> Flaw:
    return lambda held, r: replace(held, citizen_number=held.citizen_number and change(held.citizen_number, r))


def _former_card(held: Held, r: Random) -> Held:
    if held.citizen_number is None:
        return held
    return replace(held, citizen_number=None, document_type="CMND", document_number=f"{r.randrange(10**9):09}")


FLAWS: dict[str, Flaw] = {
    "nfd": _name(lambda name: unicodedata.normalize("NFD", name)),
    "mojibake": _name(mojibake),
    "capitals": _name(str.upper),
    "lost_accents": _name(without_accents),
    "other_tone_placement": _name(other_tone_placement),
    "other_i": _name(other_i),
    "foreign_d": _name(lambda name: name.replace("Đ", "Ð")),
    "double_space": _name(lambda name: name.replace(" ", "  ", 1)),
    "placeholder_birth_date": lambda held, _: replace(held, birth_date=(held.birth_date or "")[:4] + "-01-01"),
    "swapped_birth_date": _swapped,
    "partial_birth_date": lambda held, r: replace(held, birth_date=(held.birth_date or "")[: r.choice((4, 7))]),
    "missing_birth_date": lambda held, _: replace(held, birth_date=None),
    "missing_number": _number(lambda *_: None),
    "digit_error": _number(_nudged),
    "short_number": _number(lambda number, _: number.lstrip("0")),
    "placeholder_number": _number(lambda *_: PLACEHOLDER_NUMBER),
    "former_card": _former_card,
    "wrong_sex": lambda held, _: replace(held, sex="F" if held.sex == "M" else "M"),
    "unknown_sex": lambda held, _: replace(held, sex="?"),
    "unknown_ethnicity": lambda held, _: replace(held, ethnicity="99"),
    "placeholder_phone": lambda held, _: replace(held, phone=PLACEHOLDER_PHONE),
    "placeholder_address": lambda held, _: replace(held, house=PLACEHOLDER_TEXT),
    "missing_email": lambda held, _: replace(held, email=None),
}
"""Every kind of error, in the order of application; of several on one field, later ones win or add."""

FOUND_BY: dict[str, tuple[str, ...]] = {
    "nfd": ("V04",), "mojibake": ("V04",), "foreign_d": ("V04",),
    "placeholder_birth_date": ("V25",), "missing_birth_date": ("V05",),
    "short_number": ("V01",), "placeholder_number": ("V01", "V25"), "wrong_sex": ("V02",), "unknown_sex": ("V29",),
    "unknown_ethnicity": ("V29",), "placeholder_phone": ("V25",), "placeholder_address": ("V25",),
}  # fmt: skip
"""The rules that must find a flaw, where a university's tables and mapping leave it as it is. All others are right as far as a record
alone can tell."""
OF_LEARNER = frozenset({"placeholder_phone", "missing_email"})
"""Flaws of what stands in a learner's record, not in the person's."""
UNDONE_BY: dict[str, frozenset[str]] = {
    "nfd": frozenset({"lost_accents"}),
    "mojibake": frozenset({"lost_accents"}),
    "placeholder_birth_date": frozenset({"partial_birth_date", "missing_birth_date"}),
    "partial_birth_date": frozenset({"missing_birth_date"}),
    "short_number": frozenset({"former_card"}),
    "placeholder_number": frozenset({"former_card"}),
    "wrong_sex": frozenset({"unknown_sex", "missing_number", "short_number", "placeholder_number", "former_card"}),
}
"""Flaws that hide another one."""
_DOUBTFUL = frozenset({"mojibake", "placeholder_birth_date", "swapped_birth_date", "partial_birth_date"})

CHANCES: dict[str, float] = {
    "nfd": 0.01, "mojibake": 0.004, "capitals": 0.02, "lost_accents": 0.01, "other_tone_placement": 0.25, "other_i": 0.1,
    "foreign_d": 0.01, "double_space": 0.01, "placeholder_birth_date": 0.015, "swapped_birth_date": 0.004,
    "partial_birth_date": 0.01, "missing_birth_date": 0.003, "missing_number": 0.03, "digit_error": 0.008, "short_number": 0.005,
    "placeholder_number": 0.004, "former_card": 0.02, "wrong_sex": 0.003, "unknown_sex": 0.004, "unknown_ethnicity": 0.01,
    "placeholder_phone": 0.03, "placeholder_address": 0.02, "missing_email": 0.1,
}  # fmt: skip
"""Chances of an ordinary institution; one that differs gives its own over these."""


def hold(person: Person, r: Random, chances: Mapping[str, float] = CHANCES) -> Held:
    """What a file says about a person. `flaws` names only those that changed something."""
    held = Held(
        full_name=person.full_name,
        birth_date=person.birth_date,
        sex=person.sex,
        nationality=person.nationality,
        ethnicity=person.ethnicity,
        citizen_number=person.citizen_number,
        document_type="PASSPORT" if person.passport else None,
        document_number=person.passport,
        birth_province=person.birth_province,
        phone=person.phone,
        email=person.email,
        house=person.house,
        commune=person.commune,
        province=person.province,
    )
    found = []
    for name, flaw in FLAWS.items():
        if r.random() < chances.get(name, CHANCES[name]):
            after = flaw(held, r)
            if after != held:
                held = after
                found.append(name)
    return replace(held, flaws=tuple(found)) if found else held
