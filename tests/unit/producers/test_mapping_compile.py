"""Generated code against the contract's own writers: every byte must be the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from producers.mapping.compile import AS_NEW, AS_SNAPSHOT, AS_UPDATE, NOTHING, Stamps, compile_mapping
from producers.mapping.load import parse
from producers.mapping.lookups import LookupTable
from schemas import avro_schema, envelope
from schemas.codec import codec

MAPPING = parse(
    """
institution: DHA
records:
  - entity: person
    table: public.t
    key: [{constant: sv/x}, id]
    fields:
      full_name: name
      birth_date: born
      sex: {column: sex, codes: sex}
      ethnicity: {column: grp, lookup: groups, codes: ethnicity}
      nationality: {constant: NO}
      permanent_address: {join: [street, town], separator: ", "}
  - entity: study_record
    table: public.t
    key: [id]
    fields:
      learner: {reference: learner, key: [code]}
      year_of_study: year
      main_programme: main
      local_id: id
codes:
  sex: {Nam: M, Nữ: F}
  ethnicity: {"1": "01", "2": "02"}
lookups:
  groups: {table: public.g, key: id, value: code}
"""
)
IDS = {name: i for i, name in enumerate(avro_schema.subjects())}
INSTANCE = "0123456789abcdef"

text = st.text(st.characters(exclude_characters="\0", categories=("L", "N", "P", "Z", "S")), max_size=40)
optional = st.none() | text
long_text = st.none() | text | st.text("ab", min_size=2000, max_size=20_000)


def looked_up() -> LookupTable:
    table = LookupTable()
    table.fill([(b"7", b"1"), (b"8", b"2"), (b"9", None)])
    return table


PROGRAM = compile_mapping(MAPPING, INSTANCE, IDS, {"groups": looked_up()})["public.t"]


@st.composite
def rows(draw: st.DrawFn) -> dict[str, str | None]:
    return {
        "id": draw(text),
        "name": draw(long_text),
        "born": draw(
            st.sampled_from([None, "2001", "2001-05", "2001-05-17", "2001-02-30", "x", "2001-05-17 23:00:00"])
        ),
        "sex": draw(st.sampled_from([None, "Nam", "Nữ", "Nữ  ", "?"])),
        "grp": draw(st.sampled_from([None, "7", "8", "9", "10"])),
        "street": draw(optional),
        "town": draw(optional),
        "code": draw(optional),
        "year": draw(st.sampled_from([None, "0", "-1", "2147483647", "2147483648", "1_0", "1.5"])),
        "main": draw(st.sampled_from([None, "t", "f", "maybe"])),
    }


def expected(
    row: dict[str, str | None], absent: frozenset[str]
) -> list[tuple[dict[str, object], dict[str, str], list[str]]]:
    dates = {"2001": "2001", "2001-05": "2001-05", "2001-05-17": "2001-05-17", "2001-05-17 23:00:00": "2001-05-17"}
    groups = {"7": "01", "8": "02", "9": None}
    ints = {"0": 0, "-1": -1, "2147483647": 2147483647}
    sexes = {"Nam": "M", "Nữ": "F", "Nữ  ": "F"}
    out = []
    mapped: tuple[tuple[str, dict[str, tuple[str, dict[str, Any]]]], ...] = (
        ("person", {"birth_date": ("born", dates), "sex": ("sex", sexes), "ethnicity": ("grp", groups)}),
        ("study_record", {"year_of_study": ("year", ints), "main_programme": ("main", {"t": True, "f": False})}),
    )
    for entity, rules in mapped:
        values: dict[str, object] = dict.fromkeys(avro_schema.field_names(entity))
        untyped: dict[str, str] = {}
        lost: list[str] = []
        for field in avro_schema.field_names(entity):
            if field in rules:
                column, known = rules[field]
                source = row[column]
                if column in absent:
                    lost.append(field)
                elif source is not None and source not in known:
                    untyped[field] = source
                elif source is not None:
                    values[field] = known[source]
        if entity == "person":
            values["nationality"] = "NO"
            if "name" in absent:
                lost.insert(0, "full_name")
            else:
                values["full_name"] = row["name"]
            if absent & {"street", "town"}:
                lost.append("permanent_address")
            else:
                parts = [p for p in (row["street"], row["town"]) if p is not None]
                values["permanent_address"] = ", ".join(parts) if parts else None
        else:
            values["local_id"] = row["id"]
            if "code" in absent:
                lost.insert(0, "learner")
            elif row["code"] is not None:
                values["learner"] = f"DHA/learner/{quote(row['code'], safe='')}"
        out.append((values, untyped, lost))
    return out


@given(
    row=rows(),
    operation=st.sampled_from(
        [(AS_NEW, envelope.NEW, False), (AS_UPDATE, envelope.UPDATE, False), (AS_SNAPSHOT, envelope.NEW, True)]
    ),
    version=st.integers(0, 1 << 60),
    absent=st.frozensets(st.sampled_from(["name", "born", "street", "code"])),
)
def test_equals_envelope_and_codec(
    row: dict[str, str | None], operation: tuple[int, int, bool], version: int, absent: frozenset[str]
) -> None:
    sent = {column: None if column in absent else value for column, value in row.items()}
    raw = [None if (value := sent[column]) is None else value.encode() for column in PROGRAM.columns]
    stamps = Stamps()
    stamps.at(1_700_000_000_000_000, 1_700_000_000_000_001)
    kind, wire, snapshot = operation
    got = PROGRAM.encode(absent)(raw, kind, stamps.of(version))
    keys = [
        f"DHA/person/sv%2Fx/{quote(row['id'] or '', safe='')}",
        f"DHA/study_record/{quote(row['id'] or '', safe='')}",
    ]
    assert tuple(key for key, _ in got) == PROGRAM.keys(raw) == tuple(key.encode() for key in keys)
    cancels = PROGRAM.cancel(raw, stamps.of(version))
    want = zip(("person", "study_record"), keys, expected(sent, absent), strict=True)
    for (entity, key, (values, untyped, lost)), (_, event), (_, cancel) in zip(want, got, cancels, strict=True):
        record = f"{avro_schema.NAMESPACE}.{avro_schema.record_name(entity)}"
        common = {
            "version": version,
            "changed_at": 1_700_000_000_000_000,
            "captured_at": 1_700_000_000_000_001,
            "instance": INSTANCE,
            "source_table": "public.t",
            "record_key": key,
        }
        head = envelope.write(
            IDS[avro_schema.change_subject(entity)],
            operation=wire,
            snapshot=snapshot,
            absent=lost,
            untyped=untyped,
            **common,  # type: ignore[arg-type]
        )
        assert event == head + codec(record).encode(values)
        head = envelope.write(
            IDS[avro_schema.change_subject(entity)],
            operation=envelope.CANCEL,
            snapshot=False,
            **common,  # type: ignore[arg-type]
        )
        assert cancel == head + codec(record).encode(dict.fromkeys(avro_schema.field_names(entity)))


def test_a_changed_look_up_is_not_served_from_a_cache() -> None:
    table = looked_up()
    program = compile_mapping(MAPPING, INSTANCE, IDS, {"groups": table})["public.t"]
    row = [b"7" if column == "grp" else b"x" for column in program.columns]
    stamp = Stamps().of(1)
    before = program.encode(NOTHING)(row, AS_NEW, stamp)
    table.put(b"7", b"2")
    after = program.encode(NOTHING)(row, AS_NEW, stamp)
    assert before[0] != after[0]
    assert before[1] == after[1]
