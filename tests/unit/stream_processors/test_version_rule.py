"""The version rule of the contract, through RECORDS' own code path (P3, P4)."""

from __future__ import annotations

import random

from schemas.envelope import CANCEL, NEW, UPDATE
from tests.unit.stream_processors.bench_of_records import INSTANCE, Bench


def test_a_larger_version_wins_and_a_smaller_is_superseded(bench: Bench) -> None:
    bench.change("programme", 1, 10, name="A")
    bench.change("programme", 1, 12, name="B", operation=UPDATE)
    bench.change("programme", 1, 11, name="C", operation=UPDATE)
    assert bench.values("programme", 1)["name"] == "B"
    assert bench.last.outputs == {}
    assert (bench.account.applied, bench.account.superseded) == (2, 1)


def test_a_larger_version_with_equal_content_raises_the_version_and_is_not_sent(bench: Bench) -> None:
    bench.change("programme", 1, 10, name="A")
    bench.change("programme", 1, 20, name="A", operation=UPDATE)
    assert bench.clean("programme") == []
    bench.change("programme", 1, 15, name="B", operation=UPDATE)
    assert bench.values("programme", 1)["name"] == "A"
    assert (bench.account.applied, bench.account.duplicate, bench.account.superseded) == (1, 1, 1)


def test_equal_versions(bench: Bench) -> None:
    bench.change("programme", 1, 10, name="A")
    bench.change("programme", 1, 10, name="A")
    assert bench.account.duplicate == 1
    bench.change("programme", 1, 10, name="B", snapshot=True)
    assert bench.account.superseded == 1
    assert bench.account.alarms == {}
    bench.change("programme", 1, 10, name="C")
    assert bench.account.alarms == {"equal_version_other_content": 1}
    assert bench.values("programme", 1)["name"] == "A"


def test_a_cancel_is_a_value_with_a_version(bench: Bench) -> None:
    bench.change("programme", 1, 10, name="A")
    bench.change("programme", 1, 12, operation=CANCEL)
    bench.change("programme", 1, 11, name="late chunk", snapshot=True)
    row = bench.row("programme", 1)
    assert row is not None
    assert not row.live
    assert bench.account.live == 0
    bench.change("programme", 1, 13, name="again")
    assert bench.account.live == 1


def test_a_cancel_of_an_unknown_record_keeps_a_late_chunk_out(bench: Bench) -> None:
    bench.change("programme", 1, 12, operation=CANCEL)
    bench.change("programme", 1, 3, name="dead row", snapshot=True)
    assert bench.account.live == 0
    assert bench.account.superseded == 1


def test_an_absent_field_keeps_its_value_and_the_clean_record_is_complete(bench: Bench) -> None:
    bench.change("programme", 1, 10, name="long name", code="P1")
    bench.change("programme", 1, 12, code="P2", operation=UPDATE, absent=("name",))
    (clean,) = bench.clean("programme")
    assert clean["entity"]["name"] == "long name"
    assert clean["entity"]["code"] == "P2"
    assert clean["envelope"]["absent"] == []


def test_a_smaller_event_fills_only_what_is_not_known_since(bench: Bench) -> None:
    bench.change("programme", 1, 20, code="P2", operation=UPDATE, absent=("name",))
    bench.change("programme", 1, 5, name="from the first load", code="P1", snapshot=True)
    assert bench.values("programme", 1)["name"] == "from the first load"
    assert bench.values("programme", 1)["code"] == "P2"
    bench.change("programme", 1, 4, name="older still", code="P0", snapshot=True)
    assert bench.values("programme", 1)["name"] == "from the first load"
    bench.change("programme", 1, 7, name="newer than the mark", code="P0", snapshot=True)
    assert bench.values("programme", 1)["name"] == "newer than the mark"
    row = bench.row("programme", 1)
    assert row is not None
    assert row.envelope.version == 20


def test_a_new_row_is_not_filled_from_a_dead_one(bench: Bench) -> None:
    bench.change("programme", 1, 20, code="P2", operation=NEW, absent=("name",))
    bench.change("programme", 1, 5, name="of the dead row", snapshot=True)
    assert bench.values("programme", 1)["name"] is None


def test_a_field_lost_in_a_gap_is_mended_by_the_reload(bench: Bench) -> None:
    bench.change("programme", 1, 10, name="before", code="P1")
    bench.change("programme", 1, 30, code="P2", operation=UPDATE, absent=("name",))
    bench.change("programme", 1, 25, name="changed in the gap", code="P1", snapshot=True)
    assert bench.values("programme", 1) | {"code": None} == dict.fromkeys(bench.values("programme", 1)) | {
        "name": "changed in the gap"
    }
    assert bench.values("programme", 1)["code"] == "P2"


def test_the_event_that_is_stored_counts_as_applied_when_it_is_read_again(bench: Bench) -> None:
    key, raw = bench.event("programme", 1, 10, name="A")
    bench.send((key, raw))
    before = bench.account.applied
    unit = bench.unit()
    bench.take(unit, key, raw, offset=bench.offset - 1)
    bench.keep(unit)
    assert bench.account.applied == before + 1
    assert bench.account.duplicate == 0


def test_replaying_everything_changes_nothing(bench: Bench) -> None:
    rng = random.Random(7)
    events = []
    for version in range(1, 200):
        operation = rng.choice((NEW, UPDATE, UPDATE, CANCEL))
        fields = {} if operation == CANCEL else {"name": rng.choice("AB"), "code": str(rng.randrange(3))}
        absent = ("name",) if operation == UPDATE and rng.random() < 0.3 else ()
        if absent:
            fields["name"] = None  # type: ignore[assignment]
        events.append(bench.event("programme", rng.randrange(5), version, operation=operation, absent=absent, **fields))
    bench.send(*events)
    before = dict(bench.store.scan(b"UNI-A/"))
    bench.send(*events)
    assert dict(bench.store.scan(b"UNI-A/")) == before
    assert not any(topic.startswith("hemis.clean.") for topic, _ in bench.last.outputs)


def test_a_former_instance_is_superseded_and_an_unknown_one_is_a_dead_letter(bench: Bench) -> None:
    bench.hello(instance="second", slot_created="0/2")
    bench.change("programme", 1, 10, name="A", instance=INSTANCE)
    assert bench.account.superseded == 1
    bench.change("programme", 1, 10, name="A", instance="never seen")
    assert [letter["code"] for letter in bench.dead_letters()] == ["E107"]
    assert bench.account.alarms["unknown_instance"] == 1
