"""University 3: home-made, wide, all text, in capitals."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from deploy.demo.files import Programme
from deploy.demo.flaws import Held
from deploy.demo.people import OLD_PROVINCES
from deploy.demo.universities.shape import Row, Rows, Shape

ETHNIC_GROUPS = [
    "Kinh",
    "Tày",
    "Thái",
    "Hoa",
    "Khmer",
    "Mường",
    "Nùng",
    "Mông",
    "Dao",
    "Gia-rai",
    "Ngái",
    "Ê-đê",
    "Ba-na",
    "Xơ-đăng",
    "Sán Chay",
    "Cơ-ho",
    "Chăm",
    "Sán Dìu",
    "Hrê",
    "Mnông",
    "Ra-glai",
    "Xtiêng",
    "Bru-Vân Kiều",
    "Thổ",
    "Giáy",
    "Cơ-tu",
    "Gié-Triêng",
    "Mạ",
    "Khơ-mú",
    "Co",
    "Ta-ôi",
    "Chơ-ro",
    "Kháng",
    "Xinh-mun",
    "Hà Nhì",
    "Chu-ru",
    "Lào",
    "La Chí",
    "La Ha",
    "Phù Lá",
    "La Hủ",
    "Lự",
    "Lô Lô",
    "Chứt",
    "Mảng",
    "Pà Thẻn",
    "Cơ Lao",
    "Cống",
    "Bố Y",
    "Si La",
    "Pu Péo",
    "Brâu",
    "Ơ Đu",
    "Rơ-măm",
]
LEVEL = {"7": "Đại học", "8": "Thạc sĩ", "9": "Tiến sĩ"}
FORM = {"FULL_TIME": "CQ", "PART_TIME": "VHVL", "DISTANCE": "TX"}
STATUS = {"STUDYING": "DH", "SUSPENDED": "BL", "WITHDRAWN": "TH", "GRADUATED": "TN", "TRANSFERRED": "CT"}
CONTRACT = {"PERMANENT": "BC", "FIXED_TERM": "HĐ", "VISITING": "TG"}
TITLE = {"LECTURER": "GV", "SENIOR_LECTURER": "GVC", "ASSOC_PROFESSOR": "PGS", "PROFESSOR": "GS", "OTHER": "KHÁC"}
DEGREE = {"7": "CN", "8": "ThS", "9": "TS"}
POLICY = {"01": "KV1", "02": "KV2", "03": "CTB"}
COUNTRY = {"VN": "VIỆT NAM", "LA": "LÀO"}
DOCUMENT = {"CMND": "CMND", "PASSPORT": "HC"}


class DHC(Shape):
    code = "DHC"
    name = "HỌC VIỆN C (DỮ LIỆU GIẢ LẬP)"
    columns: ClassVar = {
        '"Truong"': tuple(
            map('"{}"'.format, ["MaTruong", "TenTruong", "Loai", "TinhTrang", "SoQD", "NgayQD", "MaXa", "Tinh"])
        ),
        '"ChuongTrinh"': tuple(
            map('"{}"'.format, ["MaCT", "TenCT", "MaNganh", "TrinhDo", "He", "ThoiGian", "Khoa", "TinhTrang"])
        ),
        '"SinhVien"': tuple(
            map(
                '"{}"'.format,
                [
                    "MaSV",
                    "HoTen",
                    "NgaySinh",
                    "GioiTinh",
                    "DanToc",
                    "QuocTich",
                    "CCCD",
                    "LoaiGiayTo",
                    "SoGiayTo",
                    "NoiSinh",
                    "DiaChi",
                    "Xa",
                    "Tinh",
                    "NgayDiaChi",
                    "Email",
                    "DienThoai",
                    "DoiTuong",
                    "MaCT",
                    "NgayNhapHoc",
                    "SoQDNhapHoc",
                    "He",
                    "Khoa",
                    "NamThu",
                    "TrangThai",
                    "NgayTrangThai",
                    "NganhChinh",
                ],
            )
        ),
        '"CanBo"': tuple(
            map(
                '"{}"'.format,
                [
                    "MaCB",
                    "HoTen",
                    "NgaySinh",
                    "GioiTinh",
                    "DanToc",
                    "QuocTich",
                    "CCCD",
                    "NoiSinh",
                    "DiaChi",
                    "LoaiHD",
                    "TuNgay",
                    "DenNgay",
                    "ToanThoiGian",
                    "ChucDanh",
                    "HocVi",
                    "TinhTrang",
                ],
            )
        ),
    }

    def fixed(self) -> Rows:
        rows: Rows = [('"Truong"', (self.code, self.name, "ĐH", "HĐ", "23/QĐ-TTg", "09/01/2003", "01318", "Hải Phòng"))]
        rows += [('"ChuongTrinh"', self.programme(p)) for p in self.university.programmes]
        return rows

    @staticmethod
    def programme(p: Programme) -> Row:
        # Whoever typed "4 năm" left a number that no program reads; the national row keeps the text.
        months = str(p.months) if p.number % 12 else f"{p.months // 12} năm"
        state = "HĐ" if p.active else "Dừng"
        return (
            f"{p.major}/{p.intake}",
            p.name.upper(),
            p.major,
            LEVEL[p.level],
            FORM[p.form],
            months,
            str(p.intake),
            state,
        )

    def learner(self, number: int) -> Rows:
        file = self.university.learner(number)
        held, study = file.held, file.studies[0]
        programme = self.university.programmes[study.programme - 1]
        row = (
            student_code(file.code),
            *self._person(held, number),
            DOCUMENT.get(held.document_type or ""),
            held.document_number,
            OLD_PROVINCES[held.birth_province] if held.birth_province else None,
            held.house,
            held.commune,
            OLD_PROVINCES[held.province],
            f"{1 + number % 28}/{1 + number % 12}/20{10 + number % 15}",
            held.email,
            held.phone,
            POLICY[file.policy] if file.policy else None,
            f"{programme.major}/{programme.intake}",
            vietnamese_date(study.enrolled),
            study.decision,
            FORM[study.form],
            study.cohort,
            str(study.year) if number % 97 else f"năm {study.year}",
            STATUS[study.status],
            vietnamese_date(study.status_date),
            "x" if study.main else "-",
        )
        return [('"SinhVien"', row)]

    def staff_member(self, number: int) -> Rows:
        file = self.university.staff_member(number)
        held, contract = file.held, file.contracts[0]
        row = (
            f"CB/{file.code}",
            *self._person(held, number),
            OLD_PROVINCES[held.birth_province] if held.birth_province else None,
            f"{held.house}, {held.commune}",
            CONTRACT[contract.form],
            vietnamese_date(contract.start),
            vietnamese_date(contract.end) if contract.end else None,
            "C" if contract.full_time else "K",
            TITLE[file.title],
            DEGREE[file.degree],
            "ĐLV" if contract.active else "Nghỉ",
        )
        return [('"CanBo"', row)]

    @staticmethod
    def _person(held: Held, number: int) -> Row:
        birth = "/".join(reversed(held.birth_date.split("-"))) if held.birth_date else None
        if number % 211 == 5:
            birth = "31/02/2004"
        ethnicity = int(held.ethnicity)
        group = (
            "Người nước ngoài" if ethnicity == 55 else ETHNIC_GROUPS[ethnicity - 1] if ethnicity < 55 else "Không rõ"
        )
        sex = {"M": "NAM", "F": "NỮ"}.get(held.sex, "?")
        return (held.full_name.upper(), birth, sex, group, COUNTRY[held.nationality], held.citizen_number)


def student_code(code: str) -> str:
    """K24/3-000017: the slash is what a record key must escape."""
    return f"K{code[:2]}/{code[2]}-{code[3:]}"


def vietnamese_date(day: date) -> str:
    return day.strftime("%d/%m/%Y")
