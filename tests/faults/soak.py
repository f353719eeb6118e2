"""`python -m tests.faults.soak --minutes 10 --home var/soak [--fresh]`: load under random faults, in pieces as long as one likes.

Every piece ends with a drain and a full check, and adds a line to `<home>/figures.jsonl`; the totals of all pieces are printed.
Exit 1 on any violation. The home is kept, so that the next piece goes on with the same databases, topics and histories.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.ledger import Checker, Verdict, arrived
from tests.faults.load import Load
from tests.faults.world import SESSION_SECONDS, STAGES, World

RATE = 100.0
PAUSE_SECONDS = 12.0
"""Between a recovery and the next fault, on average."""
KINDS = {"kill": 14, "freeze": 4, "outage": 2, "pair": 3}
FREEZING = {"kill": 3, "freeze": 14}
"""The kinds of `--workers`: what a worker had in its hands when it froze is the hardest to keep in order (P3)."""
RECOVERY_SECONDS = 180.0
FIRST_ROWS = 300


@dataclass
class Faults:
    """What was done to the system, and how long it took to come back: from the end of the fault to the arrival of changes
    that were committed after it, from every university."""

    kills: Counter[str] = field(default_factory=Counter)
    freezes: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    recoveries: list[float] = field(default_factory=list)


class Soak:
    """One piece."""

    def __init__(self, world: World, load: Load, seed: int, pause: float, *, workers: bool) -> None:
        self.world = world
        self.load = load
        self.faults = Faults()
        self._draw = random.Random(seed)
        self._pause = pause
        self._kinds = FREEZING if workers else KINDS
        self._names = [n for n in world.names if n.startswith(STAGES)] if workers else world.names

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self._pause * self._draw.uniform(0.7, 1.3))
            self._fault(self._draw.choices(list(self._kinds), list(self._kinds.values()))[0])

    def _fault(self, kind: str) -> None:
        names = self._draw.sample(self._names, 2 if kind == "pair" else 1)
        _say(f"{kind} {' '.join(names)}")
        match kind:
            case "freeze":
                self.faults.freezes.update(names)
                self.world.freeze(names[0])
                time.sleep(SESSION_SECONDS + self._draw.uniform(1, 5))
                self.world.thaw(names[0])
            case _:
                if kind == "outage":
                    self.faults.outages.update(names)
                self.faults.kills.update(names)
                for name in names:
                    self.world.kill(name)
                time.sleep(self._draw.uniform(10, 20) if kind == "outage" else self._draw.choice((0, 0, 1, 3)))
                self._start(names)
        began = time.monotonic()
        self._recovered()
        self.faults.recoveries.append(time.monotonic() - began)
        _say(f"  back after {self.faults.recoveries[-1]:.1f} s")

    def _start(self, names: list[str]) -> None:
        starts = [threading.Thread(target=self.world.start, args=[name]) for name in names]
        for start in starts:
            start.start()
        for start in starts:
            start.join()

    def _recovered(self) -> None:
        for name, runs in self.world.stack.running().items():
            if not runs:  # the registry ends by itself when its database is killed under it; nobody of ours may mind
                self.world.start(name)
        marks = {code: one.canary() for code, one in self.load.universities.items()}
        for code, mark in marks.items():
            arrived(self.world, code, mark, RECOVERY_SECONDS)
        for process in self.world.processes.values():
            process.require()


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def piece(
    home: Path, minutes: float, seed: int, rate: float, pause: float, *, workers: bool
) -> tuple[dict[str, object], Verdict]:
    """Run one piece in the home; its figures and the verdict of its end."""
    world = World(home)
    try:
        world.stack.up(_say)
        world.prepare()
        load = Load({code: world.source_dsn(code) for code in world.codes}, rate, seed)
        load.begin()
        for one in load.universities.values():
            if len(one.book["persons"]) < FIRST_ROWS:
                one.fill(FIRST_ROWS)
        world.start_all()
        _say("ready")
        load.start()
        soak = Soak(world, load, seed, pause, workers=workers)
        began = time.monotonic()
        stuck = ""
        try:
            soak.run(minutes * 60)
        except (AssertionError, RuntimeError) as error:  # changes arrive no more, or a process has ended by itself
            stuck = str(error)
        load.stop()
        minutes = (time.monotonic() - began) / 60
        _say("draining")
        verdict = Verdict()
        if not stuck:
            try:
                verdict = Checker(world, load).drained(300.0)
            except (AssertionError, RuntimeError) as error:
                stuck = str(error)
        verdict.wrong("stuck", [stuck] if stuck else [])
        faults = soak.faults
        figures: dict[str, object] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
            "seed": seed,
            "workers": workers,
            "minutes": round(minutes, 2),
            "kills": dict(faults.kills),
            "freezes": dict(faults.freezes),
            "outages": dict(faults.outages),
            "commits": load.commits,
            "changes": load.changes,
            "doubtful_commits": sum(one.doubts for one in load.universities.values()),
            "rows": verdict.rows,
            "history": verdict.history,
            "recovery_p50": round(statistics.median(faults.recoveries), 1) if faults.recoveries else 0,
            "recovery_max": round(max(faults.recoveries, default=0), 1),
            **verdict.counts,
        }
        return figures, verdict
    finally:
        world.down()


def totals(home: Path) -> dict[str, object]:
    """The sums of all pieces of the home; rows and history are those of the last piece."""
    pieces = [json.loads(line) for line in (home / "figures.jsonl").read_text("utf-8").splitlines()]
    total: dict[str, object] = {"pieces": len(pieces)}
    for name, last in pieces[-1].items():
        values = [one[name] for one in pieces if name in one]
        if isinstance(last, dict):
            total[name] = dict(sum((Counter(v) for v in values), Counter()))
        elif name in ("rows", "history"):
            total[name] = last
        elif name in ("recovery_p50", "recovery_max"):
            total[name] = max(values)
        elif name not in ("at", "seed", "workers"):
            total[name] = round(sum(values), 2)
    kills = total["kills"]
    assert isinstance(kills, dict)
    total["kills_total"] = sum(kills.values())
    return total


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--home", type=Path, default=Path("var/soak"))
    parser.add_argument("--fresh", action="store_true", help="Begin anew.")
    parser.add_argument("--rate", type=float, default=RATE, help="Row changes a second, over all universities.")
    parser.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="Seconds between faults, about.")
    parser.add_argument("--workers", action="store_true", help="Harm the stages only, and freeze mostly.")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    if given.fresh:
        shutil.rmtree(given.home, ignore_errors=True)
    given.home.mkdir(parents=True, exist_ok=True)
    _say(f"seed {given.seed}")
    figures, verdict = piece(given.home, given.minutes, given.seed, given.rate, given.pause, workers=given.workers)
    with (given.home / "figures.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")
    print(verdict)
    print(json.dumps(figures, indent=1))
    print("all pieces:", json.dumps(totals(given.home), indent=1))
    return 0 if verdict.clean else 1


if __name__ == "__main__":
    sys.exit(main())
