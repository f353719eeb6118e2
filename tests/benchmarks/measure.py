"""What is measured, and how: CPU and memory from /proc, percentiles, results as JSON lines and as a table."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

TICK = os.sysconf("SC_CLK_TCK")
RESULTS = Path(__file__).with_name("results") / "latest.jsonl"

Groups = Callable[[], Mapping[str, Sequence[int]]]
"""Names of process groups, each with the numbers of its first processes; what these forked belongs to the group too."""


def tree(roots: Sequence[int]) -> list[int]:
    """The processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = list(dict.fromkeys(roots))
    for member in found:
        found.extend(child for child in children.get(member, ()) if child not in found)
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; empty if there is no such process."""
    try:
        # The program's name, in brackets, may itself hold blanks and brackets.
        return Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return []


def cpu_seconds(roots: Sequence[int]) -> dict[str, float]:
    """User and system seconds per first process, with its live descendants and the children that it has reaped.

    A PostgreSQL backend that ends moves into the postmaster's children time, so the sum loses nothing. The key carries
    the start time, because numbers are used again.
    """
    seconds: dict[str, float] = {}
    for root in roots:
        stat = _stat(root)
        if stat:
            seconds[f"{root}@{stat[19]}"] = sum(_own(pid) for pid in tree([root]))
    return seconds


def _own(pid: int) -> float:
    stat = _stat(pid)
    return sum(int(ticks) for ticks in stat[11:15]) / TICK if stat else 0.0


def memory_bytes(roots: Sequence[int]) -> int:
    """PSS of the processes and their descendants: a page shared by n processes counts 1/n in each."""
    total = 0
    for pid in tree(roots):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
        except OSError:  # it has just ended
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) * 1024
    return total


def peak_bytes(pid: int) -> int:
    """The largest resident size that the process has had so far (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _machine_seconds() -> float:
    """CPU seconds that the whole machine has spent so far, idle and waiting left out."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text("utf-8").split()[1:8])
    return (user + nice + system + irq + softirq) / TICK


class Meter:
    """CPU seconds per process group between `start` and `read`."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self.start()

    def start(self) -> None:
        self._before = {name: cpu_seconds(roots) for name, roots in self._groups().items()}
        self._machine, self._driver = _machine_seconds(), _driver_seconds()

    def read(self) -> dict[str, float]:
        """Seconds per group, `driver` for the benchmark itself and `others` for what runs on the machine besides.

        A process that ended meanwhile is not counted: read before stopping.
        """
        spent: dict[str, float] = {}
        for name, roots in self._groups().items():
            before = self._before.get(name, {})
            spent[name] = round(sum(s - before.get(key, 0.0) for key, s in cpu_seconds(roots).items()), 2)
        driver = _driver_seconds() - self._driver
        others = _machine_seconds() - self._machine - driver - sum(spent.values())
        return spent | {"driver": round(driver, 2), "others": round(max(0.0, others), 2)}


def _driver_seconds() -> float:
    times = os.times()
    return times.user + times.system


def system_seconds(spent: Mapping[str, float]) -> float:
    """CPU of the system under test: all groups, neither the driver nor others."""
    return sum(seconds for name, seconds in spent.items() if name not in ("driver", "others"))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)]


def machine() -> dict[str, Any]:
    """What a figure was measured on, and when."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text("utf-8").split()[1]) // 2**20
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "memory_gib": memory,
        "system": platform.system() + " " + platform.release(),
        "python": platform.python_version(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


@dataclass(frozen=True)
class Result:
    """One line of results. `ratio` is how many times better ours is: above 1 in our favour, whatever the unit."""

    work: str
    unit: str
    ours: float | None
    peer: float | None
    better: Literal["more", "less"]
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        if not self.ours or not self.peer:
            return None
        return round(self.ours / self.peer if self.better == "more" else self.peer / self.ours, 2)

    def line(self) -> str:
        fields = asdict(self)
        conditions = fields.pop("conditions")
        return json.dumps({**fields, "ratio": self.ratio, "conditions": conditions}, ensure_ascii=False)


def write(result: Result, file: Path = RESULTS) -> None:
    """Append one result."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(result.line() + "\n")


def say(text: str) -> None:
    """Progress, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table."""

    def shown(value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"

    rows = [f"| {r.work} | {r.unit} | {shown(r.ours)} | {shown(r.peer)} | {shown(r.ratio)} |" for r in results]
    return "\n".join(["| work | unit | ours | peer | times better |", "|---|---|--:|--:|--:|", *rows])
