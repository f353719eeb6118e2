"""One partition's part of a unit of work in PEOPLE: keep what is newer, then settle every touched person once.

State: every claim under `<partition>/<person>\\x1f<record>`, what was last emitted under `<partition>!golden/<person>` (which stands
as soon as any claim of the person does), and the account. Claims are stored one per person and record, not as one blob: a number that
many records carry stays cheap to change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, NamedTuple

from schemas.avro_schema import NAMESPACE, field_names, full
from schemas.codec import (
    HEADER_SIZE,
    codec,
    codec_of,
    long_bytes,
    long_rest,
    read_long,
    read_text,
    size_bytes,
    text_bytes,
)
from schemas.errors import DecodeError
from schemas.keys import finding_id
from schemas.rules import RULES
from schemas.topics import FINDINGS, GOLDEN, partition_of
from stream_processors.contract import Contract
from stream_processors.outbox import Message, Outputs
from stream_processors.people.golden import NEVER_SPREAD, RULE, Golden, golden_persons
from stream_processors.scratch import Scratch
from stream_processors.store import Store

_PERSON = codec("vn.hemis.Person")
_FACTS = codec_of(
    {
        "type": "record",
        "name": "Facts",
        "namespace": NAMESPACE,
        "fields": [{"name": "facts", "type": {"type": "array", "items": full(f"{NAMESPACE}.Fact")}}],
    }
)
_NAMES = field_names("person")
_BEFORE_PRIVATE = _NAMES.index(next(iter(NEVER_SPREAD)))
CONFLICT = "R02"
CONFLICT_FIELDS = ("citizen_number", "full_name", "birth_date")
_NO_MORE = b"\x00\x00\x00"
"""No telephone, no e-mail, no disputes."""
_NOTHING: dict[str, Any] = {"golden": {}, "findings": []}
CROWD = 100
"""More live claims than this are no one person: an institution has put one number into many records. To compare them all, at each
change of one, would stop the partition and with it every institution (P5); so each claim is then a golden person of its own."""


@dataclass
class Account:
    """What holds for a partition of claims as a whole."""

    place: int = 0
    topic_id: str = ""
    generation: int = 0
    persons: int = 0


class Partition:
    """What a worker holds in memory of one partition of claims."""

    def __init__(self, number: str, store: Store) -> None:
        self.number = number
        self.claims = f"{number}/".encode()
        self.names = f"{number}!".encode()
        raw = store.get(self.names + b"account")
        self.account = Account(**json.loads(raw)) if raw else Account()


class Claim(NamedTuple):
    """A claim without its person decoded: `body` is where the person's bytes begin, None in a retraction."""

    person_key: str
    record_key: str
    version: tuple[int, int, int]
    changed_at: int
    raw: bytes
    body: int | None

    def person(self) -> dict[str, Any]:
        assert self.body is not None
        return _PERSON.decode(self.raw, self.body)[0]

    def as_mapping(self) -> dict[str, Any]:
        return {
            "record_key": self.record_key,
            "place": self.version[1],
            "changed_at": self.changed_at,
            "person": self.person(),
        }


def read_claim(raw: bytes) -> Claim:
    """A claim message.

    Raises:
        DecodeError.
    """
    try:
        p = HEADER_SIZE
        person, p = read_text(raw, p)
        record, p = read_text(raw, p)
        generation, p = read_long(raw, p)
        place, p = read_long(raw, p)
        orders, p = read_long(raw, p)
        _, p = read_long(raw, p)
        _, p = read_long(raw, p)
        changed_at, p = read_long(raw, p)
        _, p = read_long(raw, p)
        p = _behind_facts(raw, _behind(raw, _behind(raw, p)))
        return Claim(person, record, (generation, place, orders), changed_at, raw, p + 1 if raw[p] == 2 else None)
    except IndexError as error:
        raise DecodeError("claim: truncated") from error


class Unit(Scratch):
    """The scratch of one partition."""

    def __init__(self, partition: Partition, store: Store, contract: Contract, partitions: int) -> None:
        self.partition = partition
        self.account = replace(partition.account)
        self.outputs: Outputs = {}
        self.changes: dict[bytes, bytes | None] = {}
        self._touched: dict[str, dict[bytes, Claim]] = {}
        self._lived: set[bytes] = set()
        self._newest: dict[str, tuple[int, int]] = {}
        self.changed_at: list[int] = []
        self._store = store
        self._contract = contract
        self._partitions = partitions

    def take(self, raw: bytes, offset: int) -> None:
        """Keep a claim if it is newer than what is known of the person and record; the person is touched."""
        raw = self._contract.current("Claim", raw)
        claim = read_claim(raw)
        key = self._key(claim.person_key, claim.record_key)
        touched = self._touched.setdefault(claim.person_key, {})
        if key in touched:
            before: Claim | None = touched[key]
        else:
            stored = self._store.get(key)
            before = read_claim(stored) if stored else None
        if before is not None and before.version >= claim.version:
            return
        if key not in touched and before is not None and before.body is not None:
            self._lived.add(key)
        touched[key] = claim
        self.changes[key] = raw
        self._newest[claim.person_key] = (offset, claim.changed_at)
        self.changed_at.append(claim.changed_at)

    def settle(self) -> None:
        """Work out every touched person once, and emit what changed."""
        for person, (place, changed_at) in self._newest.items():
            self._settle(person, place, changed_at)

    def _settle(self, person: str, place: int, changed_at: int) -> None:
        name = self.partition.names + b"golden/" + person.encode()
        kept = self._store.get(name)
        before = json.loads(kept) if kept else _NOTHING
        touched = self._touched[person]
        if crowd := before.get("crowd", 0):
            crowd += sum((c.body is not None) - (key in self._lived) for key, c in touched.items())
            if crowd > CROWD:
                self._crowd(person, touched, place, changed_at)
                self.changes[name] = _crowd_note(crowd)
                return
            before = self._as_before(person)
        claims = self._claims(person, known=kept is not None)
        after: dict[str, Any] = {"golden": {}, "findings": []}
        if len(claims) > CROWD:
            after["findings"] = sorted(claim.record_key for claim in claims)
            after["golden"] = {_alone(person, record): "" for record in after["findings"]}
            everyone = {self._key(person, claim.record_key): claim for claim in claims}
            self._crowd(person, everyone, place, changed_at, said=False)
        elif len(claims) == 1:
            self._single(person, claims[0], place, changed_at, before, after)
        elif claims:
            self._several(person, claims, place, changed_at, before, after)
        for gone in sorted(before["golden"].keys() - after["golden"].keys()):
            nobody = _PERSON.encode(dict.fromkeys(_NAMES))
            self._golden(gone, self._value(gone, place, changed_at, nobody + b"\x00\x00\x00" + _NO_MORE, live=False))
        if before["findings"] != after["findings"]:
            for record in sorted(set(before["findings"]) ^ set(after["findings"])):
                self._finding(person, record, "OPEN" if record in after["findings"] else "RESOLVED", place, changed_at)
        if kept is None or after != before:
            self.account.persons += bool(after["golden"]) - bool(before["golden"])
            note = json.dumps(after, separators=(",", ":")).encode()
            self.changes[name] = _crowd_note(len(claims)) if len(claims) > CROWD else note

    def _key(self, person: str, record: str) -> bytes:
        return self.partition.claims + f"{person}\x1f{record}".encode()

    def _crowd(
        self, person: str, claims: Mapping[bytes, Claim], place: int, changed_at: int, *, said: bool = True
    ) -> None:
        """Golden persons of these claims of a crowd, each alone; `said`: and their findings."""
        for key, claim in claims.items():
            golden = _alone(person, claim.record_key)
            lived = key in self._lived
            if claim.body is not None:
                (found,) = golden_persons(golden, [claim.as_mapping()])
                rest = (
                    _origin_bytes(_origins(found))
                    + size_bytes(1)
                    + text_bytes(claim.record_key)
                    + b"\x00\x01"
                    + _NO_MORE
                )
                value = self._value(golden, place, changed_at, _PERSON.encode(found.person) + rest, live=True)
                self._golden(golden, value)
            elif lived:
                nobody = _PERSON.encode(dict.fromkeys(_NAMES))
                self._golden(
                    golden, self._value(golden, place, changed_at, nobody + b"\x00\x00\x00" + _NO_MORE, live=False)
                )
            if said and lived != (claim.body is not None):
                self._finding(person, claim.record_key, "RESOLVED" if lived else "OPEN", place, changed_at)

    def _as_before(self, person: str) -> dict[str, Any]:
        """What was emitted of a crowd that is none any more: it is small now."""
        prefix = self._key(person, "")
        stored = (read_claim(self._contract.current("Claim", raw)) for _, raw in self._store.scan(prefix))
        records = sorted(claim.record_key for claim in stored if claim.body is not None)
        return {"golden": {_alone(person, record): "" for record in records}, "findings": records}

    def _claims(self, person: str, *, known: bool) -> list[Claim]:
        """The person's live claims, this unit's included."""
        touched = self._touched[person]
        claims = [c for c in touched.values() if c.body is not None]
        if known:
            prefix = self._key(person, "")
            claims += [
                c
                for key, raw in self._store.scan(prefix)
                if key not in touched and (c := read_claim(self._contract.current("Claim", raw))).body is not None
            ]
        return claims

    def _single(
        self, person: str, claim: Claim, place: int, changed_at: int, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        """One claim: its values are the golden values, without what is never spread. Bytes are kept as they are."""
        assert claim.body is not None
        values = _without_private(claim.raw, claim.body)
        record = text_bytes(claim.record_key)
        content = blake2b(values + record, digest_size=12).hexdigest()
        after["golden"][person] = content
        if before["golden"].get(person) != content:
            origin = (
                text_bytes(claim.record_key.partition("/")[0])
                + record
                + long_bytes(claim.version[1])
                + text_bytes(RULE)
                + b"\x00"
            )
            self._golden(
                person,
                self._value(
                    person,
                    place,
                    changed_at,
                    values + b"\x02" + origin + b"\x00" + b"\x02" + record + b"\x00" + b"\x00" + _NO_MORE,
                    live=True,
                ),
            )

    def _several(
        self,
        person: str,
        claims: list[Claim],
        place: int,
        changed_at: int,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> None:
        goldens = golden_persons(person, [claim.as_mapping() for claim in claims])
        conflict = len(goldens) > 1
        if conflict:
            after["findings"] = sorted(claim.record_key for claim in claims)
        for golden in goldens:
            values = _PERSON.encode(golden.person)
            records = b"".join(text_bytes(str(claim["record_key"])) for claim in golden.claims)
            origins = _origins(golden)
            seen = b"".join(text_bytes(str(c["record_key"])) + ",".join(names).encode() for c, names in origins)
            content = blake2b(values + records + seen + bytes((conflict,)), digest_size=12).hexdigest()
            after["golden"][golden.person_key] = content
            if before["golden"].get(golden.person_key) != content:
                rest = (
                    _origin_bytes(origins)
                    + size_bytes(len(golden.claims))
                    + records
                    + b"\x00"
                    + bytes((conflict,))
                    + _NO_MORE
                )
                self._golden(
                    golden.person_key, self._value(golden.person_key, place, changed_at, values + rest, live=True)
                )

    def _value(self, key: str, place: int, changed_at: int, rest: bytes, *, live: bool) -> bytes:
        """A GoldenPerson message; `rest` holds person, origins, claims and the conflict flag."""
        return b"".join(
            (
                self._contract.header("GoldenPerson"),
                text_bytes(key),
                long_bytes(self.account.generation),
                long_bytes(place),
                b"\x01" if live else b"\x00",
                long_bytes(changed_at),
                rest,
            )
        )

    def _golden(self, person_key: str, value: bytes) -> None:
        key = person_key.encode()
        self._emit(GOLDEN.name, partition_of(key, self._partitions), key, value)

    def _finding(self, person: str, record: str, status: str, place: int, at: int) -> None:
        institution = record.partition("/")[0]
        name = finding_id(CONFLICT, institution, record, CONFLICT_FIELDS, person=person)
        self._emit(
            FINDINGS.name_for(institution),
            0,
            name.encode(),
            self._contract.encode(
                "Finding",
                {
                    "finding_id": name,
                    "institution": institution,
                    "rule": CONFLICT,
                    "severity": RULES[CONFLICT].severity,
                    "record_key": record,
                    "fields": list(CONFLICT_FIELDS),
                    "other_record": "",
                    "status": status,
                    "generation": self.account.generation,
                    "place": place,
                    "orders_place": 0,
                    "at": at,
                    "details": {},
                    "waived_until": None,
                    "waiver": None,
                },
            ),
        )

    def _emit(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        self.outputs.setdefault((topic, partition), []).append((key, value))

    def state(self) -> list[Message]:
        return [*self.changes.items(), (self.partition.names + b"account", json.dumps(vars(self.account)).encode())]

    def store_changes(self) -> Mapping[bytes, bytes | None]:
        return dict(self.state())


def _alone(person: str, record: str) -> str:
    """The golden person of one claim out of a crowd."""
    return f"{person}.{blake2b(record.encode(), digest_size=6).hexdigest()}"


def _crowd_note(claims: int) -> bytes:
    """What stands for a crowd's golden persons: their number, since a list would be read and written at each change of one."""
    return json.dumps({"golden": {}, "findings": [], "crowd": claims}, separators=(",", ":")).encode()


def _without_private(raw: bytes, p: int) -> bytes:
    """A person's bytes with the field that is never spread set to null."""
    start = p
    for _ in range(_BEFORE_PRIVATE):
        p = _behind(raw, p)
    return raw[start:p] + b"\x00" + raw[_behind(raw, p) :]


def _behind_facts(raw: bytes, p: int) -> int:
    """The position behind a claim's facts."""
    return p + 1 if raw[p] == 0 else _FACTS.decode(raw, p)[1]


def _behind(raw: bytes, p: int) -> int:
    """The position behind an optional string."""
    if raw[p] == 0:
        return p + 1
    n = raw[p + 1]
    p += 2
    if n > 127:
        n, p = long_rest(raw, p, n)
    return p + (n >> 1)


def _origins(golden: Golden) -> list[tuple[Mapping[str, Any], list[str]]]:
    """Values by the claim that they came from, in order of record key."""
    by_record: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for name, claim in golden.origins.items():
        by_record.setdefault(claim["record_key"], (claim, []))[1].append(name)
    return [by_record[record] for record in sorted(by_record)]


def _origin_bytes(origins: list[tuple[Mapping[str, Any], list[str]]]) -> bytes:
    if not origins:
        return b"\x00"
    parts = [size_bytes(len(origins))]
    for claim, names in origins:
        record = str(claim["record_key"])
        parts += [
            text_bytes(record.partition("/")[0]),
            text_bytes(record),
            long_bytes(claim["place"]),
            text_bytes(RULE),
            size_bytes(len(names)),
            *map(text_bytes, names),
            b"\x00",
        ]
    return b"".join(parts) + b"\x00"
