"""University 3's statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deploy.demo.extent import TODAY
from deploy.demo.offices.office import Change, Office, Picked
from deploy.demo.universities.dhc import (
    DECISION,
    DEGREE_CLASS,
    SCHOOL,
    STATUS,
    student_code,
    vietnamese_date,
)

_TODAY = vietnamese_date(TODAY)


class OfficeC(Office):
    NEWEST = """select max(right("MaSV", 6)::int) from "SinhVien" """

    def code(self) -> str:
        return student_code(self.shape.university.learner(self.any_learner()).code)

    def new_code(self, kind: str) -> str:
        return f"{kind}M{self.r.randrange(10**10):010}"

    def pick(self, status: str) -> Picked | None:
        row = self.one(
            'select "MaSV", right("MaSV", 6)::int from "SinhVien" where "TrangThai" = %s and "MaSV" >= %s order by 1 limit 1',
            STATUS[status],
            self.code(),
        )
        return Picked(*row) if row else None

    def set_status(self, study: Any, status: str) -> int:
        day = "" if self.r.random() < 0.01 else _TODAY
        return self.run(
            'update "SinhVien" set "TrangThai" = %s, "NgayTrangThai" = %s where "MaSV" = %s', STATUS[status], day, study
        )

    def decide(self, studies: Sequence[Any], kind: str, number: str, other: str | None, reason: str | None) -> int:
        for study in studies:
            self.run(
                'insert into "QuyetDinh" select %s, %s, %s, %s, %s, "MaSV", "HoTen", %s, %s from "SinhVien" where "MaSV" = %s',
                self.new_code("QD"), DECISION[kind], number, _TODAY, _TODAY, other and SCHOOL[other], reason, study,
            )  # fmt: skip
        return len(studies)

    def award(self, study: Any, number: str) -> int:
        return self.run(
            'insert into "VanBang" ("MaVB", "MaSV", "HocTheo", "HoTen", "NgaySinh", "LoaiBang", "TrinhDo", "MaNganh", "XepLoai",'
            ' "SoHieu", "SoVaoSo", "NamVaoSo", "NgayCap", "SoQDTN", "NgayQDTN", "NguoiKy", "TinhTrang")'
            ' select %s, s."MaSV", s."MaSV", s."HoTen", s."NgaySinh", k.kind, c."TrinhDo", c."MaNganh", %s, %s,'
            ' (select coalesce(max("SoVaoSo"::int), 0) + 1 from "VanBang" where "NamVaoSo" = %s and "LoaiBang" = k.kind), %s,'
            " %s, %s, %s, 'HIỆU TRƯỞNG (GIẢ LẬP)', 'Còn hiệu lực'"
            ' from "SinhVien" s join "ChuongTrinh" c using ("MaCT"), lateral (select case c."TrinhDo"'
            " when 'Đại học' then 'CN' when 'Thạc sĩ' then 'ThS' else 'TS' end) as k(kind)"
            ' where s."MaSV" = %s',
            self.new_code("VB"), self.r.choice(list(DEGREE_CLASS.values())), f"C{self.r.randrange(10**9):09}", str(TODAY.year),
            str(TODAY.year), _TODAY, number, _TODAY, study,
        )  # fmt: skip

    def correct(self, number: str) -> int:
        row = self.one(
            'update "VanBang" set "TinhTrang" = \'Đính chính\', "SoQDTinhTrang" = %s, "NgayQDTinhTrang" = %s where "MaVB" ='
            ' (select "MaVB" from "VanBang" where "TinhTrang" = \'Còn hiệu lực\' and "MaVB" >= %s order by 1 limit 1)'
            ' returning "MaVB"',
            number, _TODAY, f"VB{self.any_learner() * 2:07}",
        )  # fmt: skip
        if row is None:
            return 0
        return 1 + self.run(
            'insert into "DinhChinh" select v."MaVB", %s, %s, \'sai họ tên\', s."HoTen", s."NgaySinh", s."GioiTinh", s."NoiSinh"'
            ' from "VanBang" v join "SinhVien" s using ("MaSV") where v."MaVB" = %s',
            number, _TODAY, row[0],
        )  # fmt: skip

    def hire(self, member: int) -> int:
        # The table has one contract for each: the new one takes the old one's place.
        form = self.r.choice(("BC", "HĐ"))
        end = None if form == "BC" else vietnamese_date(TODAY.replace(year=TODAY.year + 2))
        return self.run(
            'update "CanBo" set "LoaiHD" = %s, "TuNgay" = %s, "DenNgay" = %s, "ToanThoiGian" = \'C\', "TinhTrang" = \'ĐLV\''
            ' where "MaCB" = %s',
            form, _TODAY, end, f"CB/{member:05}",
        )  # fmt: skip


def _contact(o: OfficeC) -> int:
    return o.run('update "SinhVien" set "DienThoai" = %s where "MaSV" = %s', o.phone(), o.code())


def _name(o: OfficeC) -> int:
    return o.run('update "SinhVien" set "HoTen" = %s where "MaSV" = %s', o.name().upper(), o.code())


def _address(o: OfficeC) -> int:
    house = None if o.r.random() < 0.1 else f"{o.r.randint(1, 99)} đường mới"
    return o.run(
        'update "SinhVien" set "DiaChi" = %s, "NgayDiaChi" = %s where "MaSV" = %s', house, "7/9/2026", o.code()
    )


def _staff(o: OfficeC) -> int:
    degree = o.r.choice(("CN", "ThS", "TS", "GSTS"))
    return o.run('update "CanBo" set "HocVi" = %s where "MaCB" = %s', degree, f"CB/{o.any_staff():05}")


def _key(o: OfficeC) -> int:
    """The wrong year in a student's code is corrected: three records move at once, and what hangs from them follows."""
    old, year = o.code(), f"{o.r.randint(15, 20)}"
    return sum(
        o.run(f"""update "{table}" set "{column}" = overlay("{column}" placing %s from 2 for 2) where "{column}" = %s""", year, old)
        for table, column in (("SinhVien", "MaSV"), ("QuyetDinh", "MaSV"), ("VanBang", "MaSV"), ("VanBang", "HocTheo"))
    )  # fmt: skip


def _delete(o: OfficeC) -> int:
    code = o.code()
    degrees = '(select "MaVB" from "VanBang" where "MaSV" = %s)'
    return o.run(f'delete from "DinhChinh" where "MaVB" in {degrees}', code) + sum(
        o.run(f'delete from "{table}" where "MaSV" = %s', code) for table in ("VanBang", "QuyetDinh", "SinhVien")
    )


CHANGES = (
    Change("contact", 30, _contact),
    Change("name", 6, _name),
    Change("address", 6, _address),
    Change("staff", 4, _staff),
    Change("key", 1, _key),
    Change("deletion", 1, _delete),
)
