"""University 3: home-made, wide, all text, in capitals."""

from __future__ import annotations

from datetime import date
from typing import ClassVar
from urllib.parse import quote

from deploy.demo.files import Degree, Learner, Staff
from deploy.demo.flaws import Held
from deploy.demo.organisation import MAJORS, Programme
from deploy.demo.people import OLD_PROVINCES
from deploy.demo.studies import Decision
from deploy.demo.teaching import Assignment
from deploy.demo.universities.shape import Row, Rows, Shape

ETHNIC_GROUPS = [
    "Kinh", "Tày", "Thái", "Hoa", "Khmer", "Mường", "Nùng", "Mông", "Dao", "Gia-rai", "Ngái", "Ê-đê", "Ba-na",
    "Xơ-đăng", "Sán Chay", "Cơ-ho", "Chăm", "Sán Dìu", "Hrê", "Mnông", "Ra-glai", "Xtiêng", "Bru-Vân Kiều", "Thổ",
    "Giáy", "Cơ-tu", "Gié-Triêng", "Mạ", "Khơ-mú", "Co", "Ta-ôi", "Chơ-ro", "Kháng", "Xinh-mun", "Hà Nhì", "Chu-ru",
    "Lào", "La Chí", "La Ha", "Phù Lá", "La Hủ", "Lự", "Lô Lô", "Chứt", "Mảng", "Pà Thẻn", "Cơ Lao", "Cống", "Bố Y",
    "Si La", "Pu Péo", "Brâu", "Ơ Đu", "Rơ-măm",
]  # fmt: skip
SEX = {"M": "NAM", "F": "NỮ"}
LEVEL = {"7": "Đại học", "8": "Thạc sĩ", "9": "Tiến sĩ"}
FORM = {"FULL_TIME": "CQ", "PART_TIME": "VHVL", "DISTANCE": "TX"}
STATUS = {
    "STUDYING": "DH",
    "SUSPENDED": "BL",
    "WITHDRAWN": "TH",
    "GRADUATED": "TN",
    "TRANSFERRED": "CT",
    "REVIEW": "XX",
}
CONTRACT = {"PERMANENT": "BC", "FIXED_TERM": "HĐ", "VISITING": "TG"}
TITLE = {"LECTURER": "GV", "SENIOR_LECTURER": "GVC", "ASSOC_PROFESSOR": "PGS", "PROFESSOR": "GS", "OTHER": "KHÁC"}
DEGREE = {"7": "CN", "8": "ThS", "9": "TS"}
POLICY = {"01": "KV1", "02": "KV2", "03": "CTB"}
COUNTRY = {"VN": "VIỆT NAM", "LA": "LÀO"}
DOCUMENT = {"CMND": "CMND", "PASSPORT": "HC"}
UNIT = {
    "BOARD": "BGH",
    "FACULTY": "Khoa",
    "DEPARTMENT": "Bộ môn",
    "OFFICE": "Phòng",
    "INSTITUTE": "Viện",
    "CENTRE": "Trung tâm",
}
DECISION = {
    "SUSPENSION": "Bảo lưu",
    "RETURN": "Học tiếp",
    "WITHDRAWAL": "Thôi học",
    "TRANSFER_OUT": "Chuyển đi",
    "TRANSFER_IN": "Chuyển đến",
    "GRADUATION": "Tốt nghiệp",
}
DEGREE_KIND = {"BACHELOR": "CN", "MASTER": "ThS", "DOCTOR": "TS"}
DEGREE_CLASS = {
    "EXCELLENT": "XUẤT SẮC",
    "VERY_GOOD": "GIỎI",
    "GOOD": "KHÁ",
    "AVERAGE": "TRUNG BÌNH",
    "FAIR": "TB KHÁ",
}
DEGREE_STATUS = {"1": "Còn hiệu lực", "2": "Thu hồi", "3": "Hủy", "4": "Đính chính"}
SCHOOL = {"DHA": "ĐẠI HỌC A", "DHB": "ĐẠI HỌC B", "DHC": "HỌC VIỆN C"}
"""How the other institutions are called here: by a name that somebody typed."""


def _quoted(names: str) -> tuple[str, ...]:
    """Names whose capitals count, as SQL writes them."""
    return tuple(f'"{name}"' for name in names.split())


class DHC(Shape):
    code = "DHC"
    name = "HỌC VIỆN C (DỮ LIỆU GIẢ LẬP)"
    columns: ClassVar = {
        '"Truong"': _quoted("MaTruong TenTruong Loai TinhTrang SoQD NgayQD MaXa Tinh"),
        '"DonVi"': _quoted("MaDV TenDV DVCapTren LoaiDV TinhTrang"),
        '"NganhDuocMo"': _quoted("MaNganh TrinhDo TenNganh SoQD NgayQD NamTuyenSinh TinhTrang"),
        '"ChuongTrinh"': _quoted("MaCT TenCT MaNganh TrinhDo He ThoiGian Khoa TinhTrang"),
        '"SinhVien"': _quoted(
            "MaSV HoTen NgaySinh GioiTinh DanToc QuocTich CCCD LoaiGiayTo SoGiayTo NoiSinh DiaChi Xa Tinh "
            "NgayDiaChi Email DienThoai DoiTuong MaCT NgayNhapHoc SoQDNhapHoc He Khoa NamThu TrangThai "
            "NgayTrangThai NganhChinh"
        ),
        '"QuyetDinh"': _quoted("STT LoaiQD SoQD NgayQD NgayHieuLuc MaSV HoTen TruongKhac LyDo"),
        '"VanBang"': _quoted(
            "MaVB MaSV HocTheo HoTen NgaySinh LoaiBang TrinhDo MaNganh XepLoai SoHieu SoVaoSo NamVaoSo "
            "NgayCap SoQDTN NgayQDTN NguoiKy TinhTrang SoQDTinhTrang NgayQDTinhTrang"
        ),
        '"DinhChinh"': _quoted("MaVB SoQD NgayQD LyDo HoTenMoi NgaySinhMoi GioiTinhMoi NoiSinhMoi"),
        '"CanBo"': _quoted(
            "MaCB HoTen NgaySinh GioiTinh DanToc QuocTich CCCD NoiSinh DiaChi LoaiHD TuNgay DenNgay "
            "ToanThoiGian ChucDanh HocVi TinhTrang"
        ),
        '"VanBangCanBo"': _quoted(
            "MaVB MaCB HoTen NgaySinh LoaiBang TrinhDo MaNganh SoHieu SoVaoSo NamVaoSo NgayCap NguoiKy TinhTrang"
        ),
        '"PhanCong"': _quoted("MaPC MaCB HoTen TrinhDo MaNganh TuNgay DenNgay ChuTri ThinhGiang TruongGoc"),
    }

    def fixed(self) -> Rows:
        rows: Rows = [('"Truong"', (self.code, self.name, "ĐH", "HĐ", "23/QĐ-TTg", "09/01/2003", "10507", "Hải Phòng"))]
        codes = {unit.number: unit.code for unit in self.university.units}
        for unit in self.university.units:
            # A parent that does not exist is one that somebody deleted: the list of units never checked.
            parent = codes.get(unit.parent, "TTCU") if unit.parent else None
            state = "HĐ" if unit.active else "Dừng"
            rows.append(('"DonVi"', (unit.code, unit.name.upper(), parent, UNIT[unit.kind], state)))
        for licence in self.university.licences:
            row = (
                licence.major,
                LEVEL[licence.level],
                MAJORS[licence.major].upper(),
                licence.decision,
                vietnamese_date(licence.day),
                str(licence.first_year) if licence.number % 9 else f"năm {licence.first_year}",
                "HĐ" if licence.active else "Dừng",
            )
            rows.append(('"NganhDuocMo"', row))
        rows += [('"ChuongTrinh"', self.programme(p)) for p in self.university.programmes]
        return rows

    @staticmethod
    def programme(p: Programme) -> Row:
        # Whoever typed "4 năm" left a number that no program reads; the national row keeps the text.
        months = str(p.months) if p.level == "7" or p.number % 12 else f"{p.months // 12} năm"
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

    def record(self, entity: str, number: int, *, staff: bool = False) -> str:
        university = self.university
        match entity:
            case "org_unit":
                key = university.units[number - 1].code
            case "major_licence":
                licence = university.licences[number - 1]
                key = f"{licence.major}/{quote(LEVEL[licence.level])}"
            case "programme":
                programme = university.programmes[number - 1]
                key = f"{programme.major}%2F{programme.intake}"
            case "person" if staff:
                key = f"CB/CB%2F{number:05}"
            case "person":
                key = f"SV/{quote(student_code(university.learner(number).code), safe='')}"
            case "learner":
                key = quote(student_code(university.learner(number).code), safe="")
            case "study_record":
                key = quote(student_code(university.learner(number // 2).code), safe="")
            case "study_decision":
                key = decision_code(number)
            case "degree":
                key = f"CB/{degree_code(number)}" if staff else f"SV/{degree_code(number)}"
            case "staff_contract":
                key = f"CB%2F{number // 2:05}"
            case _:
                key = assignment_code(number)
        return f"DHC/{entity}/{key}"

    def found_by(self, held: Held, flaw: str) -> tuple[str, ...]:
        if flaw == "partial_birth_date":  # the mapping reads whole dates only
            return ("V05",) if held.seen(flaw) else ()
        return super().found_by(held, flaw)

    def learner_rows(self, file: Learner) -> Rows:
        number, held, study = file.number, file.held, file.studies[0]
        programme = self.university.programmes[study.programme - 1]
        code = student_code(file.code)
        row = (
            code,
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
            str(study.year) if number % 97 or study.flaws else f"năm {study.year}",
            STATUS[study.status],
            vietnamese_date(study.status_date),
            "x" if study.main else "-",
        )
        rows: Rows = [('"SinhVien"', row)]
        rows += [decision_row(code, held.full_name, decision) for decision in study.decisions]
        for degree in file.degrees:
            rows += degree_rows(code, degree)
        return rows

    def staff_rows(self, file: Staff) -> Rows:
        held, contract = file.held, file.contracts[0]
        code = f"CB/{file.code}"
        row = (
            code,
            *self._person(held, file.number),
            OLD_PROVINCES[held.birth_province] if held.birth_province else None,
            f"{held.house}, {held.commune}",
            CONTRACT[contract.form],
            vietnamese_date(contract.start),
            typed_day(contract.end),
            "C" if contract.full_time else "K",
            TITLE[file.title],
            DEGREE[file.degree],
            "ĐLV" if contract.active else "Nghỉ",
        )
        rows: Rows = [('"CanBo"', row)]
        rows += [staff_degree_row(code, degree) for degree in file.degrees]
        return rows + [assignment_row(code, held.full_name, taught) for taught in file.assignments]

    @staticmethod
    def _person(held: Held, number: int) -> Row:
        birth = typed_date(held.birth_date)
        if number % 211 == 5 and not held.flaws:
            birth = "31/02/2004"
        ethnicity = int(held.ethnicity)
        group = (
            "Người nước ngoài" if ethnicity == 55 else ETHNIC_GROUPS[ethnicity - 1] if ethnicity < 55 else "Không rõ"
        )
        sex = SEX.get(held.sex, "?")
        return (held.full_name.upper(), birth, sex, group, COUNTRY[held.nationality], held.citizen_number)


def decision_code(number: int) -> str:
    return f"QD{number:07}"


def degree_code(number: int) -> str:
    return f"VB{number:07}"


def assignment_code(number: int) -> str:
    return f"PC{number:06}"


def decision_row(student: str, name: str, decision: Decision) -> tuple[str, Row]:
    number = decision.number
    row = (
        decision_code(number),
        DECISION[decision.kind],
        decision.text,
        typed_day(decision.day),
        # Whoever was in a hurry typed a day that no month has.
        "31/02/2026" if number % 301 == 8 and not decision.flaws else vietnamese_date(decision.effective),
        student,
        name.upper(),
        SCHOOL[decision.other] if decision.other else None,
        decision.reason,
    )
    return '"QuyetDinh"', row


def degree_rows(student: str, degree: Degree) -> Rows:
    award, code = degree.award, degree_code(degree.number)
    row = (
        code,
        student,
        student if award.study is not None else None,
        degree.full_name.upper(),
        typed_date(degree.birth_date),
        DEGREE_KIND[award.kind],
        LEVEL[award.level],
        award.major,
        award.classification and DEGREE_CLASS[award.classification],
        degree.serial,
        str(degree.register_number),
        str(degree.register_year),
        vietnamese_date(award.day),
        award.decision,
        typed_day(award.decided),
        award.signer.upper() if degree.number % 50 else "-",
        DEGREE_STATUS[award.status],
        award.status_decision,
        typed_day(award.status_day),
    )
    rows: Rows = [('"VanBang"', row)]
    if (c := degree.correction) is not None:
        corrected = (
            code,
            c.decision,
            vietnamese_date(c.day),
            c.reason,
            c.full_name.upper(),
            typed_date(c.birth_date),
            SEX.get(c.sex, "?"),
            OLD_PROVINCES[c.province] if c.province else None,
        )
        rows.append(('"DinhChinh"', corrected))
    return rows


def staff_degree_row(member: str, degree: Degree) -> tuple[str, Row]:
    award = degree.award
    row = (
        degree_code(degree.number),
        member,
        degree.full_name.upper(),
        typed_date(degree.birth_date),
        DEGREE_KIND[award.kind],
        LEVEL[award.level],
        award.major,
        degree.serial,
        str(degree.register_number),
        str(degree.register_year),
        vietnamese_date(award.day),
        award.signer.upper(),
        DEGREE_STATUS[award.status],
    )
    return '"VanBangCanBo"', row


def assignment_row(member: str, name: str, taught: Assignment) -> tuple[str, Row]:
    row = (
        assignment_code(taught.number),
        member,
        name.upper(),
        LEVEL[taught.level],
        taught.major,
        vietnamese_date(taught.start),
        typed_day(taught.end),
        "x" if taught.main else "-",
        "C" if taught.visiting else "K",
        SCHOOL[taught.home] if taught.home else None,
    )
    return '"PhanCong"', row


def typed_date(text: str | None) -> str | None:
    """An ISO date, perhaps of reduced precision, as it is typed here."""
    return "/".join(reversed(text.split("-"))) if text else None


def student_code(code: str) -> str:
    """K24/3-000017: the slash is what a record key must escape."""
    return f"K{code[:2]}/{code[2]}-{code[3:]}"


def vietnamese_date(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def typed_day(day: date | None) -> str | None:
    return vietnamese_date(day) if day else None
