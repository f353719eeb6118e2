"""A university's units, licensed majors and programmes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from deploy.demo.extent import INTAKES
from deploy.demo.flaws import mojibake

MAJORS: dict[str, str] = {
    "7140202": "Giáo dục Tiểu học", "7140209": "Sư phạm Toán học", "7220201": "Ngôn ngữ Anh", "7310101": "Kinh tế",
    "7340101": "Quản trị kinh doanh", "7340201": "Tài chính - Ngân hàng", "7340301": "Kế toán", "7380101": "Luật",
    "7420201": "Công nghệ sinh học", "7440301": "Khoa học môi trường", "7460101": "Toán học", "7480101": "Khoa học máy tính",
    "7480103": "Kỹ thuật phần mềm", "7480201": "Công nghệ thông tin", "7520114": "Kỹ thuật cơ điện tử",
    "7520201": "Kỹ thuật điện", "7580201": "Kỹ thuật xây dựng", "7720201": "Dược học", "7720301": "Điều dưỡng",
    "7810103": "Quản trị dịch vụ du lịch và lữ hành", "8310110": "Quản lý kinh tế", "8340101": "Quản trị kinh doanh",
    "8480201": "Công nghệ thông tin", "9340101": "Quản trị kinh doanh", "9480101": "Khoa học máy tính",
}  # fmt: skip
"""Major code (first digit = level) → name."""

BACHELORS, HIGHER = 13, 4
"""Majors of each university."""
MONTHS = {"7": 48, "8": 24, "9": 36}
DEMAND = {"7": 20, "8": 4, "9": 1}
"""How a year's new learners are spread over the levels, per major."""

FACULTIES = (
    "Khoa Sư phạm", "Khoa Ngoại ngữ", "Khoa Kinh tế", "Khoa Quản trị", "Khoa Luật", "Khoa Khoa học tự nhiên",
    "Khoa Công nghệ thông tin", "Khoa Kỹ thuật",
)  # fmt: skip
OFFICES = ("Phòng Đào tạo", "Phòng Công tác sinh viên", "Phòng Tổ chức cán bộ", "Phòng Khảo thí")


@dataclass(frozen=True, slots=True)
class Unit:
    """`parent` is a unit's number; a flaw may name one that does not exist."""

    number: int
    code: str
    name: str
    kind: str
    parent: int | None
    active: bool
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Licence:
    number: int
    major: str
    level: str
    decision: str
    day: date
    first_year: int
    active: bool
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Programme:
    number: int
    code: str
    name: str
    major: str
    level: str
    form: str
    months: int
    intake: int
    active: bool
    flaws: tuple[str, ...] = ()


def units() -> tuple[Unit, ...]:
    """A board, eight faculties with two departments each, offices, an institute that was closed; numbers begin at 1."""
    found = [Unit(1, "BGH", "Ban Giám hiệu", "BOARD", None, True)]

    def add(code: str, name: str, kind: str, parent: int, active: bool = True, flaws: tuple[str, ...] = ()) -> int:
        found.append(Unit(len(found) + 1, code, name, kind, parent, active, flaws))
        return len(found)

    for n, name in enumerate(FACULTIES, 1):
        faculty = add(f"K{n:02}", name, "FACULTY", 1)
        for part in (1, 2):
            department = f"Bộ môn {part}, {name}"
            broken = (n, part) == (3, 2)
            flaws = ("broken_unit_name",) if broken else ()
            add(f"K{n:02}.{part}", mojibake(department) if broken else department, "DEPARTMENT", faculty, True, flaws)
    for n, name in enumerate(OFFICES, 1):
        add(f"P{n:02}", name, "OFFICE", 1)
    add("V01", "Viện Nghiên cứu cũ", "INSTITUTE", 1, active=False)
    add("T01", "Trung tâm Ngoại ngữ", "CENTRE", 999, flaws=("unit_without_parent",))
    return tuple(found)


def majors(r: Random) -> list[str]:
    """The majors of one university, higher levels last."""
    bachelors = sorted(r.sample([major for major in MAJORS if major[0] == "7"], BACHELORS))
    return bachelors + sorted(r.sample([major for major in MAJORS if major[0] != "7"], HIGHER))


def licences(code: str, of: list[str], r: Random) -> tuple[Licence, ...]:
    """One per major and level, but the last major has none, and the one before got its licence late."""
    found = []
    for n, major in enumerate(of[:-1], 1):
        late = n == len(of) - 1
        opened = (
            date(INTAKES[1] + 1, 3, 15) if late else date(r.randint(1996, 2012), r.randint(1, 12), r.randint(1, 28))
        )
        decision = f"{r.randint(100, 4999)}/QĐ-BGDĐT"
        flaws = ("late_licence",) if late else ()
        found.append(Licence(n, major, major[0], decision, opened, opened.year + (opened.month > 8), True, flaws))
    closed = next(major for major in MAJORS if major not in of)
    found.append(Licence(len(of), closed, closed[0], f"77/QĐ-{code}", date(1999, 6, 1), 1999, False))
    return tuple(found)


def programmes(of: list[str], r: Random) -> tuple[Programme, ...]:
    """One per major and intake; numbers begin at 1."""
    found: list[Programme] = []
    for major in of:
        for intake in INTAKES:
            form = "FULL_TIME" if r.random() < 0.85 else "PART_TIME"
            active = intake > INTAKES[0] or r.random() < 0.5
            flaws = ("unlicensed_major",) if major == of[-1] else ()
            code, level = f"{major}.{intake}", major[0]
            found.append(
                Programme(len(found) + 1, code, MAJORS[major], major, level, form, MONTHS[level], intake, active, flaws)
            )
    return tuple(found)
