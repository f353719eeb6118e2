"""What PEOPLE remembers of what it last said about a person key, so that only a change is said again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.keys import finding_id
from schemas.rules.people import Addressed

NOBODY = b"0"
_ONE = b"1"
_DUMP = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Note(NamedTuple):
    """`live`: how many claims were live. `golden`: digests of what was said, by golden key. `findings`: what stands open, by id.
    `crowd`: the claims are too many for one person; what was said of each follows from it."""

    live: int
    golden: Mapping[str, str]
    findings: Mapping[str, Addressed]
    crowd: bool = False

    def dump(self, person: str) -> bytes:
        if not self.crowd and not self.findings:
            if not self.golden:
                return NOBODY
            if self.live == 1 and person in self.golden:
                return one(self.golden[person])
        if self.crowd:
            return _DUMP({"live": self.live, "crowd": True}).encode()
        note = {"live": self.live, "golden": self.golden, "findings": list(self.findings.values())}
        return _DUMP(note).encode()


NOTHING = Note(0, {}, {})


def one(digest: str) -> bytes:
    """The note of a person with one claim and no findings, who are nearly all."""
    return _ONE + digest.encode()


def is_one(raw: bytes) -> bool:
    return raw.startswith(_ONE)


def load(person: str, raw: bytes | None) -> Note:
    if raw is None or raw == NOBODY:
        return NOTHING
    if is_one(raw):
        return Note(1, {person: raw[1:].decode()}, {})
    kept = json.loads(raw)
    if kept.get("crowd"):
        return Note(kept["live"], {}, {}, crowd=True)
    return Note(kept["live"], kept["golden"], by_id(person, [_case(*entry) for entry in kept["findings"]]))


def by_id(person: str, cases: Iterable[Addressed]) -> dict[str, Addressed]:
    return {finding_id(c.rule, c.institution, c.record, c.fields, c.other, person): c for c in cases}


def _case(
    rule: str, institution: str, record: str, fields: list[str], other: str, disputed: bool, details: list[list[str]]
) -> Addressed:
    return Addressed(rule, institution, record, tuple(fields), other, disputed, tuple((k, v) for k, v in details))
