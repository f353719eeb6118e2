"""The product's processes of a demo: started by the installed command, watched, started again when they die, ended in order."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread

from deploy.local import processes
from deploy.local.state import State

PROJECT = Path(__file__).resolve().parents[2]
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 3.0
"""A process that ends sooner is not started again before this has passed."""


@dataclass(frozen=True)
class Worker:
    """One process: `hemis <command…> --settings <file>`. Those of a lower `stage` end first; `niceness`: how much it leaves to the
    others while all want the machine."""

    name: str
    command: tuple[str, ...]
    settings: Path
    stage: int
    metrics: str
    niceness: int = 0


class Workers:
    """Processes under one folder. A former demo that was killed may have left some running; they are ended first."""

    def __init__(self, home: Path) -> None:
        self._state = State(home)
        self._wanted: dict[str, Worker] = {}
        self._begun: dict[str, float] = {}
        self._lock = Lock()
        self._over = Event()
        self._watcher: Thread | None = None
        self.messages: deque[str] = deque(maxlen=3)
        """What a person should know, newest last."""
        self.restarts = 0

    def start(self, workers: list[Worker]) -> None:
        self.end_leftovers()
        for worker in workers:
            with self._lock:
                self._wanted[worker.name] = worker
                self._spawn(worker)
        self._watcher = Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End all, stage by stage, each process in good order."""
        self._over.set()
        if self._watcher is not None:
            self._watcher.join()
        with self._lock:
            wanted = list(self._wanted.values())
            self._wanted.clear()
        for stage in sorted({worker.stage for worker in wanted}):
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(self._end, [worker.name for worker in wanted if worker.stage == stage]))
        self.end_leftovers()

    def end_leftovers(self) -> None:
        for name in list(self._state.read().processes):
            if name not in self._wanted:
                self._end(name)

    def log(self, name: str) -> Path:
        return processes.log_file(self._state, name)

    def _spawn(self, worker: Worker) -> None:
        self._begun[worker.name] = time.monotonic()
        arguments = [sys.executable, "-m", "deploy.command", *worker.command, "--settings", str(worker.settings)]
        record = processes.spawn(self._state, worker.name, arguments, {"PYTHONPATH": str(PROJECT)})
        if worker.niceness:
            os.setpriority(os.PRIO_PROCESS, record.pid, os.nice(0) + worker.niceness)

    def _end(self, name: str) -> None:
        record = self._state.read().processes.get(name)
        if record is not None:
            processes.stop(record, signal.SIGTERM)
            with self._state.change() as facts:
                facts.processes.pop(name, None)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            records = self._state.read().processes
            for worker in list(self._wanted.values()):
                if processes.alive(records.get(worker.name)):
                    continue
                if time.monotonic() - self._begun[worker.name] < PATIENCE_SECONDS:
                    continue
                with self._lock:
                    if self._over.is_set():
                        return
                    self.restarts += 1
                    self.messages.append(f"{worker.name} ended and is started again; see {self.log(worker.name)}")
                    self._spawn(worker)
