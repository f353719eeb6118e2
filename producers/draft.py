"""Drafts a mapping from a live database: a beginning for a person to correct, not a finished mapping.

Columns are guessed by name, Vietnamese or English or in the style of the national data specification, and for some fields
by what stands in them. No value leaves this file; only column names do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping as Map
from dataclasses import dataclass

from producers.sources.postgresql.tables import PostgresReader
from producers.sources.source import TableFacts
from schemas import avro_schema

_SAMPLE = 200

NAMES: dict[str, tuple[str, ...]] = {
    "full_name": ("hoten", "hovaten", "fullname", "tendaydu", "hotensv", "name"),
    "birth_date": ("ngaysinh", "ngaythangnamsinh", "birthdate", "dateofbirth", "dob", "born"),
    "sex": ("gioitinh", "sex", "gender", "phai", "magioitinh"),
    "nationality": ("quoctich", "maquoctich", "nationality"),
    "ethnicity": ("dantoc", "madantoc", "ethnicity", "ethnicgroup", "dantocid"),
    "citizen_number": ("cccd", "socccd", "cancuoc", "sodinhdanh", "citizennumber", "citizenid", "sodinhdanhcanhan"),
    "document_number": ("cmnd", "socmnd", "hochieu", "sohochieu", "sogiayto", "passport", "documentnumber"),
    "birth_province": ("noisinh", "tinhsinh", "manoisinh", "birthprovince"),
    "permanent_address": ("hokhau", "diachi", "hokhauthuongtru", "thuongtru", "noithuongtru", "address"),
    "ward_code": ("xa", "maxa", "phuongxa", "wardcode", "xaphuong"),
    "email": ("email", "thudientu", "mail"),
    "phone": ("dienthoai", "sodienthoai", "sdt", "phone", "mobile"),
    "enrolment_date": ("ngaynhaphoc", "enrolmentdate", "ngayvaotruong"),
    "enrolment_decision": ("soquyetdinh", "qdtrungtuyen", "soqdtrungtuyen"),
    "cohort": ("khoa", "khoahoc", "cohort", "nienkhoa"),
    "year_of_study": ("namthu", "yearofstudy"),
    "status": ("trangthai", "tinhtrang", "status", "trangthaihoc"),
    "status_date": ("ngaytrangthai", "statusdate", "ngaychuyentrangthai"),
    "form_of_study": ("hinhthucdaotao", "hedaotao", "formofstudy", "mahinhthuc"),
    "level": ("trinhdo", "trinhdodaotao", "level", "bacdaotao"),
    "major_code": ("manganh", "majorcode", "maganhdaotao"),
    "staff_code": ("macanbo", "macb", "magv", "magiangvien", "staffcode", "manhanvien"),
    "contract_form": ("loaihopdong", "hinhthuchopdong", "contractform"),
    "valid_from": ("tungay", "ngaybatdau", "ngaykyhopdong", "validfrom", "startdate"),
    "valid_to": ("denngay", "ngayketthuc", "ngayhethan", "validto", "enddate"),
    "title": ("chucdanh", "chucdanhnghenghiep", "title"),
    "highest_degree": ("hocvi", "trinhdocaonhat", "highestdegree"),
    "duration_months": ("thoigiandaotao", "sothang", "durationmonths"),
    "intake_year": ("namtuyensinh", "intakeyear", "nambatdau"),
    "institution_type": ("loaihinh", "institutiontype"),
    "founding_date": ("ngaythanhlap", "foundingdate"),
    "province_code": ("tinh", "matinh", "provincecode"),
    "local_id": ("mahoso", "localid"),
}
CODE_NAMES: dict[str, tuple[str, ...]] = {
    "learner": ("masv", "masinhvien", "mahocvien", "studentcode", "mssv", "studentid"),
    "programme": ("mactdt", "machuongtrinh", "programmecode", "programcode", "code"),
    "institution": ("macosodaotao", "matruong", "institutioncode", "code"),
}
TABLE_NAMES: dict[str, tuple[str, ...]] = {
    "institution": ("truong", "cosodaotao", "institution", "ndt"),
    "programme": ("chuongtrinh", "ctdt", "programme", "program"),
    "person": ("sinhvien", "hocvien", "student", "nguoihoc", "person", "canbo", "giangvien", "staff", "nhansu"),
    "learner": ("sinhvien", "hocvien", "student", "nguoihoc"),
    "study_record": ("quatrinhhoc", "hosohoc", "enrolment", "enrollment", "studyrecord"),
    "staff_contract": ("hopdong", "contract"),
}


@dataclass(frozen=True)
class Guess:
    entity: str
    table: str
    key: tuple[str, ...]
    fields: Map[str, str]


def plain(name: str) -> str:
    """A name without case, marks and separators: `Ngày_Sinh` -> `ngaysinh`."""
    bare = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    return re.sub(r"[^a-z0-9]", "", bare.encode("ascii", "ignore").decode().lower())


def guess(facts: TableFacts, by_content: Map[str, str]) -> list[Guess]:
    """What a table may hold. `by_content`: fields found by what stands in a column."""
    columns = {plain(column): column for column in facts.columns}
    table = plain(facts.name.split(".", 1)[1])
    found = []
    for entity, table_names in TABLE_NAMES.items():
        fields = {}
        for field in avro_schema.fields(entity):
            names = CODE_NAMES.get(entity, ()) if field.name == "code" else NAMES.get(field.name, ())
            column = next((columns[name] for name in names if name in columns), by_content.get(field.name))
            if column is not None and field.kind != "reference":
                fields[field.name] = column
        named = any(name in table for name in table_names)
        if facts.key and fields and (named or (entity == "person" and {"full_name", "birth_date"} <= set(fields))):
            found.append(Guess(entity, facts.name, facts.key, fields))
    return found


def contents(reader: PostgresReader, facts: TableFacts) -> dict[str, str]:
    """Fields that a sample of the rows gives away: twelve digits are a citizen number, an @ is an e-mail."""
    columns = [name for name, kind in facts.columns.items() if kind.startswith(("text", "character"))]
    if not columns or not facts.key:
        return {}
    rows = [row for row, _ in reader.chunk(facts, columns, None, _SAMPLE)]
    found: dict[str, str] = {}
    for i, column in enumerate(columns):
        values = [row[i] for row in rows if row[i]]
        if len(values) < 5:
            continue
        for field, shape in (("citizen_number", rb"0\d{11}"), ("email", rb"[^@\s]+@[^@\s]+\.[^@\s]+")):
            if field not in found and sum(bool(re.fullmatch(shape, v or b"")) for v in values) > 0.8 * len(values):
                found[field] = column
    return found


def draft(institution: str, reader: PostgresReader) -> str:
    """The YAML text of a draft."""
    rows = reader.query(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')"
        " and n.nspname not like 'pg\\_%' order by 1"
    )
    facts = reader.describe(str(row[0]) for row in rows)
    guesses, without_key = [], []
    for name in sorted(facts):
        if not facts[name].key:
            without_key.append(name)
            continue
        guesses += guess(facts[name], contents(reader, facts[name]))
    guesses.sort(key=lambda g: avro_schema.ENTITIES.index(g.entity))
    return _yaml(institution, guesses, without_key, [name for name in sorted(facts) if facts[name].key])


def _yaml(institution: str, guesses: list[Guess], without_key: list[str], tables: list[str]) -> str:
    lines = [
        "# A draft. Check every line; then: hemis agent check, hemis agent preview.",
        f"institution: {institution}",
        "records:" if guesses else "records: []",
    ]
    people = {g.table for g in guesses if g.entity == "person"}
    for g in guesses:
        key = ", ".join(g.key)
        lines += [f"  - entity: {g.entity}", f"    table: {g.table}", f"    key: [{key}]", "    fields:"]
        lines += [f"      {field}: {column}" for field, column in g.fields.items()]
        for field in avro_schema.fields(g.entity):
            if field.refers_to == "person" and g.table in people:
                lines.append(f"      {field.name}: {{reference: person, key: [{key}]}}")
            elif field.refers_to:
                lines.append(f"      # {field.name}: {{reference: {field.refers_to}, key: [...]}}")
            elif field.name not in g.fields:
                lines.append(f"      # {field.name}: …  {field.doc}")
    lines += [f"# no primary key, can't be mapped: {name}" for name in without_key]
    used = {g.table for g in guesses}
    lines += [f"# not recognised: {name}" for name in tables if name not in used]
    return "\n".join(lines) + "\n"
