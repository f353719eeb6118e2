"""University 1: QD 4998's table names, every code behind a local UUID."""

from __future__ import annotations

from datetime import date
from functools import cache
from hashlib import blake2b
from typing import ClassVar
from uuid import UUID

from deploy.demo.files import Programme
from deploy.demo.flaws import Held
from deploy.demo.people import OLD_PROVINCES
from deploy.demo.universities.shape import Rows, Shape

SEX = {"M": "1", "F": "2"}
COUNTRY = {"VN": "VNM", "LA": "LAO"}
LEVEL = {"7": "DH", "8": "THS", "9": "TS"}
FORM = {"FULL_TIME": "CQ", "PART_TIME": "VLVH", "DISTANCE": "TX"}
STATUS = {"STUDYING": "1", "SUSPENDED": "2", "WITHDRAWN": "3", "GRADUATED": "4", "TRANSFERRED": "5"}
CONTRACT = {"PERMANENT": "1", "FIXED_TERM": "2", "VISITING": "3"}
TITLE = {"LECTURER": "GV", "SENIOR_LECTURER": "GVC", "ASSOC_PROFESSOR": "PGS", "PROFESSOR": "GS", "OTHER": "KHAC"}

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
    "dm_trang_thai_hoc": {"1": "Đang học", "2": "Bảo lưu", "3": "Thôi học", "4": "Tốt nghiệp", "5": "Chuyển trường"},
    "dm_trang_thai": {"1": "Đang hoạt động", "0": "Ngừng"},
    "dm_loai_hop_dong": {"1": "Không thời hạn", "2": "Có thời hạn", "3": "Thỉnh giảng"},
    "dm_chuc_danh": {
        "GV": "Giảng viên",
        "GVC": "Giảng viên chính",
        "PGS": "Phó giáo sư",
        "GS": "Giáo sư",
        "KHAC": "Khác",
    },
}


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
        "cbgv_1_1": (
            "id", "ma_can_bo", "ho_ten", "ngay_sinh", "gioi_tinh_id", "dan_toc_id", "quoc_tich_id", "so_cmtnd", "noi_sinh_id",
            "so_nha", "xa", "tinh",
        ),
        "cbgv_1_2": (
            "id", "cbgv_1_1_id", "ma_can_bo", "loai_hop_dong_id", "tu_ngay", "den_ngay", "toan_thoi_gian", "chuc_danh_id",
            "trinh_do_id", "trang_thai_id",
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

    def learner(self, number: int) -> Rows:
        file = self.university.learner(number)
        held = file.held
        person = row_id("nh_1_1", number)
        document = {"CMND": "2", "PASSPORT": "3"}.get(held.document_type or "")
        rows: Rows = [
            (
                "nh_1_1",
                (
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
                ),
            )
        ]
        for study in file.studies:
            row = (
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
            rows.append(("nh_2_1", row))
        return rows

    def staff_member(self, number: int) -> Rows:
        file = self.university.staff_member(number)
        held = file.held
        person = row_id("cbgv_1_1", number)
        code = f"CB{file.code}"
        rows: Rows = [
            (
                "cbgv_1_1",
                (
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
                ),
            )
        ]
        for contract in file.contracts:
            row = (
                row_id("cbgv_1_2", contract.number),
                person,
                code,
                code_id("dm_loai_hop_dong", CONTRACT[contract.form]),
                contract.start.isoformat(),
                contract.end.isoformat() if contract.end else None,
                contract.full_time,
                code_id("dm_chuc_danh", TITLE[file.title]),
                code_id("dm_trinh_do", LEVEL[file.degree]),
                code_id("dm_trang_thai", "1" if contract.active else "0"),
            )
            rows.append(("cbgv_1_2", row))
        return rows

    def _origin(self, held: Held) -> tuple[str, str, str]:
        return (
            code_id("dm_gioi_tinh", SEX.get(held.sex, "9")),
            code_id("dm_dan_toc", str(int(held.ethnicity))),
            code_id("dm_quoc_tich", COUNTRY[held.nationality]),
        )


def full_date(text: str | None) -> str | None:
    """A date column takes no part of a date, so the form fills in 1 January: how placeholders are born."""
    if text is None:
        return None
    year, _, rest = text.partition("-")
    month, _, day = rest.partition("-")
    return date(int(year), int(month or 1), int(day or 1)).isoformat()
