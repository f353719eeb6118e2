"""The matcher as a whole: learning, blocking, decisions, and who stays two."""

from random import Random

import pytest

from stream_processors.identity import comparison
from stream_processors.identity.blocks import CAP
from stream_processors.identity.column import Level
from stream_processors.identity.evaluation import best, curve, is_true, recall_at, true_pairs
from stream_processors.identity.matcher import CERTAIN, KEPT, LIMIT, Matcher
from stream_processors.identity.model import BITS, Model
from stream_processors.identity.run import Run, report, stream
from stream_processors.identity.standing import standing
from tests.benchmarks.identity import claims

CLAIMS = comparison.load()


def person(**given: str) -> dict[str, str]:
    return {
        "full_name": "Nguyễn Văn An",
        "sex": "M",
        "birth_date": "2001-05-12",
        "birth_precision": "day",
        "birth_province": "01",
        **given,
    }


@pytest.fixture(scope="module")
def taught() -> Matcher:
    """A matcher that has seen 2,000 claims."""
    matcher = Matcher(comparison.load())
    for row, _ in claims.make(7, people=1_400, claims=2_000):
        matcher.add(row["record_id"], row)
    return matcher


def stands(matcher: Matcher, a: str, b: str) -> float:
    numbers = {matcher.number(a), matcher.number(b)}
    return standing(matcher).get((min(numbers), max(numbers)), -CERTAIN)


def test_em_finds_the_shares_that_made_the_pairs() -> None:
    random, m, u, share = Random(3), (0.8, 0.15, 0.05), (0.02, 0.08, 0.9), 0.004
    columns = [[Level("equal", 0.6, 0.1), Level("near", 0.2, 0.2), Level("different", 0.2, 0.7)] for _ in range(5)]
    model, records = Model(columns), 500
    for _ in range(records * (records - 1) // 2):
        shares = m if random.random() < share else u
        pattern = sum(random.choices((1, 2, 3), shares)[0] << (BITS * at) for at in range(5))
        model.patterns[pattern] += 1
        model.random[pattern] += 1
    model.learn(records, 40)
    expected = share * records * (records - 1) / 2
    assert model.matches == pytest.approx(expected, rel=0.15)
    for column in range(5):
        assert model.m[column][1:] == pytest.approx(m, abs=0.05)
        assert model.u[column][1:] == pytest.approx(u, abs=0.01)


def test_namesakes_do_not_teach_that_one_persons_birth_date_mostly_differs() -> None:
    """As in one of the demo's first loads, in which 17,000 pairs of namesakes counted as one person each."""
    date = [Level("equal", 0.9, 4e-4), Level("near", 0.095, 1e-2), Level("different", 0.005, 0.99)]
    model = Model([[Level("equal", 0.9, 3e-5), Level("different", 0.1, 1.0)], date])
    model.patterns[1 | 3 << BITS] = 17_000
    model.random[2 | 3 << BITS] = 1_000_000
    model.learn(30_000, 10)
    assert model.matches > 10_000, "by the name alone they are one person"
    assert model.m[1][3] <= 0.1 + 1e-9, "twenty times what was declared"
    assert model.m[1][1] > model.m[1][2] > 0.0
    assert sum(model.m[1][1:]) == pytest.approx(1.0)


def test_an_institution_in_which_nobody_stands_twice_teaches_nothing_wrong() -> None:
    """The first one of a country: there are namesakes, and nobody to be found."""
    first: dict[int, str] = {}
    later = []
    matcher = Matcher(comparison.load())
    for row, person_ in claims.make(11, people=5_000, claims=5_600):
        if person_ in first:
            later.append((row, person_))
        else:
            first[person_] = row["record_id"]
            matcher.add(row["record_id"], row | {"institution": "A"})
    assert len(later) == 600
    found = [matcher.add(row["record_id"], row | {"institution": "B"}) for row, _ in later]
    right = [bool(f) and f[0].record == first[who] and f[0].score > 6 for f, (_, who) in zip(found, later, strict=True)]
    assert sum(right) > 390


def test_a_record_that_comes_again_and_again_teaches_no_more_than_once() -> None:
    """In a first load a person is claimed by itself, then with each of its facts."""
    rows = {row["record_id"]: row | {"institution": "A"} for row, _ in claims.make(11, people=1_500, claims=1_500)}
    matcher = Matcher(comparison.load())

    def weighed() -> int:
        """How many pairs the shares are learned from that are not far from being one person."""
        return sum(n for pattern, n in matcher.model.patterns.items() if matcher.model.score(pattern).strangers > KEPT)

    for record, row in rows.items():
        matcher.add(record, row)
    once = weighed()
    assert once > 200
    for _ in range(3):
        for record, row in rows.items():
            matcher.add(record, row)
    assert weighed() < once * 1.5, "parameters move a little, and with them what is kept"
    for record in rows:
        matcher.remove(record)
    assert not list(matcher.pairs())
    assert min(matcher.model.patterns.values()) >= 0


def test_claims_are_found_again() -> None:
    made = claims.make(5, people=1_400, claims=2_000)
    run = next(step for step in stream((row for row, _ in made), comparison.load()) if isinstance(step, Run))
    truth = {row["record_id"]: str(number) for row, number in made}
    found = report(run, truth, truth)
    assert found.figures["best_f1"] > 0.97
    assert found.figures["recall_at_precision_0_999"] > 0.8
    assert found.figures["automatic_precision"] == 1.0


def test_the_rarer_the_name_the_more_it_says(taught: Matcher) -> None:
    taught.add("common-1", person(full_name="Nguyễn Thị Anh", birth_date="", sex="F"))
    taught.add("rare-1", person(full_name="Khúc Thạch Uyển", birth_date="", sex="F"))
    common = {
        c.record: c.score for c in taught.add("common-2", person(full_name="Nguyễn Thị Anh", birth_date="", sex="F"))
    }
    rare = {
        c.record: c.score for c in taught.add("rare-2", person(full_name="Khúc Thạch Uyển", birth_date="", sex="F"))
    }
    assert rare["rare-1"] > common.get("common-1", -CERTAIN) + 3


def test_twins_stay_two(taught: Matcher) -> None:
    taught.add("twin-a", person(full_name="Trịnh Ngọc Mai", sex="F", citizen_number="034301004561"))
    taught.add("twin-b", person(full_name="Trịnh Ngọc Lan", sex="F", citizen_number="034301007783"))
    assert stands(taught, "twin-a", "twin-b") < 0


def test_equal_name_and_birth_date_with_two_numbers_stay_two(taught: Matcher) -> None:
    taught.add("equal-a", person(citizen_number="001201004561", birth_province="01"))
    taught.add("equal-b", person(citizen_number="079201998833", birth_province="79"))
    assert stands(taught, "equal-a", "equal-b") < 0
    assert taught.automatic("equal-b") == []


def test_a_number_decides_alone_only_if_nothing_contradicts(taught: Matcher) -> None:
    number = "040099003217"
    taught.add("number-a", person(citizen_number=number))
    taught.add("number-b", person(citizen_number=number, full_name="NGUYEN VAN AN", birth_date="2001"))
    taught.add("number-c", person(citizen_number=number, full_name="Lê Thị Hoa"))
    assert taught.automatic("number-b") == ["number-a"]
    assert taught.automatic("number-c") == []


def test_a_decision_holds_whatever_the_evidence(taught: Matcher) -> None:
    taught.add("said-a", person(full_name="Doãn Quốc Khải", phone="0912845671"))
    taught.add("said-b", person(full_name="Doãn Quốc Khải", phone="0912845671"))
    assert stands(taught, "said-a", "said-b") > 0
    taught.decisions.remember("said-b", "said-a", "OTHER")
    assert stands(taught, "said-a", "said-b") == -CERTAIN
    taught.add("said-a", person(full_name="Doãn Quốc Khải", phone="0912845671"))
    assert all(c.record != "said-b" for c in taught.add("said-a", person(full_name="Doãn Quốc Khải")))
    taught.decisions.forget("said-a", "said-b")
    assert stands(taught, "said-a", "said-b") > 0


def test_two_near_candidates_take_from_each_other(taught: Matcher) -> None:
    name = "Mạc Hữu Tân"
    taught.add("near-a", person(full_name=name, citizen_number="022201004561", phone="0912845671"))
    taught.add("near-b", person(full_name=name, citizen_number="079201998833", phone="0378111222", birth_province="79"))
    own = {c.record: c.score for c in taught.add("near-c", person(full_name=name, birth_province=""))}
    assert own["near-a"] > 5
    assert stands(taught, "near-a", "near-b") < 0
    assert stands(taught, "near-a", "near-c") < own["near-a"] - 5


def test_a_removed_record_is_nobodys_candidate(taught: Matcher) -> None:
    taught.add("gone-a", person(full_name="Khúc Bảo Uyên", citizen_number="001201004561"))
    taught.remove("gone-a")
    assert "gone-a" not in taught
    assert all(c.record != "gone-a" for c in taught.add("gone-b", person(full_name="Khúc Bảo Uyên")))


def test_everybody_called_the_same_is_compared_with_few() -> None:
    """100,000 of them are in the benchmark; what bounds them shows sooner."""
    matcher, random = Matcher(comparison.load()), Random(1)
    for number in range(3_000):
        born = f"{random.randint(1998, 2001)}-{random.randint(1, 12):02}-{random.randint(1, 9):02}"
        before = matcher.model.patterns.total()
        matcher.add(str(number), {"full_name": "Nguyễn Văn An", "sex": "M", "birth_date": born})
        assert matcher.model.patterns.total() - before < LIMIT + CAP
    before = matcher.model.patterns.total()
    for number in range(100):
        matcher.add(f"nobody-{number}", {"full_name": "Nguyễn Văn An", "sex": "M", "birth_date": "1900-01-01"})
    assert matcher.model.patterns.total() == before


def test_curve_and_its_best_point() -> None:
    points = curve([(3.0, True), (2.0, True), (2.0, False), (1.0, True)], 4)
    assert [(p.precision, p.recall) for p in points] == [(1.0, 0.25), (2 / 3, 0.5), (0.75, 0.75)]
    assert best(points).threshold == 1.0
    assert recall_at(points, 0.999) == 0.25
    assert true_pairs(["a", "a", "a", "b"]) == 3
    assert not is_true({"x": "a"}, "y", "z")
