"""One process that a fault test may start, stop, kill, freeze and thaw; its output is kept in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 60.0


class Process:
    """A product command with a settings file. Its family shares a session, so that every fault meets all of it."""

    def __init__(
        self, name: str, command: tuple[str, ...], settings: Path, port: int, logs: Path, program: Path = ROOT
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "deploy.command", *command, "--settings", str(settings)]
        self.program = program
        """The tree whose code it runs; another one from its next start on."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        if self.pid is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.program,
                env={**os.environ, "PYTHONPATH": str(self.program)},
                start_new_session=True,
            )

    def run(self) -> None:
        """Start it and wait until it has ended well."""
        self.start()
        assert self._process is not None
        if self._process.wait(STOP_SECONDS):
            raise RuntimeError(f"{self.name} failed:\n{self.tail()}")

    def stop(self) -> None:
        """SIGTERM; SIGKILL if that does not end it in time."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def require(self) -> None:
        """Raises RuntimeError if the process has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended with {self._process.returncode}:\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-lines:])

    def fetch(self, path: str) -> str | None:
        """The body of a page of the process's web server; None while it does not answer well."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=2) as answer:
                return str(answer.read().decode())
        except OSError:
            return None

    def page(self, path: str) -> str:
        """The body of a page, whether it is good news or bad."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=2) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError as error:
            return type(error).__name__

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.killpg(self.pid, number)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
