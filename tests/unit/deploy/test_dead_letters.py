"""Which dead letters are worth a replay."""

from collections import Counter
from dataclasses import replace

import pytest

from deploy.dead_letters import MOST_ATTEMPTS, Letter, find, newest, worth
from schemas.errors import HemisError

LETTER = Letter(
    position="hemis.dead-letters:1:7",
    origin="hemis.changes.DHA:0:42",
    institution="DHA",
    code="E107",
    reason="",
    found_at=1,
    attempts=0,
    key=b"DHA/person/1",
    value=b"\x00bytes",
)
NONE: Counter[tuple[str, bytes]] = Counter()


def test_a_letter_is_found_by_its_own_position_or_where_it_was_read() -> None:
    assert find([LETTER], "hemis.dead-letters:1:7") is LETTER
    assert find([LETTER], "hemis.changes.DHA:0:42") is LETTER
    with pytest.raises(HemisError) as refused:
        find([LETTER], "hemis.changes.DHA:0:43")
    assert refused.value.code == "E701"


def test_equal_bytes_are_replayed_once_with_the_highest_count() -> None:
    """A replay that fails writes another letter about the same bytes; both together would double with every round."""
    again = replace(LETTER, position="hemis.dead-letters:1:8", origin="hemis.orders.DHA:0:1", attempts=1, found_at=2)
    chosen, left = worth([again, LETTER], Counter({LETTER.content: 1}))
    assert chosen == [again]
    assert not left
    assert newest([LETTER, again], LETTER) is again


def test_other_bytes_are_other_letters() -> None:
    others = [replace(LETTER, value=b"\x00other"), replace(LETTER, key=b"DHA/person/1\x00", value=b"bytes")]
    assert len(worth([LETTER, *others], NONE)[0]) == 3


def test_what_was_replayed_and_did_not_come_back_is_left() -> None:
    chosen, left = worth([LETTER], Counter({LETTER.content: 1}))
    assert (chosen, left) == ([], Counter({"replayed already": 1}))


@pytest.mark.parametrize(
    ("letter", "code"),
    [
        (replace(LETTER, attempts=MOST_ATTEMPTS), None),
        (replace(LETTER, attempts=MOST_ATTEMPTS + 1), "E702"),
        (replace(LETTER, value=None), "E703"),
        (replace(LETTER, origin="hemis.clean.person:0:1"), "E703"),
        (replace(LETTER, origin="hemis.orders.DHA:0:1"), None),
    ],
)
def test_what_is_refused(letter: Letter, code: str | None) -> None:
    assert (letter.refusal.code if letter.refusal else None) == code
    assert len(worth([letter], NONE)[0]) == (code is None)


def test_facts_hold_no_bytes() -> None:
    assert b"bytes" not in LETTER.facts().values()
    assert LETTER.facts()["bytes"] == 6
