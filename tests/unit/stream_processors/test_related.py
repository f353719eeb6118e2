"""Records that depend on others of the same institution: missing parents, what a claim shows, what is put off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.envelope import CANCEL, UPDATE
from schemas.rules import record
from stream_processors.records import behind, spread
from stream_processors.records.institution import JUDGE, Indexes, Institution
from stream_processors.records.unit import Unit
from tests.unit.stream_processors.bench_of_records import CODE, Bench

Event = tuple[bytes, bytes]
PERSON, LEARNER = f"{CODE}/person/1", f"{CODE}/learner/1"
NUMBER = "001203012345"


def opened(bench: Bench, *related: str) -> list[tuple[str, str, str, str]]:
    """What was said of these rules by the last unit."""
    related = related or ("V26",)
    told = (f for f in bench.findings() if f.rule in related)
    return sorted((f.rule, f.status, f.record_key, f.other_record) for f in told)


def facts(bench: Bench) -> dict[str, dict[str, Any]]:
    """Facts of the last unit's only claim, by record."""
    (claim,) = bench.claims()
    return {fact["record_key"].removeprefix(f"{CODE}/"): fact for fact in claim["facts"]}


def person(bench: Bench, version: int = 10, **more: Any) -> Event:
    return bench.event("person", 1, version, full_name="Nguyễn An", birth_date="2001", **more)


def test_a_deleted_parent_is_missed_and_its_return_is_noticed(bench: Bench) -> None:
    bench.send(person(bench), bench.event("learner", 1, 11, code="SV1", person=PERSON))
    assert opened(bench) == []
    bench.change("person", 1, 12, operation=CANCEL)
    assert opened(bench) == [("V26", "OPEN", LEARNER, PERSON)]
    bench.change("person", 1, 13, full_name="Nguyễn An", birth_date="2001")
    assert opened(bench) == [("V26", "RESOLVED", LEARNER, PERSON)]
    assert bench.account.findings_open == 0
    bench.change("person", 1, 14, operation=CANCEL)
    bench.change("learner", 1, 15, operation=CANCEL)
    assert opened(bench) == [("V26", "RESOLVED", LEARNER, PERSON)]


def test_who_has_another_parent_by_now_does_not_miss_the_former_one(bench: Bench) -> None:
    other = bench.event("person", 2, 10, full_name="Trần Bình", birth_date="2002")
    bench.send(person(bench), other, bench.event("learner", 1, 11, code="SV1", person=PERSON))
    bench.change("learner", 1, 12, code="SV1", person=f"{CODE}/person/2", operation=UPDATE)
    bench.change("person", 1, 13, operation=CANCEL)
    assert opened(bench) == []
    bench.change("person", 2, 14, operation=CANCEL)
    assert opened(bench) == [("V26", "OPEN", LEARNER, f"{CODE}/person/2")]


def test_a_parent_that_comes_and_goes_within_a_unit_is_judged_as_it_stands(bench: Bench) -> None:
    bench.send(
        bench.event("learner", 1, 10, code="SV1", person=PERSON), person(bench, 11), person(bench, 12, operation=CANCEL)
    )
    assert opened(bench) == [("V26", "OPEN", LEARNER, PERSON)]
    assert [c["person"] for c in bench.claims()] == []


def test_a_claim_shows_what_hangs_from_the_person(bench: Bench) -> None:
    study = f"{CODE}/study_record/1"
    bench.send(
        person(bench),
        bench.event("learner", 1, 10, code="SV1", person=PERSON, phone="0912345678", email="a@example.edu.vn"),
        bench.event("programme", 1, 10, code="P1", level="7", major_code="7480201"),
        bench.event("study_record", 1, 10, learner=LEARNER, programme=f"{CODE}/programme/1", enrolment_date="2020-09-05", form_of_study="FULL_TIME", status="GRADUATED", status_date="2024-07-01", main_programme=True),
        bench.event("study_decision", 1, 10, study_record=study, kind="TRANSFER_IN", decision_date="2021-01-05", other_institution="UNI-B"),
        bench.event("study_decision", 2, 10, study_record=study, kind="SUSPENSION", decision_date="2022-01-05"),
        bench.event("degree", 1, 10, person=PERSON, study_record=study, level="7", major_code="7480201", award_date="2024-07-20", serial="A1", status="1"),
        bench.event("staff_contract", 1, 10, person=PERSON, valid_from="2024-08-01", full_time=True, permanent=False, highest_degree="7", status="WORKING"),
        bench.event("teaching_assignment", 1, 10, person=PERSON, visiting=True, home_institution="UNI-C", level="7", major_code="7480201", valid_from="2024-09-01"),
        bench.event("teaching_assignment", 2, 10, person=PERSON, visiting=False),
    )  # fmt: skip
    (claim,) = bench.claims()
    assert (claim["phone"], claim["email"]) == ("0912345678", "a@example.edu.vn")
    assert [fact["record_key"] for fact in claim["facts"]] == sorted(fact["record_key"] for fact in claim["facts"])
    shown = {
        k: (f["kind"], f["valid_from"], f["valid_to"], f["status"], f["attributes"]) for k, f in facts(bench).items()
    }
    major = {"level": "7", "major_code": "7480201"}
    assert shown == {
        "study_record/1": ("STUDY", "2020-09-05", "2024-07-01", "GRADUATED", major | {"form_of_study": "FULL_TIME", "main_programme": "true", "graduated": "true"}),
        "study_decision/1": ("TRANSFER_IN", "2021-01-05", None, None, {"other_institution": "UNI-B"}),
        "degree/1": ("DEGREE", "2024-07-20", None, "1", major | {"serial": "A1"}),
        "staff_contract/1": ("CONTRACT", "2024-08-01", None, "WORKING", {"full_time": "true", "permanent": "false", "level": "7"}),
        "teaching_assignment/1": ("VISITING", "2024-09-01", None, None, major | {"other_institution": "UNI-C"}),
    }  # fmt: skip


def test_a_person_is_claimed_anew_when_and_only_when_a_fact_changed(bench: Bench) -> None:
    bench.send(person(bench), bench.event("learner", 1, 10, code="SV1", person=PERSON))
    study = {"learner": LEARNER, "enrolment_date": "2020-09-05", "status": "STUDYING"}
    bench.change("study_record", 1, 11, **study)
    assert facts(bench)["study_record/1"]["status"] == "STUDYING"
    bench.change("study_record", 1, 12, **study, enrolment_decision="12/QD", operation=UPDATE)
    assert bench.claims() == []
    bench.change("study_record", 1, 13, **study | {"status": "SUSPENDED"}, operation=UPDATE)
    assert facts(bench)["study_record/1"]["status"] == "SUSPENDED"
    bench.change("study_record", 1, 14, operation=CANCEL)
    assert facts(bench) == {}
    bench.change("study_record", 1, 15, **study)
    bench.change("learner", 1, 16, operation=CANCEL)
    assert facts(bench) == {}


def test_a_learner_that_changes_hands_takes_its_facts_along(bench: Bench) -> None:
    second = f"{CODE}/person/2"
    bench.send(person(bench), bench.event("person", 2, 10, full_name="Trần Bình", birth_date="2002"))
    bench.send(bench.event("learner", 1, 10, code="SV1", person=PERSON, phone="0912345678"), bench.event("study_record", 1, 10, learner=LEARNER, status="STUDYING"))  # fmt: skip
    bench.change("learner", 1, 11, code="SV1", person=second, phone="0912345678", operation=UPDATE)
    claims = {c["record_key"]: (c["phone"], len(c["facts"])) for c in bench.claims()}
    assert claims == {PERSON: (None, 0), second: ("0912345678", 1)}


def test_a_first_load_claims_a_person_twice_at_most(bench: Bench) -> None:
    sent: list[dict[str, Any]] = []
    for entity, values in (
        ("person", {"full_name": "Nguyễn An", "birth_date": "2001"}), ("learner", {"code": "SV1", "person": PERSON}), ("study_record", {"learner": LEARNER, "status": "STUDYING"}),
        ("staff_contract", {"person": PERSON, "full_time": True}),
    ):  # fmt: skip
        bench.change(entity, 1, 10, snapshot=True, **values)
        sent += bench.claims()
    assert [len(claim["facts"]) for claim in sent] == [0]
    bench.institution = Institution(CODE, bench.store)  # a crash forgets what is in memory only
    assert bench.work_off() == 1
    assert set(facts(bench)) == {"study_record/1", "staff_contract/1"}
    assert bench.work_off() == 0


def test_a_backlog_claims_a_person_once_for_all_of_it(bench: Bench) -> None:
    bench.send(
        bench.event("learner", 1, 10, code="SV1", person=PERSON, phone="0912345678"),
        person(bench, citizen_number=NUMBER),
    )
    (former,) = bench.claims()
    assert former["phone"] == "0912345678"
    bench.deferring = True
    for version in range(11, 14):
        bench.send(person(bench, version, citizen_number=NUMBER, permanent_address=f"Số {version}", operation=UPDATE), bench.event("study_record", version, version, learner=LEARNER))  # fmt: skip
        assert bench.claims() == []
    bench.deferring = False
    bench.work_off()
    (new,) = bench.claims()
    assert (new["person_key"], new["person"]["permanent_address"], len(new["facts"])) == (
        former["person_key"],
        "Số 13",
        3,
    )
    assert new["place"] == bench.account.place - 1


def test_a_backlog_claims_at_once_who_the_record_is_now(bench: Bench) -> None:
    bench.send(person(bench, citizen_number=NUMBER))
    (former,) = bench.claims()
    bench.deferring = True
    bench.send(person(bench, 11, citizen_number="001203012343", operation=UPDATE))
    new, retracted = bench.claims()
    assert (retracted["person_key"], retracted["person"]) == (former["person_key"], None)
    assert new["person"]["citizen_number"] == "001203012343"


@pytest.mark.parametrize("crash", [False, True])
def test_what_hangs_from_one_record_in_thousands_is_looked_at_in_portions(bench: Bench, crash: bool) -> None:
    count = spread.FAN + 2 * behind.PORTION
    bench.change("programme", 1, 10, code="P1")
    parent = f"{CODE}/programme/1"
    bench.send(*[bench.event("study_record", n, 11, learner=LEARNER, programme=parent) for n in range(count)])
    assert bench.account.findings_open == count  # of the learner, who never came
    bench.change("programme", 1, 12, operation=CANCEL)
    assert opened(bench) == []
    unit = bench.unit()
    behind.work_off(unit, 1)
    bench.keep(unit)
    assert len(bench.findings()) == behind.PORTION
    if crash:
        bench.institution = Institution(CODE, bench.store)
    assert bench.work_off() == 2
    assert bench.account.findings_open == 2 * count
    bench.change("programme", 1, 13, code="P1")
    bench.work_off()
    assert bench.account.findings_open == count


def test_a_note_is_found_wherever_it_lies_and_what_was_worked_off_is_not_walked_past_again(bench: Bench) -> None:
    def names(unit: Unit) -> list[bytes]:
        return [name for name, _ in unit.notes(JUDGE, 10)]

    def put_off(*wanted: bytes) -> Unit:
        unit = bench.unit()
        for name in wanted:
            unit.put_off(JUDGE, name)
        return unit

    bench.keep(put_off(b"D", b"F"))
    unit = put_off(b"E")
    assert names(unit) == [b"D", b"E", b"F"], "what is not written yet counts"
    bench.keep(unit)
    unit = bench.unit()
    for name in names(unit)[:2]:
        unit.set_name(JUDGE + name, None)
    assert names(unit) == [b"F"]
    assert names(bench.unit()) == [b"D", b"E", b"F"], "a unit of work may come to nothing"
    bench.keep(unit)
    assert names(bench.unit()) == [b"F"]
    assert bench.institution.first_note[JUDGE].endswith(b"/F")
    assert bench.unit().notes(JUDGE, 0) == []
    bench.keep(put_off(b"B"))
    unit = put_off(b"C", b"G")
    assert names(unit) == [b"B", b"C", b"F", b"G"]
    bench.keep(unit)
    assert names(bench.unit()) == [b"B", b"C", b"F", b"G"]
    put_off(b"A")  # is lost
    assert names(bench.unit()) == [b"B", b"C", b"F", b"G"]


def test_of_many_notes_no_more_are_read_than_a_portion(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = bench.unit()
    for number in range(100):
        unit.put_off(JUDGE, b"%02d" % number)
    bench.keep(unit)
    read: list[bytes] = []
    scan = bench.store.scan

    def counted(prefix: bytes, first: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        for key, value in scan(prefix, first):
            read.append(key)
            yield key, value

    monkeypatch.setattr(bench.store, "scan", counted)
    assert [name for name, _ in bench.unit().notes(JUDGE, 2)] == [b"00", b"01"]
    assert len(read) == 2


def test_links_are_made_again_by_a_restore(bench: Bench) -> None:
    bench.send(person(bench), bench.event("learner", 1, 11, code="SV1", person=PERSON), bench.event("programme", 1, 11))
    bench.change("programme", 1, 12, operation=CANCEL)
    messages = {key: value for key, value in bench.store.scan(CODE.encode()) if b"!child/" not in key}
    links = {key: value for key, value in bench.store.scan(CODE.encode()) if b"!child/" in key}
    bench.store.forget(CODE.encode())
    bench.store.write({**messages, **Indexes(CODE, bench.store, bench.contract)(messages)})
    assert {key: value for key, value in bench.store.scan(CODE.encode()) if b"!child/" in key} == links
    bench.institution = Institution(CODE, bench.store)
    bench.change("person", 1, 13, operation=CANCEL)
    assert opened(bench) == [("V26", "OPEN", LEARNER, PERSON)]


def test_a_torn_write_leaves_nothing_unsaid(bench: Bench) -> None:
    """Whatever prefix of a unit's state messages was written, doing the unit again ends in the same state."""
    bench.send(person(bench), bench.event("learner", 1, 11, code="SV1", person=PERSON))
    events = [
        bench.event("person", 1, 20, operation=CANCEL),
        bench.event("study_record", 1, 21, learner=LEARNER, snapshot=True),
    ]
    first = bench.offset
    whole = bench.decide(events)
    state = whole.state()
    for length in range(len(state)):
        torn = dict(state[:length])
        bench.offset = first
        kept = {key: bench.store.get(key) for key, _ in state}
        bench.store.write({**torn, **Indexes(CODE, bench.store, bench.contract)(torn)})
        bench.institution = Institution(CODE, bench.store)
        again = bench.decide(events)
        merged = {**torn, **dict(again.state())}
        for key, value in state[:-1]:
            assert merged.get(key) == value, (length, key)
        bench.store.write(kept)
        bench.institution = Institution(CODE, bench.store)
    bench.offset = first
    bench.send(*events)


def test_a_defect_costs_one_record_not_the_institutions_stream(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(record._DATES, "learner", ("SV1",))  # a defect of ours: a field that is none
    bench.send(person(bench), bench.event("learner", 1, 11, code="SV1", person=PERSON))
    assert (bench.account.applied, len(bench.claims())) == (2, 1)
    said = capsys.readouterr().err
    assert '"entity": "learner"' in said
    assert "SV1" not in said
