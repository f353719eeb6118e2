"""State outlives upgrades: rows and claims that were stored under an older version of the contract."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from schemas import avro_schema, envelope
from schemas.codec import HEADER_SIZE, codec_of
from schemas.envelope import UPDATE
from stream_processors.people.claim import read_claim
from stream_processors.records import row as rows
from tests.unit.stream_processors.bench_of_records import CODE, Bench
from tests.unit.stream_processors.people_bench import KEY, People, claim, person

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
    bench.store.write({key: rows.dump(row._replace(raw=old))})
    bench.change("programme", 1, 11, code="P1", absent=("name",), operation=UPDATE)
    assert bench.dead_letters() == []
    assert bench.values("programme", 1)["name"] == "A"
    bench.store.write({key: rows.dump(row._replace(raw=old))})
    bench.change("programme", 1, 12, name="A")
    assert bench.account.duplicate == 1


def test_a_claim_of_an_older_version_is_read(tmp_path: Path) -> None:
    people = People(tmp_path)
    schema = older(avro_schema.full("vn.hemis.Claim"), "Person")
    people.contract._registry._schemas[OLD_ID] = schema
    value = claim("UNI-A/person/1", 5, person(full_name="A", birth_date="2001"))
    old = envelope.header(OLD_ID) + codec_of(schema).encode(value)
    stored = people.partition.claims + f"{KEY}\x1fUNI-A/person/1".encode()
    people.store.write({stored: old, people.partition.names + f"golden/{KEY}".encode(): b"1"})
    people.take(value | {"record_key": "UNI-B/person/1"})
    assert len(people.live()[KEY]["claims"]) == 2
    assert read_claim(people.contract.current("Claim", old)).value()["person"]["full_name"] == "A"
    assert old[:HEADER_SIZE] != people.contract.header("Claim")
    people.store.close()
