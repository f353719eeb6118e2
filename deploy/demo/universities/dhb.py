"""University 2: a normalised student information system in English."""

from __future__ import annotations

from typing import ClassVar

from deploy.demo.files import Degree, Learner, Staff
from deploy.demo.flaws import Held
from deploy.demo.studies import PER_STUDY, Decision, Study
from deploy.demo.teaching import PER_MEMBER, Assignment, Contract
from deploy.demo.universities.shape import Row, Rows, Shape, address, iso

MODE = {"FULL_TIME": "full-time", "PART_TIME": "part-time", "DISTANCE": "distance"}
STATE = {
    "STUDYING": "ACT",
    "SUSPENDED": "SUS",
    "WITHDRAWN": "WDR",
    "GRADUATED": "GRD",
    "TRANSFERRED": "TRF",
    "REVIEW": "REV",
}
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
UNIT = {
    "BOARD": "board",
    "FACULTY": "faculty",
    "DEPARTMENT": "department",
    "OFFICE": "office",
    "INSTITUTE": "institute",
    "CENTRE": "centre",
}
DECISION = {
    "SUSPENSION": "suspend",
    "RETURN": "resume",
    "WITHDRAWAL": "withdraw",
    "TRANSFER_OUT": "transfer-out",
    "TRANSFER_IN": "transfer-in",
    "GRADUATION": "graduate",
}
DEGREE_KIND = {"BACHELOR": "B", "MASTER": "M", "DOCTOR": "D"}
HONOURS = {"EXCELLENT": "EXC", "VERY_GOOD": "VGD", "GOOD": "GOD", "AVERAGE": "AVG", "FAIR": "FAI"}


class DHB(Shape):
    code = "DHB"
    name = "Đại học B (dữ liệu giả lập)"
    columns: ClassVar = {
        "sis.institution": ("code", "name", "kind", "state", "decree_no", "decree_date", "commune", "province"),
        "sis.units": ("unit_id", "parent_id", "code", "title", "kind", "active"),
        "sis.licences": ("major", "level", "decree_no", "decree_date", "first_year", "active"),
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
        "sis.decisions": ("decision_id", "kind", "number", "signed_on", "effective_on"),
        "sis.decision_items": ("decision_id", "enrolment_id", "other_institution", "remark"),
        "sis.degrees": (
            "degree_id", "person_id", "enrolment_id", "serial", "register_no", "register_year", "kind", "family_name",
            "other_names", "date_of_birth", "level", "major", "honours", "awarded_on", "decision_no", "decided_on", "signed_by",
            "state", "state_decision_no", "state_decided_on",
        ),
        "sis.degree_corrections": (
            "degree_id", "number", "signed_on", "reason", "family_name", "other_names", "date_of_birth", "gender", "birth_province",
        ),
        "sis.staff": ("staff_id", "person_id", "staff_no", "position", "degree"),
        "sis.contracts": ("contract_id", "staff_id", "kind", "starts_on", "ends_on", "full_time", "state"),
        "sis.teaching": (
            "staff_id", "level", "major", "starts_on", "ends_on", "is_main", "is_visiting", "home_institution",
        ),
    }  # fmt: skip

    def fixed(self) -> Rows:
        rows: Rows = [
            ("sis.institution", (self.code, self.name, "U", "A", "97/1995/NĐ-CP", "1995-01-27", "00256", 1)),
        ]
        rows += [
            ("sis.units", (u.number, u.parent, u.code, u.name, UNIT[u.kind], u.active)) for u in self.university.units
        ]
        rows += [
            ("sis.licences", (o.major, int(o.level), o.decision, o.day.isoformat(), o.first_year, o.active))
            for o in self.university.licences
        ]
        rows += [
            (
                "sis.programmes",
                (p.number, p.code, p.name, p.major, int(p.level), MODE[p.form], p.months, p.intake, p.active),
            )
            for p in self.university.programmes
        ]
        return rows

    def record(self, entity: str, number: int, *, staff: bool = False) -> str:
        key: object = number + 1
        match entity:
            case "person":
                key = staff_person(number) if staff else learner_person(number)
            case "org_unit" | "programme":
                key = number
            case "major_licence":
                licence = self.university.licences[number - 1]
                key = f"{licence.major}/{licence.level}"
            case "study_decision":
                key = f"{number + 1}/{number // PER_STUDY + 1}"
            case "degree":
                key = degree_id(number, staff=staff)
            case "teaching_assignment":
                found = next(
                    a for a in self.university.staff_member(number // PER_MEMBER).assignments if a.number == number
                )
                key = f"{number // PER_MEMBER + 1}/{found.level}/{found.major}/{found.start.isoformat()}"
        return f"DHB/{entity}/{key}"

    def learner_rows(self, file: Learner) -> Rows:
        number = file.number
        person = learner_person(number)
        policy = int(file.policy) if file.policy else None
        rows: Rows = [
            ("sis.persons", self._person(person, file.held, number)),
            ("sis.students", (number + 1, person, file.code, file.held.email, file.held.phone, policy)),
        ]
        for study in file.studies:
            rows.append(("sis.enrolments", self._enrolment(number + 1, study)))
            for decision in study.decisions:
                rows += decision_rows(study.number + 1, decision)
        for degree in file.degrees:
            rows += degree_rows(person, degree)
        return rows

    def staff_rows(self, file: Staff) -> Rows:
        number = file.number
        person = staff_person(number)
        rows: Rows = [
            ("sis.persons", self._person(person, file.held, number)),
            ("sis.staff", (number + 1, person, f"S{file.code}", POSITION[file.title], DEGREE[file.degree])),
            *(("sis.contracts", contract_row(number + 1, contract)) for contract in file.contracts),
            *(("sis.teaching", teaching_row(number + 1, assignment)) for assignment in file.assignments),
        ]
        for degree in file.degrees:
            rows += degree_rows(person, degree)
        return rows

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
        iso(contract.end),
        contract.full_time,
        "active" if contract.active else "ended",
    )


def decision_rows(enrolment: int, decision: Decision) -> Rows:
    """One decision about one student. In life one decision names many, and the schema allows for it."""
    identifier = decision.number + 1
    paper = (
        identifier,
        DECISION[decision.kind],
        decision.text,
        iso(decision.day),
        decision.effective.isoformat(),
    )
    return [
        ("sis.decisions", paper),
        ("sis.decision_items", (identifier, enrolment, decision.other, decision.reason)),
    ]


def degree_id(number: int, *, staff: bool) -> int:
    """Degrees of learners and of staff share one table."""
    return number * 2 + (2 if staff else 1)


def degree_rows(person: int, degree: Degree) -> Rows:
    award, identifier = degree.award, degree_id(degree.number, staff=degree.holder == "staff")
    family, _, others = degree.full_name.partition(" ")
    row = (
        identifier,
        person,
        award.study + 1 if award.study is not None else None,
        degree.serial,
        str(degree.register_number),
        degree.register_year,
        DEGREE_KIND[award.kind],
        family,
        others,
        degree.birth_date,
        int(award.level),
        award.major,
        award.classification and HONOURS[award.classification],
        award.day.isoformat(),
        award.decision,
        iso(award.decided),
        award.signer,
        int(award.status),
        award.status_decision,
        iso(award.status_day),
    )
    rows: Rows = [("sis.degrees", row)]
    if (c := degree.correction) is not None:
        family, _, others = c.full_name.partition(" ")
        province = int(c.province) if c.province else None
        corrected = (
            identifier,
            c.decision,
            c.day.isoformat(),
            c.reason,
            family,
            others,
            c.birth_date,
            c.sex,
            province,
        )
        rows.append(("sis.degree_corrections", corrected))
    return rows


def teaching_row(staff: int, taught: Assignment) -> Row:
    return (
        staff,
        int(taught.level),
        taught.major,
        taught.start.isoformat(),
        iso(taught.end),
        taught.main,
        taught.visiting,
        taught.home,
    )


def learner_person(number: int) -> int:
    """The person_id of a learner's person; staff have their own numbers between."""
    return number * 10 + 1


def staff_person(number: int) -> int:
    return number * 10 + 2
