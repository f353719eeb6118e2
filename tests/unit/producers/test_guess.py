"""What a table may hold, by the names of its columns."""

from __future__ import annotations

import pytest

from producers.guess import guess, with_references
from producers.sources.source import TableFacts


def facts(name: str, columns: str, key: str = "id") -> TableFacts:
    names = columns.split()
    keys = tuple(key.split())
    return TableFacts(name, dict.fromkeys((*keys, *names), "text"), keys, keys, 10)


@pytest.mark.parametrize(
    ("table", "columns", "entity", "fields"),
    [
        ("public.DonVi", "TenDV DVCapTren LoaiDV", "org_unit", {"name": "TenDV", "kind": "LoaiDV"}),
        ("sis.licences", "major level decree_no", "major_licence", {"major_code": "major", "decision_number": "decree_no"}),
        ("public.ndt_1_4", "ma_nganh trinh_do_id", "major_licence", {"level": "trinh_do_id"}),
        ("public.QuyetDinh", "LoaiQD SoQD NgayHieuLuc", "study_decision", {"effective_date": "NgayHieuLuc"}),
        ("public.nh_2_2", "so_hieu so_vao_so nam_vao_so", "degree", {"serial": "so_hieu", "register_year": "nam_vao_so"}),
        ("public.VanBangCanBo", "SoHieu HoTen NgaySinh", "degree", {"full_name": "HoTen"}),
        ("sis.degree_corrections", "number signed_on reason", "degree_correction", {"decision_date": "signed_on"}),
        ("public.PhanCong", "MaCB ThinhGiang TruongGoc", "teaching_assignment", {"home_institution": "TruongGoc"}),
    ],
)  # fmt: skip
def test_a_table_is_known_by_its_name_and_columns(
    table: str, columns: str, entity: str, fields: dict[str, str]
) -> None:
    found = guess(facts(table, columns), {})
    assert [g.entity for g in found] == [entity]
    assert fields.items() <= found[0].fields.items()


def test_a_wide_table_of_students_gives_person_and_learner() -> None:
    found = guess(facts("public.SinhVien", "HoTen NgaySinh Email", "MaSV"), {})
    assert [g.entity for g in found] == ["person", "learner"]


def test_a_table_without_a_telling_name_may_hold_people() -> None:
    assert [g.entity for g in guess(facts("public.t1", "ho_ten ngay_sinh"), {})] == ["person"]
    assert guess(facts("public.t1", "ho_ten"), {}) == []


def test_code_tables_and_tables_without_a_key_are_left_out() -> None:
    assert guess(facts("public.dm_loai_don_vi", "ma ten"), {}) == []
    assert guess(facts("public.donvi", "ten", ""), {}) == []


def test_what_stands_in_a_column_counts_where_its_name_says_nothing() -> None:
    found = guess(facts("public.licences", "x level"), {"major_code": "x"})
    assert found[0].fields["major_code"] == "x"


def test_references_are_found_by_the_other_tables_key() -> None:
    tables = [
        facts("sis.enrolments", "state", "enrolment_id"),
        facts("sis.degrees", "enrolment_id serial", "degree_id"),
        facts("sis.units", "parent_id title", "unit_id"),
        facts("public.nh_2_2", "nh_2_1_id so_hieu"),
        facts("public.nh_2_1", "khoa"),
        facts("public.nh_2_4", "nh_2_2_id"),
    ]
    by_name = {t.name: t for t in tables}
    guesses = with_references([g for t in tables for g in guess(t, {})], by_name)
    found = {(g.table, field): column for g in guesses for field, column in g.references.items()}
    assert found[("sis.degrees", "study_record")] == "enrolment_id"
    assert found[("sis.units", "parent")] == "parent_id"
    assert found[("public.nh_2_2", "study_record")] == "nh_2_1_id"
