"""Processes that a benchmark starts itself: in a session of their own, ended by number, with a log each."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 60.0


class Child:
    """One process that may be started, stopped and killed again and again. Its output goes to `<folder>/<name>.log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        health: str = "",
    ) -> None:
        self.name = name
        self.health = health
        self._command = list(command)
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._expected = False

    @property
    def log(self) -> Path:
        return self._folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The number of the running process."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it unless it runs. It may not serve yet."""
        if self.pid is not None:
            return
        self._expected = True
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def run(self) -> None:
        """Start it and wait until it has ended well."""
        self.start()
        self._expected = False
        if self._process is not None and self._process.wait(STOP_SECONDS):
            raise RuntimeError(f"{self.name} failed; the end of its log:\n{self.tail()}")

    def require(self) -> None:
        """Raises RuntimeError with the end of the log if the process was started and has ended by itself."""
        if self._expected and self.pid is None:
            raise RuntimeError(f"{self.name} has ended; the end of its log:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        text = self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it has not ended within the limit."""
        self._end(signal.SIGTERM)

    def kill(self) -> float:
        """SIGKILL; returns the monotonic time at which the signal was sent."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> float:
        sent = time.monotonic()
        self._expected = False
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        return sent
