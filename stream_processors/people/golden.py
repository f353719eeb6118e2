"""Golden persons of one person key, out of its claims. Pure, and independent of the order of arrival.

R01: same citizen number, agreeing name and birth date → one person. R02: same number, contradicting → a conflict, no merge: one
golden person per agreeing group, whose id comes from the content, not from who came first. A record that the ministry has put to a
person, by an order, contradicts nobody: it was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.avro_schema import field_names
from schemas.names import canonical_key, plain_key
from schemas.rules.people import Held, held, in_force, is_active, is_valid, level
from schemas.rules.survivorship import (
    ACTIVE,
    CONTACT,
    DECLARED,
    ENROLLING,
    IDENTITY,
    ONLY,
    OTHER_CONTACT,
    OTHER_RECORD,
    REGISTERED,
)

Claimed = Mapping[str, Any]
"""A decoded claim."""
IsOwn = Callable[[Claimed], bool]
"""Does the record's own number (or key) lead to this person? Else an order of the ministry put it there."""


_VALUES = (*field_names("person"), "phone", "email", "highest_degree")
_OWNED = frozenset(name for owner in (IDENTITY, CONTACT) for part in owner.fields for name in part)


class Origin(NamedTuple):
    """Which claim and which rule gave these values; no names: every value but the highest degree."""

    claim: Claimed
    rule: str
    names: tuple[str, ...]


class Golden(NamedTuple):
    """One golden person. `values` are the person's fields, phone, email and highest_degree."""

    person_key: str
    values: dict[str, str | None]
    origins: tuple[Origin, ...]
    claims: tuple[Claimed, ...]
    facts: tuple[Held, ...]


def golden_persons(person_key: str, claims: Iterable[Claimed], is_own: IsOwn) -> list[Golden]:
    """The golden persons of a key's live claims; more than one means a conflict (R02)."""
    groups: list[list[Claimed]] = []
    decided: list[Claimed] = []
    for claim in sorted(claims, key=_most_telling_first):
        if not is_own(claim):
            decided.append(claim)
        elif group := _agreeing(groups, claim):
            group.append(claim)
        else:
            groups.append([claim])
    put = frozenset([str(claim["record_key"]) for claim in decided])
    if not groups:
        groups, decided = [decided], []
    for claim in decided:
        (_agreeing(groups, claim) or groups[0]).append(claim)
    if len(groups) == 1:
        return [_merge(person_key, groups[0], put)]
    return [_merge(f"{person_key}.{_content_id(group[0]['person'])}", group, put) for group in groups]


def agree(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Do two records with one number speak of one person? Equal canonical names, or one that lost its accents; and birth dates of
    which one continues the other. A missing name or date contradicts nothing."""
    return _names_agree(a["full_name"], b["full_name"]) and _dates_agree(a["birth_date"], b["birth_date"])


def _agreeing(groups: list[list[Claimed]], claim: Claimed) -> list[Claimed] | None:
    return next((group for group in groups if agree(group[0]["person"], claim["person"])), None)


def _names_agree(a: str | None, b: str | None) -> bool:
    if a is None or b is None:
        return True
    x, y = canonical_key(a), canonical_key(b)
    if x == y:
        return True
    p, q = plain_key(a), plain_key(b)
    return p == q and (x == p or y == q)


def _dates_agree(a: str | None, b: str | None) -> bool:
    return a is None or b is None or a.startswith(b) or b.startswith(a)


def _most_telling_first(claim: Claimed) -> tuple[Any, ...]:
    person = claim["person"]
    name, born = person["full_name"] or "", person["birth_date"] or ""
    return -len(born), not _has_accents(name), born, canonical_key(name), claim["record_key"]


@lru_cache(maxsize=50_000)
def _has_accents(name: str) -> bool:
    return not name.isascii() and canonical_key(name) != plain_key(name)


def _content_id(person: Mapping[str, Any]) -> str:
    text = f"{canonical_key(person['full_name'] or '')}\x1f{person['birth_date'] or ''}"
    return sha256(text.encode()).hexdigest()[:12]


def _merge(person_key: str, group: list[Claimed], put: frozenset[str]) -> Golden:
    """`put`: records that an order put to this person; their number is not the person's own."""
    group = sorted(group, key=lambda c: str(c["record_key"]))
    facts = [(claim, held(institution_of(claim), fact)) for claim in group for fact in claim["facts"]]
    values: dict[str, str | None] = dict.fromkeys(_VALUES)
    taken: _Taken = {}
    if len(group) == 1:
        (claim,) = group
        values |= {name: value for name, value in _given(claim).items() if name in _OWNED}
        taken[claim["record_key"], ONLY.id] = claim, []
    else:
        by_change = sorted(group, key=lambda c: c["changed_at"], reverse=True)
        for owner, ranked in ((IDENTITY, _by_identity(by_change)), (CONTACT, _by_contact(by_change))):
            asked = [(claim, authority, _given(claim)) for claim, authority in ranked]
            for part in owner.fields:
                _take(part, _fullest(part[0], asked, put), values, taken)
    if facts:
        _take_highest_degree(facts, values, taken)
    origins = [Origin(taken[key][0], key[1], tuple(taken[key][1])) for key in sorted(taken)]
    return Golden(person_key, values, tuple(origins), tuple(group), tuple([fact for _, fact in facts]))


def institution_of(claim: Claimed) -> str:
    return str(claim["record_key"]).partition("/")[0]


Ranked = list[tuple[Claimed, str]]
"""Claims in the order in which they are asked for a value, each with the authority that it speaks with."""
Asked = Sequence[tuple[Claimed, str, Mapping[str, str | None]]]
"""The same, with the claim's values."""
_Taken = dict[tuple[str, str], tuple[Claimed, list[str]]]
"""What was taken, by record key and rule."""


def _by_identity(by_change: list[Claimed]) -> Ranked:
    ranked = [(c, (ENROLLING if any(f["kind"] == "STUDY" for f in c["facts"]) else OTHER_RECORD).id) for c in by_change]
    return sorted(ranked, key=lambda r: r[1] != ENROLLING.id)


def _by_contact(by_change: list[Claimed]) -> Ranked:
    since = [(c, _active_since(c)) for c in by_change]
    active = sorted(((c, day) for c, day in since if day is not None), key=lambda r: r[1], reverse=True)
    return [*((c, ACTIVE.id) for c, _ in active), *((c, OTHER_CONTACT.id) for c, day in since if day is None)]


def _active_since(claim: Claimed) -> str | None:
    """The first day of the newest active study or contract; None without one."""
    facts = [held("", fact) for fact in claim["facts"]]
    active = [f for f in facts if (f.kind == "STUDY" and is_active(f)) or (f.kind == "CONTRACT" and in_force(f))]
    return max((f.valid_from or "" for f in active), default=None)


def _fullest(name: str, asked: Asked, put: frozenset[str]) -> Asked:
    """Of values that agree, the fuller ones: a name with its accents, a date with its day. Of numbers, the person's own."""
    match name:
        case "full_name":
            fuller = [a for a in asked if _has_accents(a[2][name] or "")]
        case "birth_date":
            most = max([len(a[2][name] or "") for a in asked])
            fuller = [a for a in asked if len(a[2][name] or "") == most]
        case "citizen_number" if put:
            fuller = [a for a in asked if a[2][name] and a[0]["record_key"] not in put]
        case _:
            return asked
    return fuller or asked


def _take(part: tuple[str, ...], asked: Asked, values: dict[str, str | None], taken: _Taken) -> None:
    """The part's values from the first claim that has any of them."""
    for claim, authority, given in asked:
        names = [name for name in part if given[name] is not None]
        if names:
            for name in names:
                values[name] = given[name]
            taken.setdefault((claim["record_key"], authority), (claim, []))[1].extend(names)
            return


def _given(claim: Claimed) -> dict[str, str | None]:
    return {**claim["person"], "phone": claim["phone"], "email": claim["email"]}


def _take_highest_degree(facts: list[tuple[Claimed, Held]], values: dict[str, str | None], taken: _Taken) -> None:
    registered = [(c, f) for c, f in facts if f.kind == "DEGREE" and is_valid(f) and level(f)]
    declared = [(c, f) for c, f in facts if f.kind == "CONTRACT" and in_force(f) and level(f)]
    for found, authority in ((registered, REGISTERED), (declared, DECLARED)):
        if found:
            claim, fact = max(found, key=lambda r: (level(r[1]), r[1].valid_from or "", r[1].record))
            values["highest_degree"] = fact.attributes["level"]
            taken[claim["record_key"], authority.id] = claim, ["highest_degree"]
            return
