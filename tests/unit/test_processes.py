"""Processes of a stack, on small programs."""

import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.local import processes
from deploy.local.state import ProcessRecord, State
from tests.support.waiting import wait_until

MANY_THREADS = """
import threading, time
memory = bytearray(300 << 20)
for _ in range(60):
    threading.Thread(target=time.sleep, args=(1000,)).start()
time.sleep(1000)
"""
FORKS_TWO = ["sh", "-c", "sleep 1000 & sleep 1000 & wait"]


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


def test_a_killed_process_leaves_nothing_behind(state: State) -> None:
    """The first thread ends before the others, which still hold ports and files; many rounds meet that moment."""
    for _ in range(10):
        record = processes.spawn(state, "threads", [sys.executable, "-c", MANY_THREADS])
        tasks = Path(f"/proc/{record.pid}/task")
        wait_until(lambda tasks=tasks: len(list(tasks.iterdir())) == 61, "all threads run")  # type: ignore[misc]
        processes.kill(record)
        assert not Path(f"/proc/{record.pid}").exists()


def test_a_fault_meets_the_whole_family(state: State) -> None:
    record = processes.spawn(state, "family", FORKS_TWO)
    try:
        wait_until(lambda: len(processes.family(record)) == 3, "the program has forked")
        family = processes.family(record)
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
    stranger = ProcessRecord(os.getpid(), "1")
    assert not processes.alive(stranger)
    assert processes.family(stranger) == []
    processes.kill(stranger)  # would end this very test run


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
