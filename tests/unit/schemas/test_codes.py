"""Code tables: what ships, look-up by date, and every kind of wrong file."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.organisation import MAJORS
from deploy.demo.universities import dha
from producers.mapping.load import load
from schemas import codes
from schemas.avro_schema import RECORD_TYPES, fields
from schemas.codes import TABLES, CodeTable, table
from schemas.codes.consistency import contradictions
from schemas.codes.read import parse
from schemas.errors import HemisError

HEADER = "# table: t\n# vi: Bảng\n# en: Table\n# source: nobody\n# complete: yes\n"


def small(rows: str, header: str = HEADER, columns: str = "code,vi,valid_from,valid_to") -> CodeTable:
    return parse(f"{header}{columns}\n{rows}\n", "t", "t.csv")


# -- what ships ---------------------------------------------------------------------------------------------------------


def test_every_code_field_has_its_table() -> None:
    used = {field.codes for entity in RECORD_TYPES for field in fields(entity) if field.kind == "code"}
    assert used <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_shipped_tables_agree_with_each_other(name: str) -> None:
    found = table(name)
    assert found.name == name
    assert list(contradictions(found, table, TABLES)) == []
    assert all((found.header.vi, found.header.en, found.source))


def test_63_provinces_became_34() -> None:
    provinces = table("province")
    assert sum(provinces.valid(code, "2025-06-30") for code in provinces.codes) == 63
    assert sum(provinces.valid(code, "2025-07-01") for code in provinces.codes) == 34
    assert provinces.successors("02") == ("08",)
    assert provinces.predecessors("79") == ("74", "77", "79")
    assert provinces.label("15", "vi", "2025-01-01") == "Tỉnh Yên Bái"
    assert provinces.label("15", "vi", "2025-12-31") == provinces.label("15", "vi") == "Tỉnh Lào Cai"
    assert provinces.attribute("02", "citizen_prefix") == "002"
    assert provinces.label("02", "vi", "2025-12-31") is None


def test_a_commune_code_is_ambiguous_without_a_date() -> None:
    communes = table("commune")
    assert sum(communes.valid(code, "2025-06-30") for code in communes.codes) == 10_035
    assert sum(communes.valid(code, "2025-07-01") for code in communes.codes) == 3_321
    ended = [row for row in communes if row.valid_to]
    assert sum(len(row.successors) > 1 for row in ended) == 471
    assert all(row.successors for row in ended)
    assert communes.label("00004", "vi", "2025-01-01") == "Phường Trúc Bạch"
    assert communes.label("00004", "en", "2025-08-01") == "Phường Ba Đình"
    assert communes.parent("00004", "2025-08-01") == "01"
    assert not communes.complete_on("2019-05-01")
    assert communes.complete_on("2025-05-01")


@pytest.mark.parametrize(
    ("name", "count"), [("ethnicity", 55), ("sex", 2), ("degree_status", 4), ("level", 5), ("form_of_study", 3)]
)
def test_closed_lists(name: str, count: int) -> None:
    assert len(table(name)) == count
    assert table(name).complete


def test_countries_of_today_and_of_their_time() -> None:
    countries = table("country")
    assert sum(countries.valid(code, "2026-01-01") for code in countries.codes) == 249
    assert countries.label("VN", "vi") == "Việt Nam"
    assert countries.valid("SU", "1990")
    assert not countries.valid("SU", "2000")
    assert countries.label("CS", "en", "1990-01-01") == "Czechoslovakia"
    assert countries.label("CS", "en", "2005-01-01") == "Serbia and Montenegro"


def test_a_major_belongs_to_a_group_a_field_and_a_level() -> None:
    majors = table("major")
    assert not majors.complete
    for code in majors.codes:
        group = majors.parent(code)
        assert group == code[:5]
        field = table("major_group").parent(group)
        assert field == code[:3]
        assert table("major_field").parent(field) == code[0]


@pytest.mark.parametrize("university", ["DHA", "DHB", "DHC"])
def test_what_the_demo_maps_to_is_known(university: str) -> None:
    mapping = load(Path(dha.__file__).parent / university / "mapping.yaml")
    for record in mapping.records:
        tables = {field.name: field.codes for field in fields(record.entity)}
        for rule in record.fields:
            name = tables[rule.name]
            # Institutions are the ministry's list, which is imported; the demo's do not exist.
            if name not in (None, "institution") and rule.codes is not None:
                assert set(mapping.codes[rule.codes].values()) <= set(table(name).codes), f"{record.entity}.{rule.name}"
    assert set(MAJORS) <= set(table("major").codes)


def test_an_unknown_table_is_told_with_its_name() -> None:
    with pytest.raises(HemisError, match="E816") as raised:
        table("sexx")
    assert raised.value.facts == {"table": "sexx"}


# -- dates --------------------------------------------------------------------------------------------------------------

DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))
OPEN = st.one_of(st.none(), DAYS)


def _text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


@given(start=OPEN, length=st.one_of(st.none(), st.integers(0, 4000)), on=DAYS)
def test_a_day_is_valid_within_first_and_last_day(start: date | None, length: int | None, on: date) -> None:
    end = None if length is None else (start or date(2000, 1, 1)) + timedelta(length)
    found = small(f"a,A,{_text(start)},{_text(end)}")
    assert found.valid("a", on.isoformat()) == ((start is None or start <= on) and (end is None or on <= end))
    assert (found.label("a", "vi", on.isoformat()) is not None) == found.valid("a", on.isoformat())


@given(start=DAYS, length=st.integers(0, 900), on=DAYS, digits=st.sampled_from([4, 7]))
def test_a_period_is_valid_if_any_day_of_it_is(start: date, length: int, on: date, digits: int) -> None:
    end = start + timedelta(length)
    found = small(f"a,A,{start},{end}")
    period = on.isoformat()[:digits]
    first = date(on.year, on.month if digits == 7 else 1, 1)
    days = (first + timedelta(n) for n in range(366))
    of_period = [day for day in days if day.isoformat()[:digits] == period]
    assert found.valid("a", period) == any(start <= day <= end for day in of_period)


@given(cut=DAYS, on=DAYS)
def test_rows_that_follow_each_other_leave_no_day_out(cut: date, on: date) -> None:
    found = small(f"a,Before,,{cut}\na,After,{cut + timedelta(1)},")
    assert found.valid("a", on.isoformat())
    assert found.label("a", "vi", on.isoformat()) == ("Before" if on <= cut else "After")


@given(st.lists(st.tuples(DAYS, st.integers(0, 3000)), min_size=2, max_size=5))
def test_two_meanings_on_one_day_are_refused_and_no_others(spans: list[tuple[date, int]]) -> None:
    periods = [(start, start + timedelta(length)) for start, length in spans]
    rows = "\n".join(f"a,A,{start},{end}" for start, end in periods)
    clash = any(a[0] <= b[1] and b[0] <= a[1] for i, a in enumerate(periods) for b in periods[:i])
    if clash:
        with pytest.raises(HemisError, match="E814"):
            small(rows)
    else:
        assert len(small(rows).rows("a")) == len(periods)


# -- wrong files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "header", "columns", "rows", "said"),
    [
        ("E812", "", "code,vi", "a,A", "# table"),
        ("E812", HEADER.replace("table: t", "table: u"), "code,vi", "a,A", "'u'"),
        ("E812", HEADER.replace("complete: yes", "complete: perhaps"), "code,vi", "a,A", "complete"),
        ("E812", HEADER.replace("complete: yes", "complete: from 2025-02-30"), "code,vi", "a,A", "complete"),
        ("E812", HEADER + "# colour: blue\n", "code,vi", "a,A", "line 6"),
        ("E812", HEADER + "# vi: Hai lần\n", "code,vi", "a,A", "line 6"),
        ("E812", HEADER, "ma,ten", "a,A", "'code'"),
        ("E812", HEADER, "code,vi,Ghi chú", "a,A,x", "Ghi chú"),
        ("E812", HEADER, "code,vi,vi", "a,A,x", "twice"),
        ("E813", HEADER, "code,vi", "a", "line 7: 1 cells"),
        ("E813", HEADER, "code,vi", ",A", "line 7"),
        ("E813", HEADER, "code,vi", "a b,A", "blanks"),
        ("E813", HEADER, "code,vi", "a,", "Vietnamese name"),
        ("E813", HEADER, "code,vi", 'a,"A', "CSV"),
        ("E813", HEADER, "code,vi,valid_from", "a,A,01/07/2025", "valid_from"),
        ("E813", HEADER, "code,vi,valid_to", "a,A,2025-02-29", "valid_to"),
        ("E813", HEADER, "code,vi,valid_from,valid_to", "a,A,2025-07-02,2025-07-01", "ends before"),
        ("E814", HEADER, "code,vi", "a,A\nb,B\na,C", "line 9: 'a' holds at the same time in line 7"),
        ("E814", HEADER, "code,vi,valid_from,valid_to", "a,A,,2025-07-01\na,B,2025-07-01,", "line 8"),
        ("E811", HEADER, "code,vi", "a,Vie\u0323\u0302t", "line 7"),
    ],
)
def test_a_wrong_file_says_what_and_where(code: str, header: str, columns: str, rows: str, said: str) -> None:
    with pytest.raises(HemisError) as raised:
        small(rows, header, columns)
    assert raised.value.code == code
    assert said in raised.value.detail


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(HemisError) as raised:
        small("a,A,yesterday,\nb,,,\na,A,,\na,A,,")
    assert raised.value.detail.count("line ") >= 4
    assert "[E814]" in raised.value.detail


@pytest.mark.parametrize("data", ["Nguyễn".encode("utf-16"), "Tỉnh".encode("cp1258", "replace") + b"\xff"])
def test_a_file_that_is_not_utf8(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "sex.csv").write_bytes(data)
    codes.use(tmp_path)
    try:
        with pytest.raises(HemisError, match="E810"):
            table("sex")
    finally:
        codes.use(None)


def test_what_a_spreadsheet_writes_is_read() -> None:
    found = parse("\ufeff" + HEADER.replace("\n", "\r\n") + 'code,vi\r\na,"A, B"\r\n', "t", "t.csv")
    assert found.label("a", "vi") == "A, B"


def test_an_imported_table_comes_before_the_shipped_one(tmp_path: Path) -> None:
    text = (codes.SHIPPED / "sex.csv").read_text("utf-8")
    (tmp_path / "sex.csv").write_text(text + "X,Khác,Other\n", "utf-8")
    codes.use(tmp_path)
    try:
        assert table("sex").known("X")
        assert len(table("level")) == 5
    finally:
        codes.use(None)
    assert not table("sex").known("X")


# -- contradictions -----------------------------------------------------------------------------------------------------


def _pair(parents: str, children: str) -> list[str]:
    above = parse(f"{HEADER.replace('table: t', 'table: p')}code,vi,valid_from,valid_to\n{parents}\n", "p", "p")
    below = small(children, HEADER + "# parent: p\n", "code,parent,vi,valid_from,valid_to,successors")
    both = {"p": above, "t": below}
    found = list(contradictions(below, both.__getitem__, both))
    assert list(contradictions(above, both.__getitem__, both)) == [f for f in found if "successor" not in f]
    return found


def test_tables_that_agree() -> None:
    assert _pair("1,Một,,2025-06-30\n1,Một mới,2025-07-01,", "a,1,A,,2025-06-30,b\nb,1,B,2025-07-01,,\nc,1,C,,,") == []


@pytest.mark.parametrize(
    ("children", "said"),
    [
        ("a,2,A,,,", "parent '2' is unknown"),
        ("a,,A,,,", "has no parent"),
        ("a,1,A,2026-01-01,,", "does not hold for all of its time"),
        ("a,1,A,,,", "does not hold for all of its time"),
        ("a,1,A,,2025-06-30,z", "successor 'z' is unknown"),
    ],
)
def test_tables_that_contradict(children: str, said: str) -> None:
    assert said in "; ".join(
        _pair("1,Một,2000-01-01,2025-06-30", children) if "z" not in children else _pair("1,Một,,", children)
    )
