"""What of the measures needs no database."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from schemas.avro_schema import ENTITIES, field_names
from schemas.errors import HemisError
from schemas.findings import finding_of
from sinks.quality.compute import red
from sinks.quality.days import day_of, moment_of, today
from sinks.quality.indicators import INDICATORS
from sinks.quality.mandatory import MANDATORY
from sinks.quality.measures import FOUR, MEASURES, wilson_lower
from sinks.quality.table_1d import ENTITY_VI
from sinks.quality.waivers import argument, require_waivable, waiver

NOON = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)
"""Noon in Vietnam."""


def test_mandatory_cells_are_fields_of_the_contract() -> None:
    assert tuple(MANDATORY) == ENTITIES
    assert [(e, n) for e, names in MANDATORY.items() for n in names if n not in field_names(e)] == []
    assert set(ENTITY_VI) == {*ENTITIES, "all"}


def test_religion_and_party_are_nowhere() -> None:
    """And ethnicity is no cell that a measure asks for: whoever leaves it out loses nothing."""
    names = {name for entity in ENTITIES for name in field_names(entity)}
    assert not [n for n in names if any(part in n for part in ("relig", "party", "ton_giao", "dang_vien"))]
    assert "ethnicity" not in MANDATORY["person"]


@pytest.mark.parametrize(
    ("agreed", "made", "lower"),
    [(0, 0, None), (10, 10, 0.7225), (95, 100, 0.8882), (9_500, 10_000, 0.9456), (0, 10, 0.0)],
)
def test_wilson(agreed: int, made: int, lower: float | None) -> None:
    found = wilson_lower(agreed, made)
    assert found is None if lower is None else found == pytest.approx(lower, abs=5e-5)


def test_there_are_four_measures_and_the_least_is_red() -> None:
    assert FOUR == ("correct", "complete", "clean", "live")
    assert all(m.en and m.vi for m in MEASURES.values())
    assert red({"correct": 0.9, "complete": None, "clean": 0.7, "live": 0.99}) == "clean"
    assert red(dict.fromkeys(FOUR)) is None


def test_a_day_is_vietnams() -> None:
    evening = datetime(2026, 11, 28, 17, 30, tzinfo=UTC)
    assert today(evening).day == date(2026, 11, 29)
    day = day_of("2026-11-27", NOON)
    assert day.over
    assert day.moment == datetime(2026, 11, 27, 16, 59, 59, 999_999, tzinfo=UTC)
    assert today(NOON).moment == NOON


@pytest.mark.parametrize("text", ["2026-11-29", "tomorrow", "2026-13-01", "", "9999-12-31", "2026-11-28T13:00"])
def test_only_the_past_can_be_asked_for(text: str) -> None:
    with pytest.raises(HemisError, match="E847"):
        moment_of(text, NOON)


def test_moments() -> None:
    assert moment_of("2026-11-28", NOON) == NOON
    assert moment_of("2026-11-28T11:00+07:00", NOON) == datetime(2026, 11, 28, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "approver", "until", "code"),
    [
        ("", "Vụ GDĐH", "2026-12-31", "E841"),
        ("  ok  ", "Vụ GDĐH", "2026-12-31", "E841"),
        ("số 001099012345 là đúng", "Vụ GDĐH", "2026-12-31", "E841"),
        ("sinh trước khi cấp số", " ", "2026-12-31", "E842"),
        ("sinh trước khi cấp số", "Vụ GDĐH", "", "E843"),
        ("sinh trước khi cấp số", "Vụ GDĐH", "31/12/2026", "E843"),
        ("sinh trước khi cấp số", "Vụ GDĐH", "2026-11-27", "E843"),
        ("sinh trước khi cấp số", "Vụ GDĐH", "2030-01-01", "E843"),
    ],
)
def test_a_waiver_needs_reason_approver_and_end(reason: str, approver: str, until: str, code: str) -> None:
    with pytest.raises(HemisError, match=code):
        waiver(reason, approver, until, date(2026, 11, 28))


def test_what_an_order_says() -> None:
    given = waiver("sinh trước khi cấp số", "Vụ GDĐH", "2026-12-31", date(2026, 11, 28))
    finding = finding_of(
        {
            "finding_id": "f", "institution": "A", "rule": "V05", "severity": "ERROR", "record_key": "A/person/1",
            "fields": ["birth_date"], "other_record": "", "status": "OPEN", "at": 0, "details": {}, "waived_until": None,
            "waiver": None,
        }
    )  # fmt: skip
    require_waivable(finding)
    said = argument(finding, given)
    for part in ('"rule": "V05"', '"until": "2026-12-31"', '"approver": "Vụ GDĐH"', '"fields": ["birth_date"]'):
        assert part in said
    assert "reason" not in argument(finding, None)
    for rule, status, code in (("V01", "OPEN", "E844"), ("X99", "OPEN", "E844"), ("V05", "RESOLVED", "E845")):
        with pytest.raises(HemisError, match=code):
            require_waivable(replace(finding, rule=rule, status=status))


def test_every_indicator_is_computed_or_says_why_not() -> None:
    assert all(i.of or (i.caveat_en and i.caveat_vi) for i in INDICATORS)
    assert {"2.1", "2.2", "2.3", "5.1b", "5.2a", "5.3a"} <= {i.id for i in INDICATORS if i.of}
