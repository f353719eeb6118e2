"""Processes of a stack, on small programs."""

import os
import signal
from pathlib import Path

import pytest

from deploy.local import processes
from deploy.local.state import State
from tests.support.waiting import wait_until

FORKS_TWO = ["sh", "-c", "sleep 1000 & sleep 1000 & wait"]


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


def test_a_killed_process_leaves_nothing_behind(state: State) -> None:
    """The end may come between any two looks at the process; many rounds meet each of them."""
    for _ in range(100):
        record = processes.spawn(state, "one", ["sleep", "1000"])
        processes.kill(record)
        assert not Path(f"/proc/{record.pid}").exists()


def test_a_fault_meets_the_whole_family(state: State) -> None:
    record = processes.spawn(state, "family", FORKS_TWO)
    try:
        family = wait_until(
            lambda: found if len(found := processes.family(record)) == 3 else None, "the program has forked"
        )
        processes.freeze(record)
        wait_until(lambda: all(_state(member.pid) == "T" for member in family), "all are frozen")
        assert processes.alive(record)
        processes.thaw(record)
        wait_until(lambda: all(_state(member.pid) == "S" for member in family), "all go on")
    finally:
        processes.kill(record)
    assert not any(processes.alive(member) for member in family)


def test_a_frozen_process_can_be_stopped(state: State) -> None:
    record = processes.spawn(state, "frozen", ["sleep", "1000"])
    processes.freeze(record)
    processes.stop(record, signal.SIGTERM)
    assert not processes.alive(record)


def test_a_process_that_took_over_the_number_is_another(state: State) -> None:
    stranger = processes.ProcessRecord(os.getpid(), "1")
    assert not processes.alive(stranger)
    assert processes.family(stranger) == []
    processes.kill(stranger)  # would end this very test run


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
