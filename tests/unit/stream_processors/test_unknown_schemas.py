"""A schema id that was never met: only the institution that sent it waits for the registry's answer (P5)."""

from __future__ import annotations

import copy
from threading import Event
from typing import Any

import pytest
from faust.types import TP

from schemas import avro_schema, envelope
from schemas.codec import HEADER_SIZE
from schemas.topics import DEAD_LETTERS
from stream_processors import versions
from stream_processors.records.stage import Records
from tests.support.waiting import wait_until
from tests.unit.stream_processors.bench_of_records import CHANGES, CODE, NOW, ORDERS, Bench, run


def unknown(bench: Bench, number: int) -> tuple[bytes | None, bytes]:
    key, raw = bench.event("person", number, 30)
    return key, envelope.header(60_000 + number) + raw[HEADER_SIZE:]


def decided(bench: Bench, stage: Records, due: dict[TP, list[Any]]) -> list[dict[str, Any]]:
    """Decide and keep; the dead letters."""
    scratch = stage.decide(bench.institution, due)
    letters = [
        bench.contract.decode("DeadLetter", message[1] or b"")
        for (topic, _), messages in scratch.outputs.items()
        if topic == DEAD_LETTERS.name
        for message in messages
    ]
    stage.keep(bench.institution, bench.keep(scratch), {})
    return letters


def test_an_id_that_nobody_has_met_is_asked_for_once_for_all_that_lies_there(
    bench: Bench, stage: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5: the institution waits, not the worker; and nothing of its own is lost or waits for ever."""
    asked: list[str] = []
    answer = Event()

    def ids_of(name: str) -> frozenset[int]:
        answer.wait(30)
        asked.append(name)
        return frozenset()

    monkeypatch.setattr(bench.registry, "schema_of", lambda _: pytest.fail("the worker itself asks nobody"))
    monkeypatch.setattr(bench.registry, "ids_of", ids_of)
    first = bench.account.place
    events = [bench.event("person", 1, 10), unknown(bench, 2), bench.event("person", 3, 10), unknown(bench, 4)]
    stage.app.consumer.highwater = lambda tp: first + 4 if tp == CHANGES else 0
    due = run(CHANGES, first, *events[:3])
    assert decided(bench, stage, due) == []
    assert bench.account.place == first + 1, "it goes on from the event in question"
    assert stage.readable() == {}, "the institution waits"
    answer.set()
    wait_until(lambda: set(stage.readable()) == {CHANGES, ORDERS}, "the registry has answered")
    letters = decided(bench, stage, run(CHANGES, first + 1, *events[1:]))
    assert [(letter["code"], letter["value"]) for letter in letters] == [("E102", events[1][1]), ("E102", events[3][1])]
    assert bench.unit().is_live(f"{CODE}/person/3")
    assert len(asked) == len(set(asked)), "asked once, for both"
    decided(bench, stage, run(CHANGES, first + 4, unknown(bench, 5)))
    assert bench.account.place == first + 4, "what came later is a question of its own"


def test_a_version_that_was_registered_meanwhile_is_met(bench: Bench, stage: Records) -> None:
    newer = copy.deepcopy(avro_schema.full("vn.hemis.PersonChange"))
    key, raw = bench.event("person", 2, 10)
    event = key, envelope.header(60_002) + raw[HEADER_SIZE:]
    stage.app.consumer.highwater = lambda tp: 0
    known: Any = bench.registry
    known._schemas[60_002] = newer
    known.ids_of = lambda name: frozenset({60_002} if name == "vn.hemis.PersonChange" else ())
    first = bench.account.place
    assert decided(bench, stage, run(CHANGES, first, event)) == []
    wait_until(lambda: set(stage.readable()) == {CHANGES, ORDERS}, "the registry has answered")
    assert decided(bench, stage, run(CHANGES, first, event)) == []
    assert bench.unit().is_live(f"{CODE}/person/2")


def test_while_the_registry_is_away_the_institution_waits_and_the_error_is_counted(
    bench: Bench, stage: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "APART_SECONDS", 0.01)
    first = bench.account.place
    decided(bench, stage, run(CHANGES, first, unknown(bench, 2)))
    wait_until(lambda: stage.errors["E405"] > 2, "the registry is asked again")
    assert stage.readable() == {}
    monkeypatch.setattr(bench.registry, "ids_of", lambda name: frozenset())
    wait_until(lambda: bool(stage.readable()), "the registry has answered")


def test_a_replay_of_an_id_that_nobody_has_met_asks_too(
    bench: Bench, stage: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.registry, "ids_of", lambda name: frozenset())
    key, raw = unknown(bench, 2)
    value = {"kind": "REPLAY", "actor": "ministry", "ordered_at": NOW, "argument": "0", "payload": raw, "key": key}
    orders = run(ORDERS, 0, (None, bench.contract.encode("Order", value)))
    assert decided(bench, stage, orders) == []
    assert bench.account.orders_place == 0
    wait_until(lambda: set(stage.readable()) == {CHANGES, ORDERS}, "the registry has answered")
    [letter] = decided(bench, stage, orders)
    assert (letter["code"], letter["value"], letter["attempts"]) == ("E102", raw, 1)
