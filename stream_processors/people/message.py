"""The bytes of golden persons and findings. A golden person is a head (key, version) and a rest, of which a digest is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

from schemas.avro_schema import field_names
from schemas.codec import codec, long_bytes, size_bytes, text_bytes
from schemas.rules.survivorship import ONLY
from stream_processors.people.claim import Claim
from stream_processors.people.golden import institution_of
from stream_processors.people.verdict import Judged

_PERSON = codec("vn.hemis.Person")
_ONLY = text_bytes(ONLY.id) + b"\x00"
"""The rule of an only claim, no fields named."""
_NOT_MORE = b"\x00\x00\x00"
"""No disputes, no highest degree, no alias."""


class Rest(NamedTuple):
    """All that follows a golden person's head. `digest` leaves out the event that each value came from: of several events
    with one value any is its origin."""

    digest: str
    raw: bytes


def plain(claim: Claim) -> Rest:
    """A golden person of one claim with nothing to judge: its bytes are kept as they are."""
    values, record = claim.person_bytes(), text_bytes(claim.record_key)
    head = text_bytes(claim.record_key.partition("/")[0]) + record
    more = b"".join((b"\x02", record, b"\x00\x00", claim.contact_bytes(), _NOT_MORE))
    raw = b"".join((values, b"\x02", head, long_bytes(claim.version[1]), _ONLY, b"\x00", more))
    return Rest(_digest(b"".join((values, head, _ONLY, more))), raw)


def judged(one: Judged, *, conflict: bool) -> Rest:
    golden = one.golden
    values = _PERSON.encode(golden.values)
    records = [text_bytes(str(claim["record_key"])) for claim in golden.claims]
    places = [long_bytes(origin.claim["place"]) for origin in golden.origins]
    heads, tails = [], []
    for origin in golden.origins:
        heads.append(text_bytes(institution_of(origin.claim)) + text_bytes(str(origin.claim["record_key"])))
        tails.append(text_bytes(origin.rule) + _texts(origin.names))
    more = b"".join(
        (
            size_bytes(len(records)),
            *records,
            b"\x00",
            b"\x01" if conflict else b"\x00",
            _optional(golden.values["phone"]),
            _optional(golden.values["email"]),
            _texts(one.disputes),
            _optional(golden.values["highest_degree"]),
            b"\x00",
        )
    )
    origins = (part for three in zip(heads, places, tails, strict=True) for part in three)
    raw = b"".join((values, size_bytes(len(heads)), *origins, b"\x00", more))
    return Rest(_digest(b"".join((values, *heads, *tails, more))), raw)


def gone(alias_of: str) -> bytes:
    """The rest of a golden person that is no more."""
    return _nobody() + b"\x00\x00\x00\x00\x00\x00\x00" + _optional(alias_of or None)


@cache
def _nobody() -> bytes:
    return _PERSON.encode(dict.fromkeys(field_names("person")))


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=12).hexdigest()


def _texts(values: Sequence[str]) -> bytes:
    if not values:
        return b"\x00"
    return b"".join((size_bytes(len(values)), *map(text_bytes, values), b"\x00"))


def _optional(value: str | None) -> bytes:
    return b"\x00" if value is None else b"\x02" + text_bytes(value)
