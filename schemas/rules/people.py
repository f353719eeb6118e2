"""Rules over institutions, of one person: what hangs from all their records, seen together. Pure, and without a clock.

A date that falls due is a message of its own (an order TOUCH), so two days without one never judge differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.rules.directory import RULES
from schemas.rules.periods import may_follow, may_overlap, surely_overlap

MOST = 200
"""Facts of one kind that are compared with each other. More are no one person's, and comparing all would hold up everybody (P5)."""

OnBus = Callable[[str], bool]
"""Does this institution report at all? Of one that does not, nothing is missing."""


class Held(NamedTuple):
    """A fact, and whose it is."""

    institution: str
    kind: str
    record: str
    valid_from: str | None
    valid_to: str | None
    status: str | None
    attributes: Mapping[str, str]

    @property
    def period(self) -> tuple[str | None, str | None]:
        return self.valid_from, self.valid_to

    def flag(self, name: str) -> bool:
        return self.attributes.get(name) == "true"


class Addressed(NamedTuple):
    """One finding: a rule about a record, addressed to an institution. `disputed`: others have it too, and they settle it together."""

    rule: str
    institution: str
    record: str
    fields: tuple[str, ...]
    other: str = ""
    disputed: bool = False
    details: tuple[tuple[str, str], ...] = ()


def held(institution: str, fact: Mapping[str, Any]) -> Held:
    return Held(
        institution,
        fact["kind"],
        fact["record_key"],
        fact["valid_from"],
        fact["valid_to"],
        fact["status"],
        fact["attributes"],
    )


def check_person(facts: Iterable[Held], records: Mapping[str, str], on_bus: OnBus) -> list[Addressed]:
    """What is wrong with one person over institutions. `records`: each institution's person record."""
    kinds: dict[str, list[Held]] = {}
    for fact in sorted(facts, key=lambda f: (f.institution, f.record, f.kind)):
        kinds.setdefault(fact.kind, []).append(fact)
    contracts = kinds.get("CONTRACT", [])[:MOST]
    degrees = kinds.get("DEGREE", [])[:MOST]
    return [
        *two_full_time_posts(contracts, int(RULES["R05"].tolerance["months"])),
        *two_full_time_studies(kinds.get("STUDY", [])[:MOST]),
        *half_transfers(kinds.get("TRANSFER_OUT", [])[:MOST], kinds.get("TRANSFER_IN", [])[:MOST], records, on_bus),
        *one_serial_twice(degrees),
        *degrees_not_registered(contracts, degrees),
        *visits_without_contract(kinds.get("VISITING", [])[:MOST], contracts, records, on_bus),
    ]


def two_full_time_posts(contracts: Sequence[Held], months: int) -> list[Addressed]:
    """R05: full-time contracts in force at two institutions, which surely overlap for so many months."""
    full = [c for c in contracts if in_force(c) and c.flag("full_time")]
    return _clashes(
        "R05",
        ("valid_from", "valid_to", "full_time"),
        full,
        lambda a, b: surely_overlap(a.period, b.period, months) is not None,
    )


def two_full_time_studies(studies: Sequence[Held]) -> list[Addressed]:
    """R07: active full-time studies at two institutions; inside one institution a second programme is lawful."""
    full = [s for s in studies if is_active(s) and s.attributes.get("form_of_study") == "FULL_TIME"]
    return _clashes("R07", ("status", "form_of_study"), full, lambda a, b: True)


def one_serial_twice(degrees: Sequence[Held]) -> list[Addressed]:
    """R10, of one person: the same serial at two institutions. (Of two persons: a rule over sets, in the national database.)"""
    numbered = [d for d in degrees if serial(d)]
    return _clashes("R10", ("serial",), numbered, lambda a, b: serial(a) == serial(b))


def half_transfers(
    exits: Sequence[Held], entries: Sequence[Held], records: Mapping[str, str], on_bus: OnBus
) -> list[Addressed]:
    """R09: an exit without an entry on or after it at the institution that it names, or the reverse: open at the missing side."""
    left_out, left_in = _unpaired(exits, entries)
    return [
        *(_missing("TRANSFER_IN", fact, records) for fact in left_out if _reports(fact, on_bus)),
        *(_missing("TRANSFER_OUT", fact, records) for fact in left_in if _reports(fact, on_bus)),
    ]


def degrees_not_registered(contracts: Sequence[Held], degrees: Sequence[Held]) -> list[Addressed]:
    """R12: a declared highest degree that is above every valid degree in the register."""
    highest = max((level(d) for d in degrees if is_valid(d)), default=0)
    declared = [c for c in contracts if in_force(c) and level(c) > highest]
    return [
        Addressed("R12", c.institution, c.record, ("highest_degree",), details=(("level", c.attributes["level"]),))
        for c in declared
    ]


def visits_without_contract(
    visits: Sequence[Held], contracts: Sequence[Held], records: Mapping[str, str], on_bus: OnBus
) -> list[Addressed]:
    """R13: a visiting assignment while the named home institution has no contract with the person; both settle it."""
    found = []
    for visit in visits:
        home = visit.attributes.get("other_institution", "")
        if not _reports(visit, on_bus) or any(
            c.institution == home and may_overlap(c.period, visit.period) for c in contracts
        ):
            continue
        fields = ("home_institution",)
        details = (("institutions", home),)
        found.append(Addressed("R13", visit.institution, visit.record, fields, records.get(home, ""), True, details))
        found.append(_at_the_other("R13", home, visit, fields, records, disputed=True))
    return found


def is_active(study: Held) -> bool:
    return study.status == "STUDYING"


def in_force(contract: Held) -> bool:
    """Not ended by its status; one without a status goes by its dates."""
    return contract.status not in ("RETIRED", "LEFT")


def is_valid(degree: Held) -> bool:
    """Neither revoked nor cancelled (TT 10/2026)."""
    return degree.status not in ("2", "3")


def level(fact: Held) -> int:
    """The level of a degree, or the highest that a contract declares; 0 if it says none. Larger is higher."""
    text = fact.attributes.get("level", "")
    return int(text) if len(text) == 1 and text.isdecimal() else 0


def serial(degree: Held) -> str:
    """The serial as it is compared: without spaces and case."""
    return "".join(degree.attributes.get("serial", "").split()).casefold()


def _clashes(
    rule: str, fields: tuple[str, ...], facts: Sequence[Held], clash: Callable[[Held, Held], bool]
) -> list[Addressed]:
    """A finding about each fact that clashes with one of another institution, addressed to its own."""
    found = []
    for one in facts:
        others = [other for other in facts if other.institution != one.institution and clash(one, other)]
        if others:
            pair = others[0].record if len(others) == 1 else ""
            details = (("institutions", ",".join(sorted({other.institution for other in others}))),)
            found.append(Addressed(rule, one.institution, one.record, fields, pair, True, details))
    return found


def _unpaired(exits: Sequence[Held], entries: Sequence[Held]) -> tuple[list[Held], list[Held]]:
    """Exits and entries that are left over: earliest first, those that name each other before those that name nobody."""
    outs, ins = (sorted(side, key=lambda f: (f.valid_from or "", f.record)) for side in (exits, entries))
    for both_named in (True, False):
        for out in list(outs):
            match = next((come for come in ins if _is_pair(out, come, both_named)), None)
            if match:
                outs.remove(out)
                ins.remove(match)
    return outs, ins


def _is_pair(out: Held, come: Held, both_named: bool) -> bool:
    to, source = out.attributes.get("other_institution"), come.attributes.get("other_institution")
    if both_named and not (to and source):
        return False
    return (
        out.institution != come.institution
        and to in (None, come.institution)
        and source in (None, out.institution)
        and may_follow(out.valid_from, come.valid_from)
    )


def _reports(fact: Held, on_bus: OnBus) -> bool:
    other = fact.attributes.get("other_institution", "")
    return other not in ("", fact.institution) and on_bus(other)


def _missing(kind: str, fact: Held, records: Mapping[str, str]) -> Addressed:
    fields = ("kind", "other_institution", "effective_date")
    found = _at_the_other("R09", fact.attributes["other_institution"], fact, fields, records, disputed=False)
    return found._replace(details=(*found.details, ("missing", kind)))


def _at_the_other(
    rule: str, institution: str, fact: Held, fields: tuple[str, ...], records: Mapping[str, str], *, disputed: bool
) -> Addressed:
    """Addressed to the institution that a fact names: about its record of the person, or, if it has none, about the fact."""
    own = records.get(institution)
    details = (("institutions", fact.institution),)
    return Addressed(rule, institution, own or fact.record, fields, fact.record if own else "", disputed, details)
