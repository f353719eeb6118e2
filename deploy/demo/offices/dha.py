"""University 1's statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from deploy.demo.extent import TODAY
from deploy.demo.offices.office import Change, Office, Picked
from deploy.demo.universities.dha import DECISION, DEGREE_CLASS, DEGREE_KIND, STATUS, TITLE, code_id, row_id


class OfficeA(Office):
    NEWEST = "select max(right(ma_hoc_vien, 6)::int) from nh_1_1"

    def new_id(self) -> str:
        return str(UUID(int=self.r.getrandbits(128), version=4))

    def pick(self, status: str) -> Picked | None:
        row = self.one(
            "select h.id, right(n.ma_hoc_vien, 6)::int from nh_2_1 h join nh_1_1 n on n.id = h.nh_1_1_id"
            " where h.trang_thai_id = %s and h.id >= %s order by h.id limit 1",
            code_id("dm_trang_thai_hoc", STATUS[status]),
            self.new_id(),
        )
        return Picked(*row) if row else None

    def set_status(self, study: Any, status: str) -> int:
        state = code_id("dm_trang_thai_hoc", STATUS[status])
        return self.run("update nh_2_1 set trang_thai_id = %s, ngay_trang_thai = %s where id = %s", state, TODAY, study)

    def decide(self, studies: Sequence[Any], kind: str, number: str, other: str | None, reason: str | None) -> int:
        code = code_id("dm_loai_quyet_dinh", DECISION[kind])
        for study in studies:
            self.run(
                "insert into nh_2_3 (id, nh_2_1_id, loai_quyet_dinh_id, so_qd, ngay_qd, ngay_hieu_luc, ma_co_so_khac, ly_do)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s)",
                self.new_id(), study, code, number, TODAY, TODAY, other, reason,
            )  # fmt: skip
        return len(studies)

    def award(self, study: Any, number: str) -> int:
        kinds = [code_id("dm_loai_van_bang", DEGREE_KIND[kind]) for kind in ("BACHELOR", "MASTER", "DOCTOR")]
        return self.run(
            "insert into nh_2_2 (id, nh_1_1_id, nh_2_1_id, so_hieu, so_vao_so, nam_vao_so, loai_van_bang_id, ho_ten, ngay_sinh,"
            " trinh_do_id, ma_nganh, xep_loai_id, ngay_cap, so_qd, ngay_qd, nguoi_ky, trang_thai_vb_id)"
            " select %s, n.id, h.id, %s, (select to_char(coalesce(max(so_vao_so::int), 0) + 1, 'FM0000') from nh_2_2"
            " where nam_vao_so = %s and loai_van_bang_id = k.kind), %s, k.kind, n.ho_ten, n.ngay_sinh, c.trinh_do_id,"
            " c.ma_nganh, %s, %s, %s, %s, 'Hiệu trưởng (giả lập)', %s"
            " from nh_2_1 h join nh_1_1 n on n.id = h.nh_1_1_id join ctdt_1_2 c on c.id = h.ctdt_1_2_id"
            " join dm_trinh_do l on l.id = c.trinh_do_id,"
            " lateral (select case l.ma when 'DH' then %s::uuid when 'THS' then %s::uuid else %s::uuid end) as k(kind)"
            " where h.id = %s",
            self.new_id(), f"A{self.r.randrange(10**9):09}", TODAY.year, TODAY.year,
            code_id("dm_xep_loai", self.r.choice(list(DEGREE_CLASS.values()))), TODAY, number, TODAY,
            code_id("dm_trang_thai_vb", "HL"), *kinds, study,
        )  # fmt: skip

    def correct(self, number: str) -> int:
        row = self.one(
            "update nh_2_2 set trang_thai_vb_id = %s, so_qd_trang_thai = %s, ngay_qd_trang_thai = %s where id ="
            " (select id from nh_2_2 where trang_thai_vb_id = %s and id >= %s order by id limit 1) returning id",
            code_id("dm_trang_thai_vb", "DC"), number, TODAY, code_id("dm_trang_thai_vb", "HL"), self.new_id(),
        )  # fmt: skip
        if row is None:
            return 0
        return 1 + self.run(
            "insert into nh_2_4 (id, nh_2_2_id, so_qd, ngay_qd, ly_do, ho_ten, ngay_sinh, gioi_tinh_id, noi_sinh_id)"
            " select %s, v.id, %s, %s, 'sai họ tên khi in bằng', n.ho_ten, n.ngay_sinh, n.gioi_tinh_id, n.noi_sinh_id"
            " from nh_2_2 v join nh_1_1 n on n.id = v.nh_1_1_id where v.id = %s",
            self.new_id(), number, TODAY, row[0],
        )  # fmt: skip

    def hire(self, member: int) -> int:
        person, form = row_id("cbgv_1_1", member), self.r.choice(("1", "2"))
        ended = self.run(
            "update cbgv_1_2 set den_ngay = %s, trang_thai_id = %s where cbgv_1_1_id = %s and trang_thai_id = %s",
            TODAY, code_id("dm_trang_thai", "0"), person, code_id("dm_trang_thai", "1"),
        )  # fmt: skip
        return ended + self.run(
            "insert into cbgv_1_2 (id, cbgv_1_1_id, ma_can_bo, loai_hop_dong_id, tu_ngay, den_ngay, toan_thoi_gian, chuc_danh_id,"
            " trang_thai_id) select %s, id, ma_can_bo, %s, %s, %s, true, %s, %s from cbgv_1_1 where id = %s",
            self.new_id(), code_id("dm_loai_hop_dong", form), TODAY,
            None if form == "1" else TODAY.replace(year=TODAY.year + 2), code_id("dm_chuc_danh", "GV"),
            code_id("dm_trang_thai", "1"), person,
        )  # fmt: skip


def _contact(o: OfficeA) -> int:
    row = row_id("nh_1_1", o.any_learner())
    return o.run("update nh_1_1 set dien_thoai = %s where id = %s", o.phone(), row)


def _name(o: OfficeA) -> int:
    return o.run("update nh_1_1 set ho_ten = %s where id = %s", o.name(), row_id("nh_1_1", o.any_learner()))


def _number(o: OfficeA) -> int:
    number = o.any_learner()
    return o.run("update nh_1_1 set so_cmtnd = %s where id = %s", o.citizen_number(number), row_id("nh_1_1", number))


def _title(o: OfficeA) -> int:
    title = code_id("dm_chuc_danh", o.r.choice(list(TITLE.values())))
    row = row_id("cbgv_1_2", o.any_staff() * 2)
    return o.run("update cbgv_1_2 set chuc_danh_id = %s where id = %s", title, row)


def _class(o: OfficeA) -> int:
    programme = row_id("ctdt_1_2", o.r.randint(1, len(o.shape.university.programmes)))
    return o.run(
        "update nh_2_1 set khoa = %s where id in (select id from nh_2_1 where ctdt_1_2_id = %s order by id limit 20)",
        f"K{o.r.randint(60, 72)}",
        programme,
    )


def _key(o: OfficeA) -> int:
    """A study's identifier changes, and what hangs from it follows."""
    old, new = row_id("nh_2_1", o.any_learner() * 2), o.new_id()
    return sum(
        o.run(f"update {table} set {column} = %s where {column} = %s", new, old)
        for table, column in (("nh_2_1", "id"), ("nh_2_2", "nh_2_1_id"), ("nh_2_3", "nh_2_1_id"))
    )


def _delete(o: OfficeA) -> int:
    row = row_id("nh_1_1", o.any_learner())
    studies = "(select id from nh_2_1 where nh_1_1_id = %s)"
    return (
        o.run(f"delete from nh_2_4 where nh_2_2_id in (select id from nh_2_2 where nh_2_1_id in {studies})", row)
        + o.run(f"delete from nh_2_2 where nh_2_1_id in {studies}", row)
        + o.run(f"delete from nh_2_3 where nh_2_1_id in {studies}", row)
        + o.run("delete from nh_2_1 where nh_1_1_id = %s", row)
        + o.run("delete from nh_1_1 where id = %s", row)
    )


CHANGES = (
    Change("contact", 30, _contact),
    Change("name", 6, _name),
    Change("number", 4, _number),
    Change("title", 4, _title),
    Change("class", 1, _class),
    Change("key", 1, _key),
    Change("deletion", 1.5, _delete),
)
