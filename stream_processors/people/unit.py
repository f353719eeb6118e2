"""One partition's part of a unit of work in PEOPLE: keep what is newer, then settle every touched person once.

State: every claim under `<partition>/<person>\\x1f<record>`, what was last said under `<partition>!golden/<person>` (which stands
as soon as any claim of the person does), and the account. Claims are stored one per person and record, not as one blob: a number that
many records carry stays cheap to change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

from schemas.codec import long_bytes, text_bytes
from schemas.keys import PersonKeys
from schemas.rules import RULES, is_plausible_citizen_number
from schemas.rules.people import Addressed, OnBus
from schemas.topics import FINDINGS, GOLDEN, partition_of
from stream_processors.contract import Contract
from stream_processors.outbox import Message, Outputs
from stream_processors.people import message, note
from stream_processors.people.claim import Claim, glance, read_claim
from stream_processors.people.golden import Claimed
from stream_processors.people.note import Note
from stream_processors.people.verdict import CONFLICT, Judged, contradictions, judge
from stream_processors.store import Store

CROWD = 100
"""More live claims than this are no one person: an institution has put one number into many records. To compare them all, at each
change of one, would stop the partition and with it every institution (P5); so each claim is then a golden person of its own."""
HEAVY = 200_000
"""Bytes of a person's claims, above which what hangs from them is no one life either, and is not looked at (P5)."""


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


class Unit:
    """The scratch of one partition."""

    def __init__(
        self,
        partition: Partition,
        store: Store,
        contract: Contract,
        keys: PersonKeys,
        partitions: int,
        on_bus: OnBus,
    ) -> None:
        self.partition = partition
        self.account = replace(partition.account)
        self.outputs: Outputs = {}
        self.changes: dict[bytes, bytes | None] = {}
        self.changed_at: list[int] = []
        self._touched: dict[str, dict[bytes, Claim]] = {}
        self._lived: set[bytes] = set()
        self._newest: dict[str, tuple[int, int]] = {}
        self._at = (0, 0)
        self._store = store
        self._contract = contract
        self._claim, self._person = contract.header("Claim"), contract.header("GoldenPerson")
        self._keys = keys
        self._partitions = partitions
        self._on_bus = on_bus

    def take(self, raw: bytes, offset: int) -> None:
        """Keep a claim if it is newer than what is known of the person and record; the person is touched."""
        raw = self._current(raw)
        claim = read_claim(raw)
        person = claim.person_key
        key = self._key(person, claim.record_key)
        touched = self._touched.get(person)
        if touched and key in touched:
            if touched[key].version >= claim.version:
                return
        elif stored := self._get(key):
            version, live = glance(self._current(stored))
            if version >= claim.version:
                return
            if live:
                self._lived.add(key)
        if touched is None:
            touched = self._touched[person] = {}
        touched[key] = claim
        self._newest[person] = (offset, claim.changed_at)
        self.changed_at.append(claim.changed_at)

    def _current(self, raw: bytes) -> bytes:
        """A claim in this program's version of the contract; nearly all are."""
        return raw if raw.startswith(self._claim) else self._contract.current("Claim", raw)

    def settle(self) -> None:
        """Work out every person touched since the last call once, and say what changed."""
        for person, at in self._newest.items():
            self._at = at
            self._settle(person)
            self.changes.update((key, claim.raw) for key, claim in self._touched[person].items())
        self._touched, self._newest = {}, {}
        self._lived.clear()

    def _get(self, key: bytes) -> bytes | None:
        return self.changes[key] if key in self.changes else self._store.get(key)

    def _settle(self, person: str) -> None:
        touched = self._touched[person]
        name = self.partition.names + b"golden/" + person.encode()
        kept = self._get(name)
        only = self._only(touched, kept)
        if only:
            self._plain(person, only, name, kept)
            return
        before = note.load(person, kept)
        after = self._weigh(person, touched, before)
        if kept is None or after != before:
            self.account.persons += bool(after.live) - bool(before.live)
            self.changes[name] = after.dump(person)

    def _only(self, touched: Mapping[bytes, Claim], kept: bytes | None) -> Claim | None:
        """The person's only claim, now and before, if there is nothing in it to judge: so it is with nearly everybody."""
        if len(touched) != 1:
            return None
        ((key, claim),) = touched.items()
        if claim.body is None or not claim.is_plain():
            return None
        nobody_else = kept is None or kept == note.NOBODY or (note.is_one(kept) and key in self._lived)
        return claim if nobody_else else None

    def _plain(self, person: str, claim: Claim, name: bytes, kept: bytes | None) -> None:
        rest = message.plain(claim)
        said = note.one(rest.digest)
        if said != kept:
            self.account.persons += kept is None or kept == note.NOBODY
            self.changes[name] = said
            self._golden(person, rest.raw)

    def _weigh(self, person: str, touched: Mapping[bytes, Claim], before: Note) -> Note:
        """Everything else: the note of what holds now, after what differs has been said."""
        if before.crowd:
            live = before.live + sum((c.body is not None) - (key in self._lived) for key, c in touched.items())
            if live > CROWD:
                self._crowd(person, touched, before)
                return Note(live, {}, {}, crowd=True)
            before = self._crowd_before(person)
        claims = self._live(person, touched, before.live)
        if len(claims) > CROWD:
            after = _crowd_note(person, sorted(c.record_key for c in claims))
            self._say_findings(before.findings, after.findings)
            for claim in claims:
                self._alone(person, claim)
            self._say_gone(person, before, after)
            return Note(len(claims), {}, {}, crowd=True)
        after = self._judge(person, claims, before)
        self._say_gone(person, before, after)
        self._say_findings(before.findings, after.findings)
        return after

    def _judge(self, person: str, claims: list[Claim], before: Note) -> Note:
        golden: dict[str, str] = {}
        findings: tuple[Addressed, ...] = ()
        rests: list[tuple[str, message.Rest]] = []
        if len(claims) == 1 and claims[0].is_plain():
            rests = [(person, message.plain(claims[0]))]
        elif claims:
            heavy = sum(len(c.raw) for c in claims) > HEAVY
            values = [c.bare() if heavy else c.value() for c in claims]
            verdict = judge(person, values, self._is_own(person), self._on_bus)
            findings = verdict.findings
            rests = [(p.golden.person_key, message.judged(p, conflict=verdict.conflict)) for p in verdict.persons]
        for key, rest in rests:
            golden[key] = rest.digest
            if before.golden.get(key) != rest.digest:
                self._golden(key, rest.raw)
        return Note(len(claims), golden, note.by_id(person, findings))

    def _is_own(self, person: str) -> Callable[[Claimed], bool]:
        def is_own(claim: Claimed) -> bool:
            number = claim["person"]["citizen_number"]
            if is_plausible_citizen_number(number):
                return self._keys.of_number(number) == person
            return self._keys.of_record(claim["record_key"]) == person

        return is_own

    # claims

    def _key(self, person: str, record: str) -> bytes:
        return self.partition.claims + f"{person}\x1f{record}".encode()

    def _live(self, person: str, touched: Mapping[bytes, Claim], lived: int) -> list[Claim]:
        """The person's live claims, this unit's included; of `lived` before. The state is searched only for those that this
        unit has not in its hands."""
        claims = [c for c in touched.values() if c.body is not None]
        if lived > sum(key in self._lived for key in touched):
            claims += [claim for _, claim in self._stored(person, besides=touched) if claim.body is not None]
        return claims

    def _stored(self, person: str, besides: Container[bytes] = ()) -> Iterator[tuple[bytes, Claim]]:
        prefix = self._key(person, "")
        stored = dict(self._store.scan(prefix)) | {k: v for k, v in self.changes.items() if k.startswith(prefix)}
        for key, raw in stored.items():
            if key not in besides and raw is not None:
                yield key, read_claim(self._current(raw))

    def _moved_to(self, person: str) -> str:
        """The person key that all of the person's records moved to, if it is one."""
        claims = dict(self._stored(person)) | self._touched[person]
        targets = {claim.moved_to for claim in claims.values()} - {""}
        return targets.pop() if len(targets) == 1 else ""

    # crowds

    def _crowd(self, person: str, touched: Mapping[bytes, Claim], before: Note) -> None:
        """Of a crowd that stays one, only what was touched."""
        for key, claim in touched.items():
            lived, lives = key in self._lived, claim.body is not None
            if lives:
                self._alone(person, claim)
            elif lived:
                self._golden(_alone_key(person, claim.record_key), message.gone(""), live=False)
            if lived != lives:
                found = note.by_id(person, _crowd_findings([claim.record_key]))
                self._say_findings(found if lived else {}, found if lives else {})

    def _alone(self, person: str, claim: Claim) -> None:
        """The golden person of one claim of a crowd."""
        (one,) = judge(_alone_key(person, claim.record_key), [claim.bare()], lambda _: True, self._on_bus).persons
        self._golden(one.golden.person_key, message.judged(Judged(one.golden, (CONFLICT,)), conflict=True).raw)

    def _crowd_before(self, person: str) -> Note:
        """What was said of a crowd that is none any more: it is small now."""
        return _crowd_note(person, sorted(c.record_key for _, c in self._stored(person) if c.body is not None))

    # outputs

    def _say_gone(self, person: str, before: Note, after: Note) -> None:
        gone = sorted(before.golden.keys() - after.golden.keys())
        if not gone:
            return
        alias = "" if after.golden else self._moved_to(person)
        if len(after.golden) == 1:
            (alias,) = after.golden
        for key in gone:
            self._golden(key, message.gone(alias), live=False)

    def _say_findings(self, before: Mapping[str, Addressed], after: Mapping[str, Addressed]) -> None:
        """What opened, what is put otherwise, and what closed; what stays as it was is not said again."""
        for name, case in after.items():
            if before.get(name) != case:
                self._finding(name, case, "DISPUTED" if case.disputed else "OPEN")
        for name, case in before.items():
            if name not in after:
                self._finding(name, case, "RESOLVED")

    def _golden(self, person_key: str, rest: bytes, *, live: bool = True) -> None:
        place, changed_at = self._at
        key = person_key.encode()
        value = b"".join(
            (
                self._person,
                text_bytes(person_key),
                long_bytes(self.account.generation),
                long_bytes(place),
                b"\x01" if live else b"\x00",
                long_bytes(changed_at),
                rest,
            )
        )
        self._emit(GOLDEN.name, partition_of(key, self._partitions), key, value)

    def _finding(self, name: str, case: Addressed, status: str) -> None:
        if not self._on_bus(
            case.institution
        ):  # it has left, and its topics with it: a write would be tried for ever (P5)
            return
        place, at = self._at
        self._emit(
            FINDINGS.name_for(case.institution),
            0,
            name.encode(),
            self._contract.encode(
                "Finding",
                {
                    "finding_id": name,
                    "institution": case.institution,
                    "rule": case.rule,
                    "severity": RULES[case.rule].severity,
                    "record_key": case.record,
                    "fields": list(case.fields),
                    "other_record": case.other,
                    "status": status,
                    "generation": self.account.generation,
                    "place": place,
                    "orders_place": 0,
                    "at": at,
                    "details": dict(case.details),
                    "waived_until": None,
                    "waiver": None,
                },
            ),
        )

    def _emit(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        out = self.outputs.get((topic, partition))
        if out is None:
            out = self.outputs[topic, partition] = []
        out.append((key, value))

    def state(self) -> list[Message]:
        return [*self.changes.items(), (self.partition.names + b"account", json.dumps(vars(self.account)).encode())]

    def store_changes(self) -> Mapping[bytes, bytes | None]:
        return dict(self.state())


def _alone_key(person: str, record: str) -> str:
    """The golden person of one claim out of a crowd."""
    return f"{person}.{blake2b(record.encode(), digest_size=6).hexdigest()}"


def _crowd_findings(records: Iterable[str]) -> list[Addressed]:
    """R02 about each record alone: who else is in the crowd changes too often to be said."""
    return [case for record in records for case in contradictions([record])]


def _crowd_note(person: str, records: list[str]) -> Note:
    """What a crowd's claims are said to be, spelt out."""
    golden = {_alone_key(person, record): "" for record in records}
    return Note(len(records), golden, note.by_id(person, _crowd_findings(records)))
