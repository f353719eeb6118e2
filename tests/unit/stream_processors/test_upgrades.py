"""State outlives upgrades: rows and claims that were stored under an older version of the contract."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from schemas import avro_schema, envelope
from schemas.codec import HEADER_SIZE, codec_of
from schemas.envelope import UPDATE
from stream_processors.people.unit import read_claim
from stream_processors.records import row as rows
from tests.unit.stream_processors.bench_of_records import CODE, Bench
from tests.unit.stream_processors.test_people import People, person

OLD_ID = 900


def older(schema: dict[str, Any], inner: str) -> dict[str, Any]:
    """The schema as it was before the last field of its inner record came."""
    made = copy.deepcopy(schema)
    for field in made["fields"]:
        kind = field["type"][1] if isinstance(field["type"], list) else field["type"]
        if isinstance(kind, dict) and kind.get("name") == inner:
            kind["fields"].pop()
    return made


def test_a_row_of_an_older_version_still_gives_what_an_event_did_not_send(bench: Bench) -> None:
    bench.change("programme", 1, 10, name="A")
    key = f"{CODE}/programme/1".encode()
    row = bench.unit().row(key)
    assert row is not None
    schema = older(avro_schema.full("vn.hemis.ProgrammeChange"), "Programme")
    bench.registry._schemas[OLD_ID] = schema
    value = bench.contract.decode("ProgrammeChange", row.raw)
    old = envelope.header(OLD_ID) + codec_of(schema).encode(value)
    assert len(old) == len(row.raw) - 1
    bench.store.write({key: rows.dump(old, {}, "", ())})
    bench.change("programme", 1, 11, code="P1", absent=("name",), operation=UPDATE)
    assert bench.dead_letters() == []
    assert bench.values("programme", 1)["name"] == "A"
    bench.store.write({key: rows.dump(old, {}, "", ())})
    bench.change("programme", 1, 12, name="A")
    assert bench.account.duplicate == 1


def test_a_claim_of_an_older_version_is_read(tmp_path: Path) -> None:
    people = People(tmp_path)
    schema = older(avro_schema.full("vn.hemis.Claim"), "Person")
    people.contract._registry._schemas[OLD_ID] = schema
    claim = {
        "person_key": "n:1", "record_key": "UNI-A/person/1", "generation": 0, "place": 5, "orders_place": 0, "epoch": 1, "version": 1, "changed_at": 1, "captured_at": 1,
        "phone": None, "email": None, "facts": [], "person": person(full_name="A", birth_date="2001"),
    }  # fmt: skip
    old = envelope.header(OLD_ID) + codec_of(schema).encode(claim)
    stored = people.partition.claims + b"n:1\x1fUNI-A/person/1"
    people.store.write({stored: old, people.partition.names + b"golden/n:1": b'{"golden": {}, "findings": []}'})
    people.take(claim | {"record_key": "UNI-B/person/1"})
    assert len(people.live()["n:1"]["claims"]) == 2
    assert read_claim(people.contract.current("Claim", old)).person()["full_name"] == "A"
    assert old[:HEADER_SIZE] != people.contract.header("Claim")
    people.store.close()
