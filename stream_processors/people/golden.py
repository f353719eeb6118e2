"""Golden persons of one person key, out of its claims. Pure, and independent of the order of arrival.

R01: same citizen number, agreeing name and birth date → one person. R02: same number, contradicting → a conflict, no merge: one
golden person per agreeing group, whose id comes from the content, not from who came first. A person without a plausible number has a
key of their own record, and so one claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.avro_schema import field_names
from schemas.names import canonical_key, plain_key

NEVER_SPREAD = frozenset({"ethnicity"})
RULE = "newest"
"""Survivorship of the backbone: the newest institution record that has the value; the full table comes with the national model."""


class Golden(NamedTuple):
    """One golden person; `origins` names the claim that each value came from."""

    person_key: str
    person: dict[str, Any]
    origins: dict[str, Mapping[str, Any]]
    claims: tuple[Mapping[str, Any], ...]


def golden_persons(person_key: str, claims: Iterable[Mapping[str, Any]]) -> list[Golden]:
    """The golden persons of a key's live claims; more than one means a conflict (R02)."""
    groups: list[list[Mapping[str, Any]]] = []
    for claim in sorted(claims, key=_most_telling_first):
        for group in groups:
            if agree(group[0]["person"], claim["person"]):
                group.append(claim)
                break
        else:
            groups.append([claim])
    if len(groups) == 1:
        return [_merge(person_key, groups[0])]
    return [_merge(f"{person_key}.{_content_id(group[0]['person'])}", group) for group in groups]


def agree(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Do two records with one number speak of one person? Equal canonical names, or one that lost its accents; and birth dates of
    which one continues the other. A missing name or date contradicts nothing."""
    return _names_agree(a["full_name"], b["full_name"]) and _dates_agree(a["birth_date"], b["birth_date"])


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


def _most_telling_first(claim: Mapping[str, Any]) -> tuple[Any, ...]:
    person = claim["person"]
    name, born = person["full_name"] or "", person["birth_date"] or ""
    return -len(born), canonical_key(name) == plain_key(name), born, canonical_key(name), claim["record_key"]


def _content_id(person: Mapping[str, Any]) -> str:
    return sha256(f"{canonical_key(person['full_name'] or '')}\x1f{person['birth_date'] or ''}".encode()).hexdigest()[
        :12
    ]


def _merge(person_key: str, group: list[Mapping[str, Any]]) -> Golden:
    newest_first = sorted(group, key=lambda c: (-c["changed_at"], c["record_key"]))
    person: dict[str, Any] = {}
    origins: dict[str, Mapping[str, Any]] = {}
    for name in field_names("person"):
        claim = None
        if name not in NEVER_SPREAD:
            claim = next((c for c in newest_first if c["person"][name] is not None), None)
        person[name] = claim["person"][name] if claim else None
        if claim:
            origins[name] = claim
    return Golden(person_key, person, origins, tuple(sorted(group, key=lambda c: str(c["record_key"]))))
