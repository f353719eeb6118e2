"""University 2: a normalised student information system in English."""

from __future__ import annotations

from typing import ClassVar

from deploy.demo.files import Contract, Study
from deploy.demo.flaws import Held
from deploy.demo.universities.shape import Row, Rows, Shape, address

MODE = {"FULL_TIME": "full-time", "PART_TIME": "part-time", "DISTANCE": "distance"}
STATE = {"STUDYING": "ACT", "SUSPENDED": "SUS", "WITHDRAWN": "WDR", "GRADUATED": "GRD", "TRANSFERRED": "TRF"}
KIND = {"PERMANENT": "P", "FIXED_TERM": "F", "VISITING": "V"}
POSITION = {
    "LECTURER": "LECT",
    "SENIOR_LECTURER": "SLECT",
    "ASSOC_PROFESSOR": "APROF",
    "PROFESSOR": "PROF",
    "OTHER": "OTHER",
}
DEGREE = {"7": "BSC", "8": "MSC", "9": "PHD"}
DOCUMENT = {"CMND": "ID9", "PASSPORT": "PASSPORT"}


class DHB(Shape):
    code = "DHB"
    name = "Đại học B (dữ liệu giả lập)"
    columns: ClassVar = {
        "sis.institution": ("code", "name", "kind", "state", "decree_no", "decree_date", "commune", "province"),
        "sis.programmes": (
            "programme_id", "code", "title", "major", "level", "mode", "months", "first_intake", "active",
        ),
        "sis.persons": (
            "person_id", "family_name", "middle_name", "given_name", "date_of_birth", "gender", "citizenship", "ethnic_group",
            "national_id", "other_document_kind", "other_document_no", "birth_province", "address", "address_since",
        ),
        "sis.students": ("student_id", "person_id", "student_no", "email", "mobile", "policy"),
        "sis.enrolments": (
            "enrolment_id", "student_id", "programme_id", "admitted_on", "admission_decision", "mode", "cohort", "study_year",
            "state", "state_since", "is_main",
        ),
        "sis.staff": ("staff_id", "person_id", "staff_no", "position", "degree"),
        "sis.contracts": ("contract_id", "staff_id", "kind", "starts_on", "ends_on", "full_time", "state"),
    }  # fmt: skip

    def fixed(self) -> Rows:
        rows: Rows = [
            ("sis.institution", (self.code, self.name, "U", "A", "97/1995/NĐ-CP", "1995-01-27", "00256", 1)),
        ]
        rows += [
            (
                "sis.programmes",
                (p.number, p.code, p.name, p.major, int(p.level), MODE[p.form], p.months, p.intake, p.active),
            )
            for p in self.university.programmes
        ]
        return rows

    def learner(self, number: int) -> Rows:
        file = self.university.learner(number)
        person = learner_person(number)
        policy = int(file.policy) if file.policy else None
        return [
            ("sis.persons", self._person(person, file.held, number)),
            ("sis.students", (number + 1, person, file.code, file.held.email, file.held.phone, policy)),
            *(("sis.enrolments", self._enrolment(number + 1, study)) for study in file.studies),
        ]

    def staff_member(self, number: int) -> Rows:
        file = self.university.staff_member(number)
        person = staff_person(number)
        return [
            ("sis.persons", self._person(person, file.held, number)),
            ("sis.staff", (number + 1, person, f"S{file.code}", POSITION[file.title], DEGREE[file.degree])),
            *(("sis.contracts", contract_row(number + 1, contract)) for contract in file.contracts),
        ]

    @staticmethod
    def _person(identifier: int, held: Held, number: int) -> Row:
        family, _, rest = held.full_name.partition(" ")
        middle, _, given = rest.rpartition(" ")
        return (
            identifier,
            family,
            middle or None,
            given,
            held.birth_date,
            held.sex,
            held.nationality,
            int(held.ethnicity),
            held.citizen_number,
            DOCUMENT.get(held.document_type or ""),
            held.document_number,
            int(held.birth_province) if held.birth_province else None,
            address(held, long=number % 200 == 7),
            f"20{10 + number % 15}-0{1 + number % 9}-11 23:{number % 60:02}:05",
        )

    @staticmethod
    def _enrolment(student: int, study: Study) -> Row:
        return (
            study.number + 1,
            student,
            study.programme,
            study.enrolled.isoformat(),
            study.decision,
            MODE[study.form],
            study.cohort,
            study.year,
            STATE[study.status],
            # Late in the evening UTC it is the next day in Vietnam.
            f"{study.status_date.isoformat()} {study.number % 24:02}:15:00+00",
            study.main,
        )


def contract_row(staff: int, contract: Contract) -> Row:
    return (
        contract.number + 1,
        staff,
        KIND[contract.form],
        contract.start.isoformat(),
        contract.end.isoformat() if contract.end else None,
        contract.full_time,
        "active" if contract.active else "ended",
    )


def learner_person(number: int) -> int:
    """The person_id of a learner's person; staff have their own numbers between."""
    return number * 10 + 1


def staff_person(number: int) -> int:
    return number * 10 + 2
