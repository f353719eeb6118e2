"""A wrong mapping names its line; scalars stay the text that the author wrote."""

from __future__ import annotations

import pytest

from producers.mapping.load import parse
from schemas.errors import HemisError

GOOD = """institution: DHA
records:
  - entity: person
    table: students
    key: [id]
    fields:
      full_name: name
      nationality: {constant: NO}
      sex: {column: sex, codes: sex}
codes:
  sex: {01: M, yes: F}
"""


def test_scalars_are_text_and_tables_have_a_schema() -> None:
    mapping = parse(GOOD)
    assert mapping.codes == {"sex": {"01": "M", "yes": "F"}}
    assert mapping.records[0].table == "public.students"
    assert mapping.records[0].fields[1].constant == "NO"


def test_revision_ignores_layout_only() -> None:
    assert parse(GOOD).revision == parse("# note\n" + GOOD).revision
    assert parse(GOOD).revision != parse(GOOD.replace("yes: F", "yes: U")).revision


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("entity: person", "entity: alien", 3, "unknown entity"),
        ("full_name: name", "ful_name: name", 7, "unknown 'ful_name'"),
        ("codes: sex}", "codes: sexes}", 9, "no code map 'sexes'"),
        ("key: [id]", "key: [{constant: a}]", 5, "at least one part must be a column"),
        ("full_name: name", "full_name: {join: []}", 7, "at least one entry"),
        ("full_name: name", "full_name: {column: a, join: [b]}", 7, "exactly one of"),
        ("full_name: name", "birth_date: {column: a, format: DD/MM}", 7, "a date format holds YYYY"),
        ("institution: DHA", "institution: d.ha", 1, "capital letters"),
        ("fields:", "fields: [", 6, "not YAML"),
        ("    table: students\n", "", 3, "'table' is missing"),
    ],
)
def test_errors_name_the_line(old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(HemisError) as caught:
        parse(GOOD.replace(old, new), "m.yaml")
    assert caught.value.code == "E202"
    assert says in caught.value.detail
    found = int(str(caught.value.facts["at"]).rpartition(":")[2])
    assert found == line or says == "not YAML"
