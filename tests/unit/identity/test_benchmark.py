"""What the benchmark's sets are made of."""

from collections import Counter

from stream_processors.identity import comparison
from tests.benchmarks.identity import accuracy, claims
from tests.benchmarks.identity.people import People


def test_a_seed_gives_the_same_claims() -> None:
    assert claims.make(3, 50, 70) == claims.make(3, 50, 70)
    assert claims.make(3, 50, 70) != claims.make(4, 50, 70)


def test_everybody_has_a_claim_and_nguyen_is_a_third() -> None:
    made = claims.make(1, 2_000, 2_800)
    assert {number for _, number in made} == set(range(2_000))
    surnames = Counter(person.name.split()[0] for person in People(1).make(2_000))
    assert 0.26 < surnames["Nguyễn"] / 2_000 < 0.36


def test_the_comparison_files_of_febrl_can_be_read() -> None:
    for file in accuracy.COMPARISONS.glob("*.yaml"):
        names = comparison.load(file).names()
        assert ("soc_sec_id" in names) == ("without" not in file.name)
