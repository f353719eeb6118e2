"""University 1: QD 4998's table names, every code behind a local UUID."""

from __future__ import annotations

from datetime import date
from functools import cache
from hashlib import blake2b
from typing import ClassVar
from uuid import UUID

from deploy.demo.files import Degree, Learner, Staff
from deploy.demo.flaws import Held
from deploy.demo.organisation import Programme
from deploy.demo.people import OLD_PROVINCES
from deploy.demo.studies import Study
from deploy.demo.universities.shape import Row, Rows, Shape, iso

SEX = {"M": "1", "F": "2"}
COUNTRY = {"VN": "VNM", "LA": "LAO"}
LEVEL = {"7": "DH", "8": "THS", "9": "TS"}
FORM = {"FULL_TIME": "CQ", "PART_TIME": "VLVH", "DISTANCE": "TX"}
STATUS = {"STUDYING": "1", "SUSPENDED": "2", "WITHDRAWN": "3", "GRADUATED": "4", "TRANSFERRED": "5", "REVIEW": "6"}
CONTRACT = {"PERMANENT": "1", "FIXED_TERM": "2", "VISITING": "3"}
TITLE = {"LECTURER": "GV", "SENIOR_LECTURER": "GVC", "ASSOC_PROFESSOR": "PGS", "PROFESSOR": "GS", "OTHER": "KHAC"}
UNIT = {"BOARD": "1", "FACULTY": "2", "DEPARTMENT": "3", "OFFICE": "4", "INSTITUTE": "5", "CENTRE": "6"}
DECISION = {
    "SUSPENSION": "BL",
    "RETURN": "TL",
    "WITHDRAWAL": "TH",
    "TRANSFER_OUT": "CD",
    "TRANSFER_IN": "CN",
    "GRADUATION": "TN",
}
DEGREE_KIND = {"BACHELOR": "CN", "MASTER": "THS", "DOCTOR": "TS"}
DEGREE_CLASS = {"EXCELLENT": "XS", "VERY_GOOD": "G", "GOOD": "K", "AVERAGE": "TB", "FAIR": "TBK"}
DEGREE_STATUS = {"1": "HL", "2": "TH", "3": "HUY", "4": "DC"}

CODE_TABLES: dict[str, dict[str, str]] = {
    "dm_gioi_tinh": {"1": "Nam", "2": "Nữ", "9": "Chưa rõ"},
    "dm_dan_toc": {
        "1": "Kinh",
        **{str(n): f"Dân tộc {n}" for n in range(2, 55)},
        "55": "Người nước ngoài",
        "99": "Chưa rõ",
    },
    "dm_quoc_tich": {"VNM": "Việt Nam", "LAO": "Lào"},
    "dm_tinh": {f"0{code}": name for code, name in OLD_PROVINCES.items()},
    "dm_loai_giay_to": {"2": "Chứng minh nhân dân", "3": "Hộ chiếu"},
    "dm_doi_tuong": {"1": "Nhóm 1", "2": "Nhóm 2", "3": "Nhóm 3"},
    "dm_trinh_do": {"DH": "Đại học", "THS": "Thạc sĩ", "TS": "Tiến sĩ"},
    "dm_hinh_thuc_dao_tao": {"CQ": "Chính quy", "VLVH": "Vừa làm vừa học", "TX": "Từ xa"},
    "dm_trang_thai_hoc": {
        "1": "Đang học",
        "2": "Bảo lưu",
        "3": "Thôi học",
        "4": "Tốt nghiệp",
        "5": "Chuyển trường",
        "6": "Đang xét",
    },
    "dm_trang_thai": {"1": "Đang hoạt động", "0": "Ngừng"},
    "dm_loai_hop_dong": {"1": "Không thời hạn", "2": "Có thời hạn", "3": "Thỉnh giảng"},
    "dm_chuc_danh": {
        "GV": "Giảng viên",
        "GVC": "Giảng viên chính",
        "PGS": "Phó giáo sư",
        "GS": "Giáo sư",
        "KHAC": "Khác",
    },
    "dm_loai_don_vi": {
        "1": "Ban Giám hiệu",
        "2": "Khoa",
        "3": "Bộ môn",
        "4": "Phòng",
        "5": "Viện",
        "6": "Trung tâm",
    },
    "dm_loai_quyet_dinh": {
        "BL": "Bảo lưu",
        "TL": "Trở lại học",
        "TH": "Thôi học",
        "CD": "Chuyển đi",
        "CN": "Chuyển đến",
        "TN": "Tốt nghiệp",
    },
    "dm_loai_van_bang": {"CN": "Bằng cử nhân", "THS": "Bằng thạc sĩ", "TS": "Bằng tiến sĩ"},
    "dm_xep_loai": {"XS": "Xuất sắc", "G": "Giỏi", "K": "Khá", "TB": "Trung bình", "TBK": "Trung bình khá"},
    "dm_trang_thai_vb": {"HL": "Có hiệu lực", "TH": "Thu hồi", "HUY": "Hủy bỏ", "DC": "Đã đính chính"},
}
TABLES = {
    "org_unit": "ndt_1_2",
    "major_licence": "ndt_1_4",
    "programme": "ctdt_1_2",
    "learner": "nh_1_1",
    "study_record": "nh_2_1",
    "degree": "nh_2_2",
    "study_decision": "nh_2_3",
    "degree_correction": "nh_2_4",
    "staff_contract": "cbgv_1_2",
    "teaching_assignment": "cbgv_1_3",
}
STAFF_DEGREES = "cbgv_1_4"


def row_id(table: str, number: int) -> str:
    """The local UUID of a row: random to look at, the same at every run."""
    return str(UUID(bytes=blake2b(f"{table}:{number}".encode(), digest_size=16).digest(), version=4))


@cache
def code_id(table: str, code: str) -> str:
    """The local UUID of a code."""
    return str(UUID(bytes=blake2b(f"{table}/{code}".encode(), digest_size=16).digest(), version=4))


class DHA(Shape):
    code = "DHA"
    name = "Trường Đại học A (dữ liệu giả lập)"
    columns: ClassVar = {
        **dict.fromkeys(CODE_TABLES, ("id", "ma", "ten")),
        "ndt_1_1": (
            "id", "ma_co_so", "ten_co_so", "loai_hinh", "trang_thai_id", "so_quyet_dinh", "ngay_quyet_dinh", "ma_xa", "tinh_id",
        ),
        "ndt_1_2": ("id", "ma_don_vi", "ten_don_vi", "don_vi_cha_id", "loai_don_vi_id", "trang_thai_id"),
        "ndt_1_4": (
            "id", "ma_nganh", "trinh_do_id", "so_quyet_dinh", "ngay_quyet_dinh", "nam_tuyen_sinh", "trang_thai_id",
        ),
        "ctdt_1_2": (
            "id", "ma_ctdt", "ten_ctdt", "ma_nganh", "trinh_do_id", "hinh_thuc_id", "so_thang", "khoa_tuyen", "trang_thai_id",
        ),
        "nh_1_1": (
            "id", "ma_hoc_vien", "ho_ten", "ngay_sinh", "gioi_tinh_id", "dan_toc_id", "quoc_tich_id", "so_cmtnd",
            "loai_giay_to_id", "noi_sinh_id", "so_nha", "xa", "tinh", "email", "dien_thoai", "doi_tuong_id",
        ),
        "nh_2_1": (
            "id", "nh_1_1_id", "ctdt_1_2_id", "ngay_nhap_hoc", "so_qd", "hinh_thuc_id", "khoa", "nam_thu", "trang_thai_id",
            "ngay_trang_thai", "nganh_chinh",
        ),
        "nh_2_2": (
            "id", "nh_1_1_id", "nh_2_1_id", "so_dinh_danh", "so_hieu", "so_vao_so", "nam_vao_so", "loai_van_bang_id", "ho_ten",
            "ngay_sinh", "trinh_do_id", "ma_nganh", "xep_loai_id", "ngay_cap", "so_qd", "ngay_qd", "nguoi_ky",
            "trang_thai_vb_id", "so_qd_trang_thai", "ngay_qd_trang_thai",
        ),
        "nh_2_3": (
            "id", "nh_2_1_id", "loai_quyet_dinh_id", "so_qd", "ngay_qd", "ngay_hieu_luc", "ma_co_so_khac", "ly_do",
        ),
        "nh_2_4": ("id", "nh_2_2_id", "so_qd", "ngay_qd", "ly_do", "ho_ten", "ngay_sinh", "gioi_tinh_id", "noi_sinh_id"),
        "cbgv_1_1": (
            "id", "ma_can_bo", "ho_ten", "ngay_sinh", "gioi_tinh_id", "dan_toc_id", "quoc_tich_id", "so_cmtnd", "noi_sinh_id",
            "so_nha", "xa", "tinh",
        ),
        "cbgv_1_2": (
            "id", "cbgv_1_1_id", "ma_can_bo", "loai_hop_dong_id", "tu_ngay", "den_ngay", "toan_thoi_gian", "chuc_danh_id",
            "trinh_do_id", "trang_thai_id",
        ),
        "cbgv_1_3": (
            "id", "cbgv_1_1_id", "ma_can_bo", "trinh_do_id", "ma_nganh", "tu_ngay", "den_ngay", "chu_tri", "thinh_giang",
            "ma_co_so_goc",
        ),
        "cbgv_1_4": (
            "id", "cbgv_1_1_id", "so_hieu", "so_vao_so", "nam_vao_so", "loai_van_bang_id", "ho_ten", "ngay_sinh",
            "trinh_do_id", "ma_nganh", "ngay_cap", "nguoi_ky", "trang_thai_vb_id",
        ),
    }  # fmt: skip

    def fixed(self) -> Rows:
        rows: Rows = [
            (table, (code_id(table, code), code, name))
            for table, codes in CODE_TABLES.items()
            for code, name in codes.items()
        ]
        active, seat = code_id("dm_trang_thai", "1"), code_id("dm_tinh", "001")
        institution = (self.code, self.name, "1", active, "15/1999/QĐ-TTg", "1999-03-08", "00070", seat)
        rows.append(("ndt_1_1", (row_id("ndt_1_1", 1), *institution)))
        for unit in self.university.units:
            kind, state = (
                code_id("dm_loai_don_vi", UNIT[unit.kind]),
                code_id("dm_trang_thai", "1" if unit.active else "0"),
            )
            parent = row_id("ndt_1_2", unit.parent) if unit.parent else None
            rows.append(("ndt_1_2", (row_id("ndt_1_2", unit.number), unit.code, unit.name, parent, kind, state)))
        for licence in self.university.licences:
            row = (
                row_id("ndt_1_4", licence.number),
                licence.major,
                code_id("dm_trinh_do", LEVEL[licence.level]),
                licence.decision,
                licence.day.isoformat(),
                licence.first_year,
                code_id("dm_trang_thai", "1" if licence.active else "0"),
            )
            rows.append(("ndt_1_4", row))
        rows += [("ctdt_1_2", self.programme(programme)) for programme in self.university.programmes]
        return rows

    def programme(self, p: Programme) -> tuple[str | int, ...]:
        return (
            row_id("ctdt_1_2", p.number),
            p.code,
            p.name,
            p.major,
            code_id("dm_trinh_do", LEVEL[p.level]),
            code_id("dm_hinh_thuc_dao_tao", FORM[p.form]),
            p.months,
            p.intake,
            code_id("dm_trang_thai", "1" if p.active else "0"),
        )

    def record(self, entity: str, number: int, *, staff: bool = False) -> str:
        if entity == "person":
            return f"DHA/person/{'cbgv' if staff else 'nh'}/{row_id('cbgv_1_1' if staff else 'nh_1_1', number)}"
        return f"DHA/{entity}/{row_id(STAFF_DEGREES if staff else TABLES[entity], number)}"

    def found_by(self, held: Held, flaw: str) -> tuple[str, ...]:
        match flaw:
            case "former_card":  # its number stands in the citizen number's column
                return ("V03",)
            case "partial_birth_date" if len(held.birth_date or "") == 4:  # the date column fills in 1 January
                return ("V25",)
        return super().found_by(held, flaw)

    def learner_rows(self, file: Learner) -> Rows:
        held = file.held
        person = row_id("nh_1_1", file.number)
        document = {"CMND": "2", "PASSPORT": "3"}.get(held.document_type or "")
        row = (
            person,
            file.code,
            held.full_name,
            full_date(held.birth_date),
            *self._origin(held),
            held.citizen_number or held.document_number,
            document and code_id("dm_loai_giay_to", document),
            held.birth_province and code_id("dm_tinh", "0" + held.birth_province),
            held.house,
            held.commune,
            OLD_PROVINCES[held.province],
            held.email,
            held.phone,
            file.policy and code_id("dm_doi_tuong", file.policy[1]),
        )
        rows: Rows = [("nh_1_1", row)]
        for study in file.studies:
            rows.append(("nh_2_1", self._study(person, study)))
            rows += decision_rows(study)
        for degree in file.degrees:
            rows += self._degree(person, degree)
        return rows

    @staticmethod
    def _study(person: str, study: Study) -> Row:
        return (
            row_id("nh_2_1", study.number),
            person,
            row_id("ctdt_1_2", study.programme),
            study.enrolled.isoformat(),
            study.decision,
            code_id("dm_hinh_thuc_dao_tao", FORM[study.form]),
            study.cohort,
            study.year,
            code_id("dm_trang_thai_hoc", STATUS[study.status]),
            study.status_date.isoformat(),
            int(study.main),
        )

    @staticmethod
    def _degree(person: str, degree: Degree) -> Rows:
        award, identifier = degree.award, row_id("nh_2_2", degree.number)
        # National identifiers are given out since this year only.
        national = f"VN26{degree.number:08}" if award.day.year == 2026 else None
        row = (
            identifier,
            person,
            row_id("nh_2_1", award.study) if award.study is not None else None,
            national,
            degree.serial,
            f"{degree.register_number:04}",
            degree.register_year,
            code_id("dm_loai_van_bang", DEGREE_KIND[award.kind]),
            degree.full_name,
            full_date(degree.birth_date),
            code_id("dm_trinh_do", LEVEL[award.level]),
            award.major,
            award.classification and code_id("dm_xep_loai", DEGREE_CLASS[award.classification]),
            award.day.isoformat(),
            award.decision,
            iso(award.decided),
            award.signer,
            code_id("dm_trang_thai_vb", DEGREE_STATUS[award.status]),
            award.status_decision,
            iso(award.status_day),
        )
        rows: Rows = [("nh_2_2", row)]
        if (c := degree.correction) is not None:
            corrected = (
                row_id("nh_2_4", c.number),
                identifier,
                c.decision,
                c.day.isoformat(),
                c.reason,
                c.full_name,
                full_date(c.birth_date),
                code_id("dm_gioi_tinh", SEX.get(c.sex, "9")),
                c.province and code_id("dm_tinh", "0" + c.province),
            )
            rows.append(("nh_2_4", corrected))
        return rows

    def staff_rows(self, file: Staff) -> Rows:
        held = file.held
        person = row_id("cbgv_1_1", file.number)
        code = f"CB{file.code}"
        row = (
            person,
            code,
            held.full_name,
            full_date(held.birth_date),
            *self._origin(held),
            held.citizen_number or held.document_number,
            held.birth_province and code_id("dm_tinh", "0" + held.birth_province),
            held.house,
            held.commune,
            OLD_PROVINCES[held.province],
        )
        rows: Rows = [("cbgv_1_1", row)]
        for contract in file.contracts:
            contract_row = (
                row_id("cbgv_1_2", contract.number),
                person,
                code,
                code_id("dm_loai_hop_dong", CONTRACT[contract.form]),
                contract.start.isoformat(),
                iso(contract.end),
                contract.full_time,
                code_id("dm_chuc_danh", TITLE[file.title]),
                code_id("dm_trinh_do", LEVEL[file.degree]),
                code_id("dm_trang_thai", "1" if contract.active else "0"),
            )
            rows.append(("cbgv_1_2", contract_row))
        for taught in file.assignments:
            taught_row = (
                row_id("cbgv_1_3", taught.number),
                person,
                code,
                code_id("dm_trinh_do", LEVEL[taught.level]),
                taught.major,
                taught.start.isoformat(),
                iso(taught.end),
                taught.main,
                taught.visiting,
                taught.home,
            )
            rows.append(("cbgv_1_3", taught_row))
        return rows + [(STAFF_DEGREES, self._staff_degree(person, degree)) for degree in file.degrees]

    @staticmethod
    def _staff_degree(person: str, degree: Degree) -> Row:
        award = degree.award
        return (
            row_id(STAFF_DEGREES, degree.number),
            person,
            degree.serial,
            f"{degree.register_number:04}",
            degree.register_year,
            code_id("dm_loai_van_bang", DEGREE_KIND[award.kind]),
            degree.full_name,
            full_date(degree.birth_date),
            code_id("dm_trinh_do", LEVEL[award.level]),
            award.major,
            award.day.isoformat(),
            award.signer,
            code_id("dm_trang_thai_vb", DEGREE_STATUS[award.status]),
        )

    def _origin(self, held: Held) -> tuple[str, str, str]:
        return (
            code_id("dm_gioi_tinh", SEX.get(held.sex, "9")),
            code_id("dm_dan_toc", str(int(held.ethnicity))),
            code_id("dm_quoc_tich", COUNTRY[held.nationality]),
        )


def decision_rows(study: Study) -> Rows:
    return [
        (
            "nh_2_3",
            (
                row_id("nh_2_3", decision.number),
                row_id("nh_2_1", study.number),
                code_id("dm_loai_quyet_dinh", DECISION[decision.kind]),
                decision.text,
                iso(decision.day),
                decision.effective.isoformat(),
                decision.other,
                decision.reason,
            ),
        )
        for decision in study.decisions
    ]


def full_date(text: str | None) -> str | None:
    """A date column takes no part of a date, so the form fills in 1 January: how placeholders are born."""
    if text is None:
        return None
    year, _, rest = text.partition("-")
    month, _, day = rest.partition("-")
    return date(int(year), int(month or 1), int(day or 1)).isoformat()
