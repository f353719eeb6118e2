"""How code maps cover the national tables: unknown targets, targets that ended, local codes without a mapping."""

from __future__ import annotations

from producers.mapping.coverage import Coverage, coverage
from producers.mapping.coverage_text import lines
from producers.mapping.load import parse

MAPPING = """
institution: UNI-A
records:
  - entity: person
    table: public.students
    key: [id]
    fields:
      full_name: name
      sex: {column: sex, codes: sex}
      nationality: {constant: VN}
      birth_province: {column: born_in, lookup: provinces, codes: province}
      document_type: {column: kind, codes: kind}
      ethnicity: ethnic_group
codes:
  sex: {Nam: M, Nữ: W}
  province: {HG: "02", HN: "01"}
  kind: {GPLX: DRIVING_LICENCE}
lookups:
  provinces: {table: public.provinces, key: id, value: code}
"""


class Database:
    """Texts of a live database."""

    def frequencies(self, table: str, column: str) -> dict[str, int]:
        return {
            ("public.students", "sex"): {"Nam": 60, "Nữ  ": 30, "?": 4, "Khác": 1},
            ("public.students", "born_in"): {"7": 50, "8": 2, "9": 3, "10": 5},
            ("public.students", "kind"): {},
            ("public.students", "ethnic_group"): {"01": 90, "99": 5},
        }[table, column]

    def pairs(self, table: str, key: str, value: str) -> dict[str, str | None]:
        assert (table, key, value) == ("public.provinces", "id", "code")
        return {"7": "HN", "8": "XX", "9": None}


def by_field(looked: bool) -> dict[str, Coverage]:
    return {c.field: c for c in coverage(parse(MAPPING), Database() if looked else None)}


def test_a_target_that_a_complete_table_does_not_know_is_an_error() -> None:
    sex = by_field(False)["sex"]
    assert (sex.unknown, sex.covered, sex.of, sex.wrong) == (["W"], 1, 2, True)


def test_in_an_incomplete_table_it_is_a_warning() -> None:
    kind = by_field(False)["document_type"]
    assert kind.unknown == ["DRIVING_LICENCE"]
    assert not kind.wrong


def test_a_target_that_ended_is_told_but_not_wrong() -> None:
    province = by_field(False)["birth_province"]
    assert province.ended == ["02"]
    assert (province.unknown, province.wrong) == ([], False)


def test_constants_are_codes_too() -> None:
    nationality = by_field(False)["nationality"]
    assert (nationality.source, nationality.covered, nationality.unknown) == ("constant", 1, [])


def test_nobody_looked_is_not_nothing_found() -> None:
    assert all(c.unmapped is None for c in by_field(False).values())


def test_local_codes_without_a_mapping_are_counted() -> None:
    found = by_field(True)
    assert found["sex"].unmapped == {"?": 4, "Khác": 1}
    assert found["birth_province"].unmapped == {"10": 5, "XX": 2}
    assert found["document_type"].unmapped == {}


def test_a_field_without_a_code_map_must_hold_national_codes() -> None:
    assert by_field(False)["ethnicity"].unknown == []
    ethnicity = by_field(True)["ethnicity"]
    assert (ethnicity.unknown, ethnicity.wrong) == (["99"], True)


def test_lines_speak_both_languages() -> None:
    english = "\n".join(lines(by_field(True).values(), "en"))
    assert "✗ person.sex ← public.students.sex: 1 of 2 codes of sex" in english
    assert "warning: targets that the table does not know: DRIVING_LICENCE" in english
    assert "local codes without a mapping: ? × 4, Khác × 1" in english
    assert "· person.ethnicity" in "\n".join(lines(by_field(False).values(), "en"))
    assert "mã nội bộ chưa ánh xạ: ? × 4" in "\n".join(lines(by_field(True).values(), "vi"))
