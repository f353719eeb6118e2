"""Changes at the universities, as offices make them: mostly updates, a few admissions, deletions, corrected keys.

Seeded: with the same seed on the same data the same statements follow each other. A change that meets a row that is gone
does nothing, as in life. CANCELs stay far below the brake's share.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import Any, TypeAlias

import psycopg

from deploy.demo import flaws
from deploy.demo.files import SHARES, TODAY
from deploy.demo.universities import dha, dhb, dhc
from deploy.demo.universities.shape import Rows, Shape

Connection: TypeAlias = psycopg.Connection[Any]
Cursor: TypeAlias = psycopg.Cursor[Any]


class Office:
    """One university's data at work. `newest` is the number of the newest learner's file; admissions raise it."""

    def __init__(self, shape: Shape, cursor: Cursor, r: Random) -> None:
        self.shape = shape
        self.cursor = cursor
        self.r = r
        self.newest = self._newest()

    def run(self, statement: str, *parameters: object) -> int:
        self.cursor.execute(statement.encode(), parameters)
        return max(0, self.cursor.rowcount)

    def insert(self, rows: Rows) -> int:
        for table, row in rows:
            columns = self.shape.columns[table]
            marks = ", ".join(["%s"] * len(row))
            self.run(f"insert into {table} ({', '.join(columns)}) values ({marks}) on conflict do nothing", *row)
        return len(rows)

    def any_learner(self) -> int:
        return self.r.randint(0, self.newest)

    def any_staff(self) -> int:
        return self.r.randrange(self.shape.university.staff)

    def admit(self) -> int:
        self.newest += 1
        return self.insert(self.shape.learner(self.newest))

    def phone(self) -> str:
        return flaws.PLACEHOLDER_PHONE if self.r.random() < 0.03 else f"09{self.r.randrange(10**8):08}"

    def name(self) -> str:
        """A corrected name; now and then the correction brings a flaw of its own."""
        person = self.shape.university.population.person(self.r.randrange(10**7), "learner")
        return flaws.hold(person, self.r).full_name

    def citizen_number(self, learner: int) -> str | None:
        university = self.shape.university
        return university.population.person(university.learner(learner).person, "learner").citizen_number

    def _newest(self) -> int:
        query = {
            "DHA": "select max(right(ma_hoc_vien, 6)::int) from nh_1_1",
            "DHB": "select max(student_id) - 1 from sis.students",
            "DHC": """select max(right("MaSV", 6)::int) from "SinhVien" """,
        }[self.shape.code]
        row = self.cursor.execute(query.encode()).fetchone()
        return int(row[0]) if row and row[0] is not None else self.shape.university.learners - 1


@dataclass(frozen=True)
class Change:
    """One kind of change: `apply` gives the number of rows that it changed."""

    name: str
    weight: float
    apply: Callable[[Office], int]


def _dha_status(o: Office) -> int:
    code = o.r.choices(list(dha.STATUS.values()), (60, 10, 12, 17, 1))[0]
    row = dha.row_id("nh_2_1", o.any_learner() * 2)
    status = dha.code_id("dm_trang_thai_hoc", code)
    return o.run("update nh_2_1 set trang_thai_id = %s, ngay_trang_thai = %s where id = %s", status, TODAY, row)


def _dha_contact(o: Office) -> int:
    row = dha.row_id("nh_1_1", o.any_learner())
    return o.run("update nh_1_1 set dien_thoai = %s where id = %s", o.phone(), row)


def _dha_name(o: Office) -> int:
    return o.run("update nh_1_1 set ho_ten = %s where id = %s", o.name(), dha.row_id("nh_1_1", o.any_learner()))


def _dha_number(o: Office) -> int:
    number = o.any_learner()
    row = dha.row_id("nh_1_1", number)
    return o.run("update nh_1_1 set so_cmtnd = %s where id = %s", o.citizen_number(number), row)


def _dha_contract(o: Office) -> int:
    title = dha.code_id("dm_chuc_danh", o.r.choice(list(dha.TITLE.values())))
    row = dha.row_id("cbgv_1_2", o.any_staff() * 2)
    return o.run("update cbgv_1_2 set chuc_danh_id = %s where id = %s", title, row)


def _dha_class(o: Office) -> int:
    programme = dha.row_id("ctdt_1_2", o.r.randint(1, len(o.shape.university.programmes)))
    return o.run(
        "update nh_2_1 set khoa = %s where id in (select id from nh_2_1 where ctdt_1_2_id = %s order by id limit 20)",
        f"K{o.r.randint(60, 72)}",
        programme,
    )


def _dha_key(o: Office) -> int:
    row = dha.row_id("nh_2_1", o.any_learner() * 2)
    return o.run("update nh_2_1 set id = gen_random_uuid() where id = %s", row)


def _dha_delete(o: Office) -> int:
    row = dha.row_id("nh_1_1", o.any_learner())
    return o.run("delete from nh_2_1 where nh_1_1_id = %s", row) + o.run("delete from nh_1_1 where id = %s", row)


def _dhb_status(o: Office) -> int:
    state = o.r.choices(list(dhb.STATE.values()), (60, 10, 12, 17, 1))[0]
    return o.run(
        "update sis.enrolments set state = %s, state_since = now() where enrolment_id = %s",
        state,
        o.any_learner() * 2 + 1,
    )


def _dhb_contact(o: Office) -> int:
    return o.run("update sis.students set mobile = %s where student_id = %s", o.phone(), o.any_learner() + 1)


def _dhb_birth_date(o: Office) -> int:
    # A column of the same row as the stored-apart address, which must survive this.
    text = o.r.choice(("2003", "2003-07", "2003-02-30", f"{o.r.randint(1999, 2007)}-05-{o.r.randint(10, 28)}"))
    return o.run(
        "update sis.persons set date_of_birth = %s where person_id = %s", text, dhb.learner_person(o.any_learner())
    )


def _dhb_number(o: Office) -> int:
    number = o.any_learner()
    person = dhb.learner_person(number)
    return o.run("update sis.persons set national_id = %s where person_id = %s", o.citizen_number(number), person)


def _dhb_position(o: Office) -> int:
    # Contracts take their title from here through a look-up.
    position = o.r.choice(list(dhb.POSITION.values()))
    return o.run("update sis.staff set position = %s where staff_id = %s", position, o.any_staff() + 1)


def _dhb_class(o: Office) -> int:
    return o.run(
        "update sis.enrolments set cohort = %s where enrolment_id in"
        " (select enrolment_id from sis.enrolments where programme_id = %s order by 1 limit 20)",
        f"K{o.r.randint(60, 72)}",
        o.r.randint(1, len(o.shape.university.programmes)),
    )


def _dhb_key(o: Office) -> int:
    return o.run(
        "update sis.enrolments set enrolment_id = enrolment_id + 1000000000 where enrolment_id = %s",
        o.any_learner() * 2 + 1,
    )


def _dhb_delete(o: Office) -> int:
    number = o.any_learner()
    return (
        o.run("delete from sis.enrolments where student_id = %s", number + 1)
        + o.run("delete from sis.students where student_id = %s", number + 1)
        + o.run("delete from sis.persons where person_id = %s", dhb.learner_person(number))
    )


def _dhc_code(o: Office) -> str:
    return dhc.student_code(o.shape.university.learner(o.any_learner()).code)


def _dhc_status(o: Office) -> int:
    state = o.r.choices(list(dhc.STATUS.values()), (60, 10, 12, 17, 1))[0]
    day = "" if o.r.random() < 0.01 else dhc.vietnamese_date(TODAY)
    return o.run(
        'update "SinhVien" set "TrangThai" = %s, "NgayTrangThai" = %s where "MaSV" = %s', state, day, _dhc_code(o)
    )


def _dhc_contact(o: Office) -> int:
    return o.run('update "SinhVien" set "DienThoai" = %s where "MaSV" = %s', o.phone(), _dhc_code(o))


def _dhc_name(o: Office) -> int:
    return o.run('update "SinhVien" set "HoTen" = %s where "MaSV" = %s', o.name().upper(), _dhc_code(o))


def _dhc_address(o: Office) -> int:
    house = None if o.r.random() < 0.1 else f"{o.r.randint(1, 99)} đường mới"
    return o.run(
        'update "SinhVien" set "DiaChi" = %s, "NgayDiaChi" = %s where "MaSV" = %s', house, "7/9/2026", _dhc_code(o)
    )


def _dhc_staff(o: Office) -> int:
    code = f"CB/{o.any_staff():05}"
    return o.run('update "CanBo" set "HocVi" = %s where "MaCB" = %s', o.r.choice(("CN", "ThS", "TS", "GSTS")), code)


def _dhc_key(o: Office) -> int:
    # The wrong year in a student's code is corrected: three records move at once.
    return o.run(
        """update "SinhVien" set "MaSV" = overlay("MaSV" placing %s from 2 for 2) where "MaSV" = %s""",
        f"{o.r.randint(15, 20)}",
        _dhc_code(o),
    )


def _dhc_delete(o: Office) -> int:
    return o.run('delete from "SinhVien" where "MaSV" = %s', _dhc_code(o))


def _admit(o: Office) -> int:
    return o.admit()


CHANGES: dict[str, tuple[Change, ...]] = {
    "DHA": (
        Change("status", 40, _dha_status),
        Change("contact", 30, _dha_contact),
        Change("name", 6, _dha_name),
        Change("number", 4, _dha_number),
        Change("contract", 5, _dha_contract),
        Change("class", 1, _dha_class),
        Change("admission", 3, _admit),
        Change("key", 1, _dha_key),
        Change("deletion", 1.5, _dha_delete),
    ),
    "DHB": (
        Change("status", 40, _dhb_status),
        Change("contact", 30, _dhb_contact),
        Change("birth date", 6, _dhb_birth_date),
        Change("number", 4, _dhb_number),
        Change("position", 3, _dhb_position),
        Change("class", 1, _dhb_class),
        Change("admission", 3, _admit),
        Change("key", 1, _dhb_key),
        Change("deletion", 1.5, _dhb_delete),
    ),
    "DHC": (
        Change("status", 40, _dhc_status),
        Change("contact", 30, _dhc_contact),
        Change("name", 6, _dhc_name),
        Change("address", 6, _dhc_address),
        Change("staff", 4, _dhc_staff),
        Change("admission", 3, _admit),
        Change("key", 1, _dhc_key),
        Change("deletion", 1, _dhc_delete),
    ),
}


class Driver:
    """Applies changes at a steady rate, each in a transaction of its own."""

    def __init__(self, shapes: Mapping[str, Shape], connections: Mapping[str, Connection], seed: int) -> None:
        self._connections = connections
        self._r = Random(f"{seed}:changes")
        self._offices = {code: Office(shapes[code], connections[code].cursor(), self._r) for code in shapes}
        # What follows depends on how far the data is, so that a second run does not repeat the first.
        self._r.seed(f"{seed}:changes:{sum(office.newest for office in self._offices.values())}")
        self.done: Counter[str] = Counter()
        """Changes by name, over all universities."""
        self.rows: Counter[str] = Counter()
        """Changed rows by university."""

    def one(self) -> None:
        """One change at one university."""
        codes = list(self._offices)
        code = self._r.choices(codes, [SHARES[c] for c in codes])[0]
        kinds = CHANGES[code]
        change = self._r.choices(kinds, [kind.weight for kind in kinds])[0]
        with self._connections[code].transaction():
            self.rows[code] += change.apply(self._offices[code])
        self.done[change.name] += 1

    def run(self, rate: float, stop: Event, seconds: float | None = None) -> int:
        """`rate` changes per second until `stop`, or for a time. What the machine can't keep up with is left out."""
        began = due = time.monotonic()
        count = 0
        while not stop.is_set() and (seconds is None or time.monotonic() - began < seconds):
            self.one()
            count += 1
            due = max(due + 1 / rate, time.monotonic() - 1)
            if (left := due - time.monotonic()) > 0:
                stop.wait(left)
        return count
