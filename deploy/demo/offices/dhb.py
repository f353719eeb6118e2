"""University 2's statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deploy.demo.extent import TODAY
from deploy.demo.offices.office import Change, Office, Picked
from deploy.demo.universities.dhb import DECISION, HONOURS, POSITION, STATE, learner_person


class OfficeB(Office):
    NEWEST = "select max(student_id) - 1 from sis.students"

    def pick(self, status: str) -> Picked | None:
        row = self.one(
            "select e.enrolment_id, right(s.student_no, 6)::int from sis.enrolments e join sis.students s using (student_id)"
            " where e.state = %s and e.enrolment_id >= %s order by e.enrolment_id limit 1",
            STATE[status],
            self.any_learner() * 2,
        )
        return Picked(*row) if row else None

    def set_status(self, study: Any, status: str) -> int:
        return self.run(
            "update sis.enrolments set state = %s, state_since = %s where enrolment_id = %s",
            STATE[status],
            TODAY,
            study,
        )

    def decide(self, studies: Sequence[Any], kind: str, number: str, other: str | None, reason: str | None) -> int:
        row = self.one(
            "insert into sis.decisions (decision_id, kind, number, signed_on, effective_on)"
            " select coalesce(max(decision_id), 0) + 1, %s, %s, %s, %s from sis.decisions returning decision_id",
            DECISION[kind], number, TODAY, TODAY,
        )  # fmt: skip
        return 1 + sum(
            self.run("insert into sis.decision_items values (%s, %s, %s, %s)", row[0], study, other, reason)
            for study in studies
        )

    def award(self, study: Any, number: str) -> int:
        return self.run(
            "insert into sis.degrees (degree_id, person_id, enrolment_id, serial, register_no, register_year, kind, family_name,"
            " other_names, date_of_birth, level, major, honours, awarded_on, decision_no, decided_on, signed_by, state)"
            " select (select coalesce(max(degree_id), 0) + 1 from sis.degrees), p.person_id, e.enrolment_id, %s,"
            " (select coalesce(max(register_no::int), 0) + 1 from sis.degrees where register_year = %s and kind = k.kind), %s,"
            " k.kind, p.family_name, concat_ws(' ', p.middle_name, p.given_name), p.date_of_birth, c.level, c.major, %s, %s, %s,"
            " %s, 'Rector (synthetic)', 1"
            " from sis.enrolments e join sis.students s using (student_id) join sis.persons p using (person_id)"
            " join sis.programmes c using (programme_id),"
            " lateral (select case c.level when 7 then 'B' when 8 then 'M' else 'D' end) as k(kind)"
            " where e.enrolment_id = %s",
            f"B{self.r.randrange(10**9):09}", TODAY.year, TODAY.year, self.r.choice(list(HONOURS.values())), TODAY, number,
            TODAY, study,
        )  # fmt: skip

    def correct(self, number: str) -> int:
        row = self.one(
            "update sis.degrees set state = 4, state_decision_no = %s, state_decided_on = %s where degree_id ="
            " (select degree_id from sis.degrees where state = 1 and degree_id >= %s order by degree_id limit 1)"
            " returning degree_id",
            number, TODAY, self.any_learner() * 4,
        )  # fmt: skip
        if row is None:
            return 0
        return 1 + self.run(
            "insert into sis.degree_corrections (degree_id, number, signed_on, reason, family_name, other_names, date_of_birth,"
            " gender, birth_province) select d.degree_id, %s, %s, 'misprinted name', p.family_name,"
            " concat_ws(' ', p.middle_name, p.given_name), p.date_of_birth, p.gender, p.birth_province"
            " from sis.degrees d join sis.persons p using (person_id) where d.degree_id = %s",
            number, TODAY, row[0],
        )  # fmt: skip

    def hire(self, member: int) -> int:
        kind = self.r.choice(("P", "F"))
        ended = self.run(
            "update sis.contracts set ends_on = %s, state = 'ended' where staff_id = %s and state = 'active'",
            TODAY, member + 1,
        )  # fmt: skip
        return ended + self.run(
            "insert into sis.contracts (contract_id, staff_id, kind, starts_on, ends_on, full_time, state)"
            " select coalesce(max(contract_id), 0) + 1, %s, %s, %s, %s, true, 'active' from sis.contracts",
            member + 1, kind, TODAY, None if kind == "P" else TODAY.replace(year=TODAY.year + 2),
        )  # fmt: skip


def _contact(o: OfficeB) -> int:
    return o.run("update sis.students set mobile = %s where student_id = %s", o.phone(), o.any_learner() + 1)


def _birth_date(o: OfficeB) -> int:
    # A column of the same row as the stored-apart address, which must survive this.
    text = o.r.choice(("2003", "2003-07", "2003-02-30", f"{o.r.randint(1999, 2007)}-05-{o.r.randint(10, 28)}"))
    return o.run(
        "update sis.persons set date_of_birth = %s where person_id = %s", text, learner_person(o.any_learner())
    )


def _number(o: OfficeB) -> int:
    number = o.any_learner()
    person = learner_person(number)
    return o.run("update sis.persons set national_id = %s where person_id = %s", o.citizen_number(number), person)


def _position(o: OfficeB) -> int:
    # Contracts take their title from here through a look-up.
    position = o.r.choice(list(POSITION.values()))
    return o.run("update sis.staff set position = %s where staff_id = %s", position, o.any_staff() + 1)


def _redated(o: OfficeB) -> int:
    # What a decision says reaches each whom it names through a look-up.
    return o.run(
        "update sis.decisions set signed_on = signed_on - 1 where decision_id ="
        " (select decision_id from sis.decisions where decision_id >= %s order by 1 limit 1)",
        o.any_learner() * 8,
    )


def _class(o: OfficeB) -> int:
    return o.run(
        "update sis.enrolments set cohort = %s where enrolment_id in"
        " (select enrolment_id from sis.enrolments where programme_id = %s order by 1 limit 20)",
        f"K{o.r.randint(60, 72)}",
        o.r.randint(1, len(o.shape.university.programmes)),
    )


def _key(o: OfficeB) -> int:
    """A study's identifier changes, and what hangs from it follows."""
    old = o.any_learner() * 2 + 1
    return sum(
        o.run(f"update {table} set enrolment_id = enrolment_id + 1000000000 where enrolment_id = %s", old)
        for table in ("sis.enrolments", "sis.decision_items", "sis.degrees")
    )


def _delete(o: OfficeB) -> int:
    number = o.any_learner()
    person = learner_person(number)
    studies = "(select enrolment_id from sis.enrolments where student_id = %s)"
    degrees = f"(select degree_id from sis.degrees where enrolment_id in {studies})"
    return (
        o.run(f"delete from sis.degree_corrections where degree_id in {degrees}", number + 1)
        + o.run(f"delete from sis.degrees where enrolment_id in {studies}", number + 1)
        + o.run(f"delete from sis.decision_items where enrolment_id in {studies}", number + 1)
        + o.run("delete from sis.enrolments where student_id = %s", number + 1)
        + o.run("delete from sis.students where student_id = %s", number + 1)
        + o.run("delete from sis.persons where person_id = %s", person)
    )


CHANGES = (
    Change("contact", 30, _contact),
    Change("birth date", 6, _birth_date),
    Change("number", 4, _number),
    Change("position", 3, _position),
    Change("decision redated", 1, _redated),
    Change("class", 1, _class),
    Change("key", 1, _key),
    Change("deletion", 1.5, _delete),
)
