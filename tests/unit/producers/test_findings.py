"""The agent's store of findings."""

from pathlib import Path

import pytest

from producers.findings import FILE, FindingStore, findings
from schemas.errors import HemisError
from schemas.findings import STATUSES
from tests.conformance.sinks.events import Events

EVENTS = Events()


def raw(name: str, place: int, **more: object) -> bytes:
    return EVENTS.finding(name, place, **more)[1]


def stored(folder: Path, **wanted: object) -> list[tuple[str, str]]:
    return sorted((f.finding_id, f.status) for f in findings(folder, **wanted))  # type: ignore[arg-type]


def test_findings_open_and_close(tmp_path: Path) -> None:
    store = FindingStore(tmp_path)
    store.take([raw("a", 1), raw("b", 2, status="DISPUTED"), raw("c", 3, status="WAIVED", waiver="Vụ GDĐH: lý do")])
    assert (store.open, stored(tmp_path)) == (2, [("a", "OPEN"), ("b", "DISPUTED")])
    store.take([raw("a", 4, status="RESOLVED"), raw("c", 5, orders_place=1)])
    assert (store.open, stored(tmp_path)) == (2, [("b", "DISPUTED"), ("c", "OPEN")])
    assert stored(tmp_path, statuses=STATUSES)[0] == ("a", "RESOLVED")
    assert (store.opened, store.closed) == (3, 1)
    store.close()


def test_an_older_state_of_a_finding_changes_nothing(tmp_path: Path) -> None:
    store = FindingStore(tmp_path)
    store.take([raw("a", 7, status="RESOLVED"), raw("a", 6)])
    assert stored(tmp_path) == []
    store.take([raw("a", 1, generation=2)])
    assert stored(tmp_path) == [("a", "OPEN")]
    store.close()


def test_a_new_pass_forgets_what_the_topic_no_longer_holds(tmp_path: Path) -> None:
    store = FindingStore(tmp_path)
    store.take([raw("a", 1), raw("b", 2)])
    store.whole()
    store.close()
    again = FindingStore(tmp_path)
    assert again.open == 2
    again.take([raw("b", 2)])
    again.whole()
    assert stored(tmp_path) == [("b", "OPEN")]
    again.close()


def test_filters_and_rubbish(tmp_path: Path) -> None:
    store = FindingStore(tmp_path)
    store.take(
        [raw("a", 1), b"\x00rubbish", b"", raw("b", 2, rule="V26", record_key="UNI-A/learner/1", other_record="UNI-A/person/9")]
    )  # fmt: skip
    assert stored(tmp_path, rule="V26") == [("b", "OPEN")]
    assert stored(tmp_path, entity="person") == [("a", "OPEN")]
    assert stored(tmp_path, entity="person", rule="V26") == []
    store.close()


def test_an_agent_that_never_ran_has_no_findings_yet(tmp_path: Path) -> None:
    with pytest.raises(HemisError, match="E849"):
        findings(tmp_path)
    (tmp_path / FILE).touch()
    with pytest.raises(HemisError, match="E849"):
        findings(tmp_path)
