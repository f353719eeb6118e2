"""A day comes: what it makes due is ordered, judged and told, by real processes. Rules take their day from the order, so no test waits
for one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from deploy.provisioning import role_user
from schemas.avro_schema import subject
from sinks.quality import touch
from sinks.quality.days import today
from sinks.quality.publisher import TouchPublisher
from tests.integration.national.nationwide import Nationwide
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

CODE = "DAY-A"
STUDY, LEARNER, CONTRACT = f"{CODE}/study_record/1", f"{CODE}/learner/1", f"{CODE}/staff_contract/1"
LONG_AGO = round(datetime(2018, 1, 5, tzinfo=UTC).timestamp() * 1e6)


@pytest.fixture
def nation(stack: Stack, tmp_path: Path) -> Iterator[Nationwide]:
    made = Nationwide(stack, tmp_path, [CODE])
    with made.running(touch_seconds=0.5):
        made.hello()
        yield made


def stands(nation: Nationwide, rule: str) -> list[tuple[str, str, str, str]]:
    """Record, case, severity and status of a rule's findings."""
    query = (
        "SELECT record_key, details->>'case', severity, status FROM finding WHERE rule = :rule AND institution = :code"
    )
    return [tuple(row) for row in nation.rows(query, rule=rule, code=CODE)]  # type: ignore[misc]


def move(nation: Nationwide, to: datetime) -> int:
    """The scheduled job on another day, by the rights of the sink's user; how many orders."""
    kafka = nation.stack.client_config(role_user("sink"))
    orders = TouchPublisher(kafka, nation.registry.id_of(subject("Order")))
    try:
        with nation.engine.begin() as connection:
            touch.look(connection, today(to))
            return touch.give(connection, orders, today(to), 100)
    finally:
        orders.close()


def hemis_findings(nation: Nationwide, verb: str, rule: str, until: str = "") -> None:
    """What the ministry does about the only finding of a rule."""
    finding = nation.rows(
        "SELECT finding_id FROM finding WHERE rule = :rule AND institution = :code", rule=rule, code=CODE
    )
    operator = nation.settings("operator", "operator", {"national_dsn": nation.url, "actor": "tester"})
    given = ["--reason", "đã xem bản gốc, chấp nhận", "--approver", "Vụ GDĐH", "--until", until] if until else []
    command = [
        sys.executable,
        "-m",
        "deploy.command",
        "findings",
        verb,
        finding[0][0],
        *given,
        "--settings",
        str(operator),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_a_day_makes_due_is_judged_on_it(nation: Nationwide) -> None:
    nation.say(f"{CODE}/programme/1", {"code": "P", "major_code": "7480201", "level": "7", "duration_months": 48})
    nation.say(f"{CODE}/person/1", {"full_name": "Nguyễn Văn An", "birth_date": "1999-05-17", "sex": "M"})
    nation.say(LEARNER, {"code": "SV1", "person": f"{CODE}/person/2"})
    study = {
        "learner": LEARNER,
        "programme": f"{CODE}/programme/1",
        "enrolment_date": "2015-09-05",
        "status": "STUDYING",
    }
    nation.say(STUDY, study | {"year_of_study": 17}, changed_at=LONG_AGO)
    nation.flush()

    # As of its change in 2018 the study was not too long: the sink's own job finds that it is.
    wait_until(lambda: stands(nation, "V15") == [(STUDY, "too_long", "WARNING", "OPEN")], "too long since", 90)
    wait_until(lambda: stands(nation, "V26") == [(LEARNER, "waiting", "WARNING", "OPEN")], "a person is missing")

    last = datetime.now(UTC) + timedelta(days=2)
    hemis_findings(nation, "waive", "V16", f"{today(last).day}")
    wait_until(lambda: stands(nation, "V16") == [(STUDY, "range", "WARNING", "WAIVED")], "waived")

    assert move(nation, last) == 1
    wait_until(lambda: stands(nation, "V26") == [(LEARNER, "overdue", "ERROR", "OPEN")], "missing for too long")
    assert stands(nation, "V16")[0][3] == "WAIVED"
    assert move(nation, last + timedelta(days=1)) == 1
    wait_until(lambda: stands(nation, "V16") == [(STUDY, "range", "WARNING", "OPEN")], "the waiver has ended")
    assert move(nation, last + timedelta(days=1)) == 0
    assert stands(nation, "V15") == [(STUDY, "too_long", "WARNING", "OPEN")]

    nation.say(f"{CODE}/person/2", {"full_name": "Trần Thị Bình", "birth_date": "2000-05-17", "sex": "F"})
    nation.flush()
    wait_until(lambda: stands(nation, "V26")[0][3] == "RESOLVED", "the person has come")


def test_a_waiver_of_a_rule_over_institutions_holds_until_it_is_withdrawn(nation: Nationwide) -> None:
    person = {"full_name": "Lê Thị Chi", "birth_date": "1975-05-17", "sex": "F", "citizen_number": "001175054321"}
    contract = {"person": f"{CODE}/person/3", "valid_from": "2020-01-01", "permanent": True, "status": "ACTIVE"}
    nation.say(f"{CODE}/person/3", person)
    nation.say(CONTRACT, contract | {"highest_degree": "9"})
    nation.flush()

    def r12() -> list[str]:
        return [status for *_, status in stands(nation, "R12")]

    wait_until(lambda: r12() == ["OPEN"], "no register knows the degree", 90)
    hemis_findings(nation, "waive", "R12", f"{today().day + timedelta(days=30)}")
    wait_until(lambda: r12() == ["WAIVED"], "waived")
    hemis_findings(nation, "unwaive", "R12")
    wait_until(lambda: r12() == ["OPEN"], "open again")
    nation.say(CONTRACT, contract | {"highest_degree": None})
    nation.flush()
    wait_until(lambda: r12() == ["RESOLVED"], "nothing is declared any more")
