"""Which dead letters are worth a replay, and what settles one."""

from collections import Counter
from dataclasses import replace

import pytest

from deploy.letters.command import _words
from deploy.letters.decisions import Decision
from deploy.letters.letter import MOST_ATTEMPTS, Letter, find, newest
from deploy.letters.replay import Outcome, Plan, histogram, latest, plan
from schemas.envelope import header
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
    value=header(7) + b"bytes",
)


def known(number: int) -> bool:
    return number == 7


def decided(kind: str, attempts: int = 0) -> Decision:
    return Decision(kind, attempts, 0.0, "tester")  # type: ignore[arg-type]


def planned(*letters: Letter, decisions: dict[tuple[str, bytes], Decision] | None = None, again: bool = False) -> Plan:
    return plan(letters, decisions or {}, known, again=again)


def test_a_letter_is_found_by_its_own_position_or_where_it_was_read() -> None:
    assert find([LETTER], "hemis.dead-letters:1:7") is LETTER
    assert find([LETTER], "hemis.changes.DHA:0:42") is LETTER
    with pytest.raises(HemisError) as refused:
        find([LETTER], "hemis.changes.DHA:0:43")
    assert refused.value.code == "E701"


def test_equal_bytes_are_replayed_once_with_the_highest_count() -> None:
    """A replay that fails writes another letter about the same bytes; both together would double with every round."""
    again = replace(LETTER, position="hemis.dead-letters:1:8", origin="hemis.orders.DHA:0:1", attempts=1, found_at=2)
    found = planned(again, LETTER, decisions={LETTER.content: decided("replayed", 0)})
    assert (found.chosen, found.left) == ([again], Counter()), "it came back, so it is open again"
    assert newest([LETTER, again], LETTER) is again
    assert list(latest([again, LETTER]).values()) == [again]


def test_other_bytes_are_other_letters() -> None:
    others = [
        replace(LETTER, value=header(7) + b"other"),
        replace(LETTER, key=b"DHA/person/1" + header(7), value=header(7)),
    ]
    assert len(planned(LETTER, *others).chosen) == 3


def test_what_was_replayed_or_discarded_is_left_and_no_finding() -> None:
    for kind, why in (("replayed", "replayed already"), ("discarded", "discarded")):
        found = planned(LETTER, decisions={LETTER.content: decided(kind)})
        assert (found.chosen, found.left, found.findings) == ([], Counter({why: 1}), 0)
    assert planned(LETTER, decisions={LETTER.content: decided("replayed")}, again=True).chosen == [LETTER]
    assert planned(LETTER, decisions={LETTER.content: decided("discarded")}, again=True).chosen == []


def test_a_schema_that_no_longer_exists_uses_up_no_attempt() -> None:
    found = planned(replace(LETTER, value=header(999) + b"bytes"))
    assert (found.chosen, found.findings) == ([], 1)
    assert next(iter(found.left)).startswith("E102 ")
    rubbish = planned(replace(LETTER, value=b"\x01rubbish"))
    assert next(iter(rubbish.left)).startswith("E101 ")


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
    assert len(planned(letter).chosen) == (code is None)


def test_a_histogram_counts_contents_by_reason() -> None:
    many = [replace(LETTER, value=header(7) + bytes([n]), reason="x") for n in range(3)]
    assert [(row["reason"], row["letters"]) for row in histogram([LETTER, LETTER, *many])] == [("x", 3), ("", 1)]


def test_what_became_of_them_adds_up() -> None:
    outcome = Outcome(10, Counter({"E101": 2, "E102": 1}), 3)
    assert outcome.taken == 4
    told = outcome.as_dict() | {"left": {"discarded": 2}}
    assert ", ".join(_words(told)) == (
        "10 replayed, 4 taken, 2 came back: E101, 1 came back: E102, 3 not processed yet, 2 left: discarded"
    )


def test_facts_hold_no_bytes() -> None:
    assert not [value for value in LETTER.facts().values() if isinstance(value, bytes)]
    assert LETTER.facts()["bytes"] == len(LETTER.value or b"")
