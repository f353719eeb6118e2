"""What a table may hold, guessed by names: Vietnamese, English, or in the style of the national field standard (QD 4998)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

from producers.sources.source import TableFacts
from schemas import avro_schema

NAMES: dict[str, tuple[str, ...]] = {
    "name": ("ten", "tendonvi", "tendv", "tenctdt", "tenct", "tencoso", "tentruong", "name", "title"),
    "full_name": ("hoten", "hovaten", "fullname", "tendaydu", "hotensv", "hotenmoi", "name"),
    "birth_date": ("ngaysinh", "ngaythangnamsinh", "ngaysinhmoi", "birthdate", "dateofbirth", "dob", "born"),
    "sex": ("gioitinh", "gioitinhmoi", "sex", "gender", "phai", "magioitinh"),
    "nationality": ("quoctich", "maquoctich", "nationality", "citizenship"),
    "ethnicity": ("dantoc", "madantoc", "ethnicity", "ethnicgroup"),
    "citizen_number": ("cccd", "socccd", "cancuoc", "sodinhdanh", "citizennumber", "citizenid", "sodinhdanhcanhan", "socmtnd"),
    "document_number": ("cmnd", "socmnd", "hochieu", "sohochieu", "sogiayto", "passport", "documentnumber"),
    "birth_province": ("noisinh", "noisinhmoi", "tinhsinh", "manoisinh", "birthprovince"),
    "permanent_address": ("hokhau", "diachi", "hokhauthuongtru", "thuongtru", "noithuongtru", "address"),
    "ward_code": ("xa", "maxa", "phuongxa", "wardcode", "xaphuong", "commune"),
    "email": ("email", "thudientu", "mail"),
    "phone": ("dienthoai", "sodienthoai", "sdt", "phone", "mobile"),
    "enrolment_date": ("ngaynhaphoc", "enrolmentdate", "ngayvaotruong", "admittedon"),
    "enrolment_decision": ("soquyetdinh", "qdtrungtuyen", "soqdtrungtuyen", "soqdnhaphoc", "admissiondecision"),
    "cohort": ("khoa", "khoahoc", "cohort", "nienkhoa"),
    "year_of_study": ("namthu", "yearofstudy", "studyyear"),
    "status": ("trangthai", "tinhtrang", "status", "trangthaihoc", "trangthaivb", "state"),
    "status_date": ("ngaytrangthai", "statusdate", "ngaychuyentrangthai", "statesince"),
    "form_of_study": ("hinhthucdaotao", "hinhthuc", "hedaotao", "formofstudy", "mahinhthuc", "mode"),
    "level": ("trinhdo", "trinhdodaotao", "level", "bacdaotao"),
    "major_code": ("manganh", "majorcode", "manganhdaotao", "major"),
    "staff_code": ("macanbo", "macb", "magv", "magiangvien", "staffcode", "manhanvien"),
    "contract_form": ("loaihopdong", "hinhthuchopdong", "contractform"),
    "valid_from": ("tungay", "ngaybatdau", "ngaykyhopdong", "validfrom", "startdate", "startson"),
    "valid_to": ("denngay", "ngayketthuc", "ngayhethan", "validto", "enddate", "endson"),
    "full_time": ("toanthoigian", "fulltime"),
    "title": ("chucdanh", "chucdanhnghenghiep", "title"),
    "highest_degree": ("hocvi", "trinhdocaonhat", "highestdegree"),
    "duration_months": ("thoigiandaotao", "sothang", "durationmonths", "months"),
    "intake_year": ("namtuyensinh", "khoatuyen", "intakeyear", "nambatdau", "firstintake"),
    "institution_type": ("loaihinh", "institutiontype"),
    "founding_date": ("ngaythanhlap", "foundingdate"),
    "province_code": ("tinh", "matinh", "provincecode"),
    "local_id": ("mahoso", "localid"),
    "kind": ("loai", "loaidonvi", "loaidv", "loaiquyetdinh", "loaiqd", "loaivanbang", "loaibang", "kind", "type"),
    "decision_number": (
        "soquyetdinh", "soqd", "soqdtn", "decisionnumber", "decisionno", "decreeno", "number",
    ),
    "decision_date": ("ngayquyetdinh", "ngayqd", "ngayqdtn", "decisiondate", "signedon", "decidedon", "decreedate", "ngayky"),
    "effective_date": ("ngayhieuluc", "hieuluctu", "effectivedate", "effectiveon"),
    "first_year": ("namtuyensinh", "nammonganh", "firstyear"),
    "other_institution": ("truongkhac", "macosokhac", "truongchuyen", "otherinstitution"),
    "reason": ("lydo", "reason", "remark"),
    "national_id": ("sodinhdanh", "sodinhdanhvanbang", "nationalid"),
    "serial": ("sohieu", "sohieubang", "sohieuvanbang", "serial", "serialno", "serialnumber"),
    "register_number": ("sovaoso", "sovaosocapbang", "registerno", "registernumber"),
    "register_year": ("namvaoso", "registeryear"),
    "classification": ("xeploai", "xeploaitotnghiep", "hangtotnghiep", "classification", "honours", "honors"),
    "award_date": ("ngaycap", "ngaycapbang", "awarddate", "awardedon"),
    "signer": ("nguoiky", "signer", "signedby"),
    "status_decision_number": ("soqdtrangthai", "soqdtinhtrang", "statedecisionno", "statusdecisionnumber"),
    "status_decision_date": ("ngayqdtrangthai", "ngayqdtinhtrang", "statedecidedon", "statusdecisiondate"),
    "main": ("chutri", "chinh", "main", "ismain"),
    "visiting": ("thinhgiang", "visiting", "isvisiting"),
    "home_institution": ("truonggoc", "macosogoc", "coquancongtac", "homeinstitution"),
}  # fmt: skip
"""Field → columns that mean it. A column of a code table's key is found too: `trang_thai_id`."""
CODE_NAMES: dict[str, tuple[str, ...]] = {
    "org_unit": ("madonvi", "madv", "makhoa", "unitcode", "code"),
    "learner": ("masv", "masinhvien", "mahocvien", "studentcode", "mssv", "studentno", "studentid"),
    "programme": ("mactdt", "mact", "machuongtrinh", "programmecode", "programcode", "code"),
    "institution": ("macosodaotao", "macoso", "matruong", "institutioncode", "code"),
}
PARENT_NAMES = ("donvicha", "donvichaid", "dvcaptren", "donvicaptren", "parent", "parentid", "parentcode")
TABLE_NAMES: dict[str, tuple[str, ...]] = {
    "institution": ("truong", "cosodaotao", "institution", "ndt11"),
    "org_unit": ("donvi", "phongban", "orgunit", "unit", "department", "faculty"),
    "major_licence": ("nganhduocmo", "monganh", "licence", "license", "ndt14"),
    "programme": ("chuongtrinh", "ctdt", "programme", "program"),
    "person": ("sinhvien", "hocvien", "student", "nguoihoc", "person", "canbo", "giangvien", "staff", "nhansu", "nh11", "cbgv11"),
    "learner": ("sinhvien", "hocvien", "student", "nguoihoc", "nh11"),
    "study_record": ("quatrinhhoc", "hosohoc", "enrolment", "enrollment", "studyrecord", "nh21"),
    "study_decision": ("quyetdinh", "decision"),
    "degree": ("vanbang", "bangcap", "degree", "diploma", "nh22"),
    "degree_correction": ("dinhchinh", "chinhsuavanbang", "correction"),
    "staff_contract": ("hopdong", "contract"),
    "teaching_assignment": ("phancong", "giangday", "teaching", "assignment"),
}  # fmt: skip
"""Entity → parts of a table's name. Of several that are there the longest counts: `degree_corrections` holds no degrees."""
_CODE_TABLE = re.compile(r"(.*\.)?(dm_|danh_?muc)", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """`references`: field of the entity → the column that holds the other record's key."""

    entity: str
    table: str
    key: tuple[str, ...]
    fields: Map[str, str]
    references: Map[str, str]


def plain(name: str) -> str:
    """A name without case, marks and separators: `Ngày_Sinh` -> `ngaysinh`."""
    bare = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    return re.sub(r"[^a-z0-9]", "", bare.encode("ascii", "ignore").decode().lower())


def guess(facts: TableFacts, by_content: Map[str, str]) -> list[Guess]:
    """What a table may hold. `by_content`: fields found by what stands in a column."""
    if not facts.key or _CODE_TABLE.match(facts.name):
        return []
    columns = {plain(column): column for column in facts.columns}
    table = plain(facts.name.split(".", 1)[1])
    matches = {entity: max((len(n) for n in names if n in table), default=0) for entity, names in TABLE_NAMES.items()}
    best = max(matches.values())
    found = []
    for entity, match in matches.items():
        fields = {
            field.name: column
            for field in avro_schema.fields(entity)
            if field.kind != "reference" and (column := _column(entity, field.name, columns, by_content))
        }
        alike = not best and entity == "person" and {"full_name", "birth_date"} <= set(fields)
        if fields and (alike or (best and match == best)):
            found.append(Guess(entity, facts.name, facts.key, fields, {}))
    return found


def _column(entity: str, field: str, columns: Map[str, str], by_content: Map[str, str]) -> str | None:
    names = CODE_NAMES.get(entity, ()) if field == "code" else NAMES.get(field, ())
    for name in names:
        if column := columns.get(name) or columns.get(f"{name}id"):
            return column
    return by_content.get(field)


def with_references(guesses: Sequence[Guess], facts: Map[str, TableFacts]) -> list[Guess]:
    """The guesses with the columns that name another table's key: by that key's own name, or by the table's with `id`."""
    return [Guess(g.entity, g.table, g.key, g.fields, _references(g, facts[g.table], guesses, facts)) for g in guesses]


def _references(of: Guess, own: TableFacts, guesses: Sequence[Guess], facts: Map[str, TableFacts]) -> dict[str, str]:
    found: dict[str, str] = {}
    columns = {plain(column): column for column in own.columns}
    for field in avro_schema.fields(of.entity):
        if field.refers_to == of.entity:
            candidates = list(PARENT_NAMES)
        else:
            candidates = [
                name
                for target in guesses
                if target.entity == field.refers_to and target.table != of.table and len(target.key) == 1
                for name in _names_of(target, facts[target.table])
            ]
        column = next((columns[name] for name in candidates if name in columns), None)
        if column is not None:
            found[field.name] = column
    return found


def _names_of(target: Guess, facts: TableFacts) -> list[str]:
    """How another table may call this one's key."""
    key, table = plain(target.key[0]), plain(facts.name.split(".", 1)[1])
    return [*([key] if key != "id" else []), f"{table}id", f"{table.removesuffix('s')}id"]
