"""Processes of a stack: started in a session of their own, known by number and start time, ended by number only.

A stack outlives the program that started it, so nothing here depends on being the parent. Faults are meant to be
whole: killing or freezing a server includes the processes that it forked (each PostgreSQL backend is one).
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.state import ProcessRecord, State, private_file

POLL_SECONDS = 0.05
STOP_SECONDS = 30.0
READY_SECONDS = 90.0

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children, which nobody else can reap."""


def spawn(
    state: State, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> ProcessRecord:
    """Start a service and record it. Its output goes to `<home>/<name>.log`."""
    with private_file(log_file(state, name)) as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=state.home,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    _children[child.pid] = child
    record = ProcessRecord(child.pid, _stat(child.pid).started)
    with state.change() as facts:
        facts.processes[name] = record
    return record


def log_file(state: State, name: str) -> Path:
    """Where a service writes what it has to say."""
    return state.home / f"{name}.log"


def alive(record: ProcessRecord | None) -> bool:
    """Whether this very process still runs. A frozen one does; so does one whose first thread alone has ended, since
    the others still hold its ports and files.
    """
    if record is None:
        return False
    stat = _stat(record.pid)
    if stat.over and record.pid in _children:
        # Reaped only now: a look before the one above could miss an end that came in between, and leave a zombie.
        _children[record.pid].poll()
    return not stat.over and stat.started == record.started


def wait_ready(state: State, name: str, record: ProcessRecord, probe: Callable[[], object]) -> None:
    """Poll the service's own protocol until a request works; fail at once if the process ends."""
    deadline = time.monotonic() + READY_SECONDS
    last: Exception | None = None
    while alive(record) and time.monotonic() < deadline:
        try:
            probe()
            return
        except Exception as error:  # a probe fails in as many ways as there are protocols
            last = error
            time.sleep(POLL_SECONDS)
    reason = f"no answer in {READY_SECONDS:.0f} s: {last}" if alive(record) else "its process ended"
    raise StackError(f"{name} did not start: {reason}", f"see the end of {log_file(state, name)}")


def stop(record: ProcessRecord, ask: signal.Signals) -> None:
    """Ask a service to end, and kill it if it has not within the time limit. Ends a frozen one too."""
    if not alive(record):
        return
    _send(family(record), signal.SIGCONT)
    _send([record], ask)
    if not _gone([record], STOP_SECONDS):
        kill(record)


def kill(record: ProcessRecord) -> None:
    """SIGKILL the service and what it forked, and wait until the system has let go of them all."""
    everyone = family(record)
    _send(everyone, signal.SIGKILL)
    if not _gone(everyone, STOP_SECONDS):
        raise StackError(f"process {record.pid} does not end", "the machine's disk may be hanging")


def freeze(record: ProcessRecord) -> None:
    """SIGSTOP the service, then what it forked: the parent first, or it would fork replacements meanwhile."""
    _send([record], signal.SIGSTOP)
    _send(family(record), signal.SIGSTOP)


def thaw(record: ProcessRecord) -> None:
    """SIGCONT the service and what it forked."""
    _send(family(record), signal.SIGCONT)


def family(record: ProcessRecord) -> list[ProcessRecord]:
    """The process and all that descend from it, parents first; empty if it is gone."""
    if not alive(record):
        return []
    children: dict[int, list[ProcessRecord]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            children.setdefault(stat.parent, []).append(ProcessRecord(int(entry.name), stat.started))
    found = [record]
    for member in found:
        found.extend(children.get(member.pid, ()))
    return found


def _send(records: Sequence[ProcessRecord], number: signal.Signals) -> None:
    for record in records:
        if alive(record):
            try:
                os.kill(record.pid, number)
            except ProcessLookupError:
                continue


def _gone(records: Sequence[ProcessRecord], limit: float) -> bool:
    deadline = time.monotonic() + limit
    while any(alive(record) for record in records):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@dataclass(frozen=True)
class _Stat:
    """What the system says of a process; all empty if there is none."""

    state: str = ""
    parent: int = 0
    threads: int = 0
    started: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("", "X") or (self.state == "Z" and self.threads <= 1)


def _stat(pid: int) -> _Stat:
    try:
        # The name of the program, in brackets, may itself hold blanks and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return _Stat()
    return _Stat(state=fields[0], parent=int(fields[1]), threads=int(fields[17]), started=fields[19])
