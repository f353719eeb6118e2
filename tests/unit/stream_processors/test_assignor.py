"""The assignor: whole units, equal shares, and what a member had it keeps."""

from __future__ import annotations

from stream_processors.assignor import share_units

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
