"""The assignor: whole units, equal shares, and what a member had it keeps."""

from __future__ import annotations

import faust
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from yarl import URL

from stream_processors.assignor import ByUnit, share_units

UNITS = {f"I{n:03d}": {f"hemis.changes.I{n:03d}", f"hemis.orders.I{n:03d}"} for n in range(470)}
EVERY = set().union(*UNITS.values())


def owners(given: dict[str, list[str]]) -> dict[str, str]:
    return {unit: member for member, units in given.items() for unit in units}


def test_every_unit_has_one_owner_and_shares_are_equal() -> None:
    given = share_units(UNITS, {"a": EVERY, "b": EVERY, "c": EVERY}, {})
    assert sorted(owners(given)) == sorted(UNITS)
    assert sorted(map(len, given.values())) == [156, 157, 157]


def test_a_third_member_takes_only_its_share_and_nothing_else_moves() -> None:
    before = owners(share_units(UNITS, {"a": EVERY, "b": EVERY}, {}))
    after = owners(share_units(UNITS, {"a": EVERY, "b": EVERY, "c": EVERY}, before))
    moved = {unit for unit in UNITS if before[unit] != after[unit]}
    assert {after[unit] for unit in moved} == {"c"}
    assert 156 <= len(moved) <= 157


def test_a_unit_goes_only_to_a_member_that_subscribed_to_all_its_topics() -> None:
    given = share_units(UNITS, {"a": EVERY, "b": EVERY - {"hemis.orders.I007"}}, {"I007": "b"})
    assert owners(given)["I007"] == "a"


def test_a_member_that_left_gives_its_units_to_the_others() -> None:
    before = owners(share_units(UNITS, {"a": EVERY, "b": EVERY}, {}))
    after = owners(share_units(UNITS, {"b": EVERY}, before))
    assert set(after.values()) == {"b"}


class Cluster:
    """Metadata that does not show a topic made a moment ago."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return None if topic.endswith(".NEW") else {0}


def test_an_institution_whose_topics_are_not_in_the_metadata_yet_gets_a_worker() -> None:
    app = faust.App("assignor-test", broker="kafka://127.0.0.1:1", web_enabled=False)
    app.conf.canonical_url = URL("http://worker")
    assignor = ByUnit(app)
    topics = [f"hemis.{kind}.{code}" for code in ("OLD", "NEW") for kind in ("changes", "orders")]
    nothing = ClientMetadata(
        assignment=ClientAssignment(actives={}, standbys={}), url="http://worker", changelog_distribution={}
    )
    given = assignor.assign(Cluster(), {"a": ConsumerProtocolMemberMetadata(4, topics, nothing.dumps())})
    assert sorted(given["a"].assignment) == sorted((topic, [0]) for topic in topics)
