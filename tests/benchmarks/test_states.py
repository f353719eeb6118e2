"""Made states are what RECORDS writes: they load, their messages decode, their accounts balance."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from schemas import avro_schema, envelope
from schemas.codec import HEADER_SIZE, codec
from schemas.keys import PersonKeys, parse_record_key
from schemas.registry import Registry
from stream_processors.contract import Contract
from stream_processors.records import row
from stream_processors.records.institution import Indexes, Institution
from stream_processors.store import Store
from tests.benchmarks.states import ORPHANS, States

RECORDS = 3 * ORPHANS


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A client whose cache holds every id already."""
    for number, name in enumerate(avro_schema.subjects(), 1):
        text = avro_schema.canonical_text(name)
        (tmp_path / f"{name}.{sha256(text.encode()).hexdigest()[:16]}.id").write_text(str(number))
        (tmp_path / f"{number}.avsc").write_text(text)
    return Registry("http://127.0.0.1:1", tmp_path)


@pytest.fixture
def states(registry: Registry) -> States:
    return States(registry, PersonKeys(b"secret"), "UNI-A", 7)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state")
    yield made
    made.close()


def test_states_load_and_their_messages_decode(states: States, registry: Registry) -> None:
    contract = Contract(registry)
    for number in range(RECORDS):
        key, state = states.at(number)
        loaded = row.load(state)
        entity = contract.type_of(loaded.raw).entity
        parsed = parse_record_key(key.decode())
        assert entity is not None
        assert parsed is not None
        assert parsed[:2] == ("UNI-A", entity)
        assert loaded.live
        assert loaded.envelope.record_key == key.decode()
        assert loaded.envelope.place == number
        assert bool(loaded.person) == (entity == "person")
        _, end = codec(avro_schema.change_subject(entity)).decode(loaded.raw, HEADER_SIZE)
        assert end == len(loaded.raw)
        assert row.dump(loaded) == state


def test_keys_differ_and_a_number_always_gives_the_same(states: States) -> None:
    assert len({states.at(number)[0] for number in range(RECORDS)}) == RECORDS
    assert states.at(5) == states.at(5)


def test_the_account_balances_and_counts_the_open_findings(states: States) -> None:
    account = states.account(RECORDS, "id")
    assert account.read == account.applied == account.live == RECORDS
    assert account.findings_open == sum(len(row.load(states.at(n)[1]).open) for n in range(RECORDS)) == 1


def test_an_institution_starts_from_them(states: States, store: Store, registry: Registry) -> None:
    changes: dict[bytes, bytes | None] = dict(states.at(number) for number in range(RECORDS))
    store.write({**changes, **Indexes("UNI-A", store, Contract(registry))(changes)})
    institution = Institution("UNI-A", store)
    assert institution.waiting == {f"UNI-A/learner/missing-{ORPHANS}": {f"UNI-A/study_record/{ORPHANS}"}}
    assert envelope.read(row.load(store.get(b"UNI-A/person/1") or b"").raw).record_key == "UNI-A/person/1"
