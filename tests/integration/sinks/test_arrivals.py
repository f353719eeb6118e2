"""How changes arrive, as the national table adds it up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from schemas.errors import HemisError
from schemas.metrics import DELAY_BUCKETS
from sinks.arrivals import KEPT, NEWEST, Arrivals, mean_hops
from sinks.base import Applied
from sinks.database import engine
from sinks.observed import Observed
from tests.integration.sinks.nation import Nation

pytestmark = pytest.mark.real

NOW = 1_800_000_000_000_000
"""µs, as all times of the wire; a slot begins here."""


def applied(*live: tuple[str, int]) -> Applied:
    read = {"canary": 1} if any("/canary/" in key for key, _ in live) else {}
    return Applied(read, {"person": 1}, [(key.encode(), NOW - late) for key, late in live])


def test_two_sinks_add_to_one_slot(national: Nation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: NOW * 1000)
    for number in (1, 2):
        arrivals = Arrivals(national.engine)
        observed = Observed(CollectorRegistry(), arrivals=arrivals)
        observed.applied({}, applied((f"UNI-A/person/{number}", 12_000), ("UNI-A/canary/agent", 15_000)))
        observed.applied({}, applied(("UNI-B/person/9", 10**12), (f"UNI-A/learner/{number}", 12_000)))
        arrivals.store()
        arrivals.store()
    rows = national.rows("SELECT institution, slot, changes, delays, newest FROM arrival ORDER BY 1")
    assert [(row[0], row[1].timestamp(), row[2]) for row in rows] == [("UNI-A", NOW / 1e6, 4), ("UNI-B", NOW / 1e6, 2)]
    assert rows[0][3] == [6 if bound == 0.02 else 0 for bound in DELAY_BUCKETS] + [0]
    assert rows[1][3][-1] == 2
    at = NOW // 1000
    assert rows[0][4] == [
        [key, at - 12, at] for key in ("UNI-A/learner/2", "UNI-A/person/2", "UNI-A/learner/1", "UNI-A/person/1")
    ]


def test_only_the_newest_are_kept(national: Nation) -> None:
    arrivals = Arrivals(national.engine)
    for round_ in range(3):
        keys = [(f"UNI-A/person/{round_}-{n}".encode(), NOW) for n in range(15)]
        arrivals.applied(keys, {"UNI-A": [15] + [0] * len(DELAY_BUCKETS)}, NOW, canaries=False)
        arrivals.store()
    ((newest,),) = national.rows("SELECT newest FROM arrival")
    assert [key for key, *_ in newest] == [
        *(f"UNI-A/person/2-{n}" for n in reversed(range(15))),
        *(f"UNI-A/person/1-{n}" for n in reversed(range(10, 15))),
    ]
    assert len(newest) == NEWEST


def test_a_canary_tells_the_hops(national: Nation) -> None:
    arrivals = Arrivals(national.engine)
    began = datetime.fromtimestamp(NOW / 1e6, UTC)
    times = (began, began + timedelta(milliseconds=3), began + timedelta(milliseconds=20))
    arrivals.canary("UNI-A", *times)
    arrivals.processed(b"UNI-A/canary/agent", NOW // 1000 + 13, NOW // 1000 + 7)
    arrivals.canary("UNI-A", *times)
    arrivals.canary("UNI-A", *times)
    # One that RECORDS sent long ago is no hop of this canary.
    arrivals.processed(b"UNI-B/canary/agent", NOW // 1000 - 15_000, -1)
    arrivals.canary("UNI-B", *times)
    arrivals.store()
    rows = national.rows("SELECT institution, canaries, hops FROM arrival")
    assert [row[:2] for row in rows] == [("UNI-A", 1)]
    assert mean_hops([row[1:] for row in rows]) == pytest.approx(
        {"captured": 0.003, "stored": 0.004, "processed": 0.006, "visible": 0.007}, abs=1e-4
    )
    assert mean_hops([]) == {}
    # Beside a RECORDS that does not tell the broker's time yet, and a sink that knew no such hop.
    national.do("UPDATE arrival SET hops = hops[1:3]")
    arrivals.processed(b"UNI-A/canary/agent", NOW // 1000 + 13, -1)
    arrivals.canary("UNI-A", *times)
    arrivals.store()
    ((_, canaries, hops),) = national.rows("SELECT institution, canaries, hops FROM arrival")
    assert canaries == 2
    assert hops == pytest.approx([0.006, 0.016, 0.014, 0.0], abs=1e-4)


def test_nothing_is_lost_while_the_database_is_away_and_old_slots_go(national: Nation) -> None:
    away = engine("postgresql+psycopg://nobody:x@127.0.0.1:1/none")
    arrivals = Arrivals(away)
    one = {"UNI-A": [1] + [0] * len(DELAY_BUCKETS)}
    arrivals.applied([(b"UNI-A/person/1", NOW)], one, NOW, canaries=False)
    with pytest.raises(HemisError, match="E501"):
        arrivals.store()
    arrivals.applied([(b"UNI-A/person/2", NOW)], one, NOW, canaries=False)
    arrivals._engine = national.engine
    arrivals.store()
    assert national.rows("SELECT changes, jsonb_array_length(newest) FROM arrival") == [(2, 2)]
    began = datetime.fromtimestamp(NOW / 1e6, UTC)
    assert arrivals.tidy(began) == 0
    assert arrivals.tidy(began + KEPT + timedelta(seconds=1)) == 1
    away.dispose()
