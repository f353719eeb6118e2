"""A claim as it lies in the topic and in the state, read as far as it must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.avro_schema import NAMESPACE, field_names, full
from schemas.codec import HEADER_SIZE, behind_long, behind_optional_text, codec, codec_of, read_long, read_text
from schemas.errors import DecodeError

_CLAIM = codec(f"{NAMESPACE}.Claim")
_FACTS = codec_of(
    {
        "type": "record",
        "name": "Facts",
        "namespace": NAMESPACE,
        "fields": [{"name": "facts", "type": {"type": "array", "items": full(f"{NAMESPACE}.Fact")}}],
    }
)
NEVER_SPREAD = "ethnicity"
_BEFORE_PRIVATE = field_names("person").index(NEVER_SPREAD)
_WEIGHTY = (b"/staff_contract/", b"/degree/", b"/study_decision/", b"/teaching_assignment/")
"""Parts of the record keys of facts that matter even in a person's only claim. A study alone does not."""


class Claim(NamedTuple):
    """A claim without its person decoded. `contact`, `facts` and `body` are where telephone and e-mail, facts and the person's
    bytes begin; `body` is None in a retraction."""

    person_key: str
    record_key: str
    version: tuple[int, int, int]
    changed_at: int
    raw: bytes
    contact: int
    facts: int
    body: int | None
    moved_to: str

    def person_bytes(self) -> bytes:
        """The person as it came, with the field that is never spread set to null."""
        raw, p = self.raw, self.body
        assert p is not None
        start = p
        for _ in range(_BEFORE_PRIVATE):
            p = behind_optional_text(raw, p)
        return raw[start:p] + b"\x00" + raw[behind_optional_text(raw, p) :]

    def contact_bytes(self) -> bytes:
        return self.raw[self.contact : self.facts]

    def is_plain(self) -> bool:
        """Has no rule over one claim, and no golden value beyond the claim's own, anything to look at in it?"""
        raw, p = self.raw, self.facts
        if raw[p] == 0:
            return True
        return not any(raw.find(part, p, self.body) >= 0 for part in _WEIGHTY)

    def value(self) -> Mapping[str, Any]:
        """All of it, decoded."""
        return _CLAIM.decode(self.raw, HEADER_SIZE)[0]

    def bare(self) -> Mapping[str, Any]:
        """All of it but the facts, decoded."""
        raw = self.raw[: self.facts] + b"\x00" + self.raw[_behind_facts(self.raw, self.facts) :]
        return _CLAIM.decode(raw, HEADER_SIZE)[0]


def read_claim(raw: bytes) -> Claim:
    """A claim message.

    Raises:
        DecodeError.
    """
    try:
        person, p = read_text(raw, HEADER_SIZE)
        record, p = read_text(raw, p)
        version, p = _version(raw, p)
        changed_at, p = read_long(raw, p)
        contact = behind_long(raw, p)  # captured_at
        facts = behind_optional_text(raw, behind_optional_text(raw, contact))
        p = _behind_facts(raw, facts)
        moved_to, end = read_text(raw, p + 1) if raw[p] else ("", p + 1)
        body = end + 1 if raw[end] else None
        return Claim(person, record, version, changed_at, raw, contact, facts, body, moved_to)
    except IndexError as error:
        raise DecodeError("claim: truncated") from error


def glance(raw: bytes) -> tuple[tuple[int, int, int], bool]:
    """A stored claim's version, and whether it is live."""
    n, p = read_long(raw, HEADER_SIZE)
    n, p = read_long(raw, p + n)
    version, p = _version(raw, p + n)
    p = behind_optional_text(raw, behind_optional_text(raw, behind_long(raw, behind_long(raw, p))))
    return version, raw[behind_optional_text(raw, _behind_facts(raw, p))] != 0


def _version(raw: bytes, p: int) -> tuple[tuple[int, int, int], int]:
    """Generation, place in changes, place in orders; the position behind the record's own version."""
    generation, p = read_long(raw, p)
    place, p = read_long(raw, p)
    orders, p = read_long(raw, p)
    return (generation, place, orders), behind_long(raw, behind_long(raw, p))


def _behind_facts(raw: bytes, p: int) -> int:
    """The position behind the facts. Where their size is written before them, they are passed over."""
    if raw[p] == 0:
        return p + 1
    count, behind = read_long(raw, p)
    if count < 0:
        size, behind = read_long(raw, behind)
        if raw[behind + size] == 0:
            return behind + size + 1
    return _FACTS.decode(raw, p, to_end=False)[1]
