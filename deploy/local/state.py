"""What a stack remembers under its home: ports, secrets, settings, and the processes that it started.

The file is read anew under a lock for every use, so that several processes (the demo, a test, a command typed beside
them) may hold the same stack open. It holds the passwords, therefore 0600.
"""

import contextlib
import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import StackError


@dataclass(frozen=True)
class ProcessRecord:
    """A process that the stack started. The start time tells it from a later process with the same number."""

    pid: int
    started: str


@dataclass
class Facts:
    """The content of the state file."""

    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    processes: dict[str, ProcessRecord] = field(default_factory=dict)
    security: str = "SASL_SSL"


class State:
    """The state file of one stack."""

    def __init__(self, home: Path) -> None:
        self.home = home
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StackError(f"cannot make the folder {home}: {error.strerror}", "name another home") from None
        self._file = home / "state.json"
        self._mutex = threading.RLock()

    def read(self) -> Facts:
        """The facts as they are now."""
        if not self._file.exists():
            return Facts()
        try:
            raw = json.loads(self._file.read_text(encoding="utf-8"))
            processes = {name: ProcessRecord(**record) for name, record in raw.pop("processes").items()}
            return Facts(processes=processes, **raw)
        except (ValueError, TypeError, KeyError):
            raise StackError(f"{self._file} is damaged", f"remove the folder {self.home} and start anew") from None

    @contextlib.contextmanager
    def change(self) -> Iterator[Facts]:
        """Facts to change; they are written when the block ends without an error."""
        with self._mutex, self._locked("state.lock", wait=True):
            facts = self.read()
            yield facts
            document = {
                "ports": facts.ports,
                "secrets": facts.secrets,
                "settings": facts.settings,
                "security": facts.security,
                "processes": {name: vars(record) for name, record in facts.processes.items()},
            }
            fresh = self._file.with_suffix(".new")
            write_private(fresh, json.dumps(document, indent=1) + "\n")
            os.replace(fresh, self._file)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the right to start and stop services; a second holder fails at once."""
        with self._locked("work.lock", wait=False):
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, *, wait: bool) -> Iterator[None]:
        with private_file(self.home / name) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except OSError:
                raise StackError(f"another command is working on {self.home}", "wait until it has ended") from None
            yield

    def secret(self, name: str) -> str:
        """A random password, made at the first use of its name and kept."""
        known = self.read().secrets.get(name)
        if known is not None:
            return known
        with self.change() as facts:
            return facts.secrets.setdefault(name, secrets.token_urlsafe(18))

    def remember_settings(self, settings: Mapping[str, str]) -> None:
        """Keep settings given by a caller, so that a later restart by another process uses them too."""
        if settings and not settings.items() <= self.read().settings.items():
            with self.change() as facts:
                facts.settings.update(settings)


@contextlib.contextmanager
def private_file(path: Path) -> Iterator[int]:
    """The descriptor of a file opened for appending that only its owner can read."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whatever the umask; passwords reach servers this way only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
