"""Each rule over related records opens and closes by itself, whichever of the records changed."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.envelope import CANCEL, UPDATE
from tests.unit.stream_processors.bench_of_records import CODE, Bench

Change = tuple[str, int, dict[str, Any] | None]
"""Entity, number, and what becomes different of the sound record; None: it is cancelled."""

MAJOR = {"major_code": "7480201", "level": "BACHELOR"}
NAME = {"full_name": "Nguyễn Văn An", "birth_date": "2002-03-01"}
SOUND: dict[tuple[str, int], dict[str, Any]] = {
    ("major_licence", 1): MAJOR | {"decision_number": "1/QĐ", "decision_date": "2015-01-05"},
    ("programme", 1): MAJOR | {"code": "P1", "name": "Công nghệ thông tin", "duration_months": 48},
    ("person", 1): NAME | {"sex": "M"},
    ("learner", 1): {"code": "SV1", "person": f"{CODE}/person/1"},
    ("study_record", 1): {
        "learner": f"{CODE}/learner/1", "programme": f"{CODE}/programme/1", "enrolment_date": "2020-09-05", "enrolment_decision": "3/QĐ", "status": "GRADUATED", "status_date": "2024-06-20",
    },
    ("study_decision", 1): {"study_record": f"{CODE}/study_record/1", "kind": "GRADUATION", "decision_number": "9/QĐ", "decision_date": "2024-06-20"},
    ("degree", 1): MAJOR | NAME | {
        "person": f"{CODE}/person/1", "study_record": f"{CODE}/study_record/1", "award_date": "2024-07-01", "decision_number": "9/QĐ", "decision_date": "2024-06-20",
        "serial": "A0001", "kind": "DEGREE", "register_number": "1", "register_year": 2024, "status": "1",
    },
    ("staff_contract", 1): {"person": f"{CODE}/person/1", "valid_from": "2024-08-01", "permanent": True, "status": "ACTIVE"},
}  # fmt: skip
SECOND_DEGREE: Change = ("degree", 2, {"serial": "B0002", "register_number": "2"})
SECOND_FILE: tuple[Change, ...] = (
    ("person", 2, {}), ("learner", 2, {"person": f"{CODE}/person/2", "code": "SV2"}),
    ("study_record", 2, {"learner": f"{CODE}/learner/2", "enrolment_date": "2023-09-05", "status": "STUDYING", "status_date": "2023-09-05"}),
)  # fmt: skip
STUDY, DEGREE, PROGRAMME = ("study_record", 1), ("degree", 1), ("programme", 1)
ENROLLED = {"status": "STUDYING", "status_date": "2020-09-05"}
NUMBER = {"citizen_number": "001202012345"}
RULES = ("V10", "V11", "V13", "V14", "V15", "V17", "V18", "V20", "V21", "V23", "R08", "R14")


class University:
    """Records of one institution, each sent as a change of the sound one."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.version = 100
        self.open: set[tuple[str, str]] = set()
        self.send(*[(entity, number, {}) for entity, number in SOUND if entity != "degree_correction"])

    def send(self, *changes: Change) -> None:
        events = []
        for entity, number, change in changes:
            self.version += 1
            if change is None:
                events.append(self.bench.event(entity, number, self.version, operation=CANCEL))
            else:
                values = SOUND.get((entity, number), SOUND[entity, 1]) | change
                events.append(self.bench.event(entity, number, self.version, operation=UPDATE, **values))
        self.bench.send(*events)
        self._told()
        self.bench.each_portion(lambda _: self._told())

    def _told(self) -> None:
        for f in self.bench.decoded_findings():
            if f["rule"] in RULES:
                one = f["rule"], f["record_key"].removeprefix(f"{CODE}/")
                self.open = self.open | {one} if f["status"] == "OPEN" else self.open - {one}


@pytest.fixture
def university(bench: Bench) -> University:
    made = University(bench)
    assert made.open == set()
    return made


Case = tuple[str, tuple[Change, ...], set[tuple[str, str]], tuple[Change, ...]]
CASES: list[Case] = [
    ("V10 licence", (("major_licence", 1, {"decision_date": "2021-01-05"}),), {("V10", "study_record/1")}, (("major_licence", 1, {}),)),
    ("V10 study", ((*STUDY, {"enrolment_date": "2014-09-05"}),), {("V10", "study_record/1"), ("V15", "study_record/1")}, ((*STUDY, {}),)),
    ("V11 licence", (("major_licence", 1, None),), {("V11", "programme/1")}, (("major_licence", 1, {}),)),
    ("V11 programme", ((*PROGRAMME, {"major_code": "7480202"}),), {("V11", "programme/1")}, (("major_licence", 2, {"major_code": "7480202"}),)),
    ("V13 back", ((*STUDY, {"status": "STUDYING", "status_date": "2024-09-05"}),), {("V13", "study_record/1")}, ((*STUDY, {}),)),
    (
        "V13 decided", ((*STUDY, {"status": "STUDYING", "status_date": "2024-09-05"}), (*STUDY, {"status": "STUDYING", "status_date": "2024-09-05", "cohort": "K65"})),
        {("V13", "study_record/1")}, (("study_decision", 2, {"kind": "RETURN", "decision_date": "2024-09-01"}),),
    ),
    (
        "V13 decision", (("study_record", 2, ENROLLED), ("study_decision", 2, {"study_record": f"{CODE}/study_record/2"})),
        {("V13", "study_record/2")}, (("study_decision", 3, {"study_record": f"{CODE}/study_record/2", "kind": "RETURN", "decision_date": "2024-07-01"}),),
    ),
    (
        "V13 return", (("study_record", 2, ENROLLED), ("study_decision", 2, {"study_record": f"{CODE}/study_record/2", "kind": "RETURN"})),
        {("V13", "study_record/2")}, (("study_decision", 3, {"study_record": f"{CODE}/study_record/2", "kind": "SUSPENSION", "decision_date": "2024-01-05"}),),
    ),
    ("V14 study", ((*STUDY, {"status_date": "2024-07-20"}),), {("V14", "study_record/1")}, ((*STUDY, {}),)),
    ("V14 degree", ((*DEGREE, {"award_date": "2024-06-01", "decision_date": "2024-05-20"}),), {("V14", "study_record/1")}, ((*DEGREE, {}),)),
    ("V15 programme", ((*PROGRAMME, {"duration_months": 18}),), {("V15", "study_record/1")}, ((*PROGRAMME, {}),)),
    ("V17 decision", (("study_decision", 1, None),), {("V17", "study_record/1")}, (("study_decision", 1, {}),)),
    ("V17 moved", (("study_decision", 1, {"study_record": f"{CODE}/study_record/9"}),), {("V17", "study_record/1")}, (("study_decision", 1, {}),)),
    ("V17 study", (("study_record", 2, {"status": "WITHDRAWN"}),), {("V17", "study_record/2")}, (("study_decision", 2, {"study_record": f"{CODE}/study_record/2", "kind": "WITHDRAWAL"}),)),
    ("V18 serial", (SECOND_DEGREE, ("degree", 2, {"serial": "a 0001", "register_number": "2"})), {("V18", "degree/1"), ("V18", "degree/2")}, ((*DEGREE, {"serial": "C0003"}),)),
    ("V18 register", (("degree", 2, {"serial": "B0002"}),), {("V18", "degree/1"), ("V18", "degree/2")}, (("degree", 2, None),)),
    ("V20", ((*DEGREE, {"status": "4", "status_decision_number": "7", "status_decision_date": "2025-01-01"}),), {("V20", "degree/1")}, (("degree_correction", 1, {"degree": f"{CODE}/degree/1"}),)),
    ("V21 person", (("person", 1, {"full_name": "Trần Văn An"}),), {("V21", "degree/1")}, (("person", 1, {}),)),
    ("V21 corrected", ((*DEGREE, {"birth_date": "2002-03-02"}),), {("V21", "degree/1")}, (("degree_correction", 1, {"degree": f"{CODE}/degree/1", "birth_date": "2002-03-01"}),)),
    ("V23 person", (("person", 1, {"birth_date": "1940-03-01"}), (*DEGREE, {"birth_date": "1940-03-01"})), {("V23", "staff_contract/1")}, (("staff_contract", 1, {"permanent": False, "valid_to": "2030-01-01"}),)),
    ("R08 study", ((*DEGREE, {"study_record": None}),), {("R08", "degree/1")}, ((*DEGREE, {}),)),
    ("R08 decision", ((*DEGREE, {"decision_number": None}), ("study_decision", 1, None)), {("R08", "degree/1"), ("V17", "degree/1"), ("V17", "study_record/1")}, (("study_decision", 1, {}), (*DEGREE, {}))),
    ("R14 one record", (("learner", 2, {}), SECOND_FILE[2]), {("R14", "learner/1"), ("R14", "learner/2")}, (("study_record", 2, {"learner": f"{CODE}/learner/2", "enrolment_date": "2024-09-05", "status": "STUDYING", "status_date": "2024-09-05"}),)),
    ("R14 one number", (("person", 1, NUMBER), ("person", 2, NUMBER), *SECOND_FILE[1:]), {("R14", "learner/1"), ("R14", "learner/2")}, (("person", 2, {}),)),
    ("R14 gone", (("person", 1, NUMBER), ("person", 2, NUMBER), *SECOND_FILE[1:]), {("R14", "learner/1"), ("R14", "learner/2")}, (("learner", 2, None),)),
]  # fmt: skip
SOUND["degree_correction", 1] = {"decision_number": "8/QĐ", "decision_date": "2025-01-01"}


@pytest.mark.parametrize(("breaks", "opens", "mends"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_rule_opens_and_closes(
    university: University, breaks: tuple[Change, ...], opens: set[tuple[str, str]], mends: tuple[Change, ...]
) -> None:
    for change in breaks:
        university.send(change)
    assert university.open == opens
    for change in mends:
        university.send(change)
    assert university.open == set()
    assert university.bench.dead_letters() == []
