"""Who is signed in. Sessions live in this process only: a restart asks everybody to sign in again, and a theft of disk or
backup takes none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Any

from deploy.board.access import Viewer

MOST = 20_000
MOST_STARTED = 1_000
STARTED_SECONDS = 600.0
"""How long a person may take at the identity provider."""


@dataclass
class Session:
    viewer: Viewer
    began: float
    seen: float
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Sessions:
    """Seconds by `clock`. Names are kept as hashes, so that a dump of the memory signs nobody in."""

    def __init__(self, lifetime: float, idle: float, clock: Callable[[], float]) -> None:
        self._lifetime, self._idle, self._clock = lifetime, idle, clock
        self._sessions: dict[bytes, Session] = {}
        self._started: dict[bytes, tuple[float, dict[str, Any]]] = {}
        self._lock = Lock()

    def begin(self, viewer: Viewer) -> str:
        """A new session's name, for the cookie. With too many, the one that was idle longest ends."""
        name, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            if len(self._sessions) >= MOST:
                for key in [key for key, session in self._sessions.items() if not self._lasts(session)]:
                    del self._sessions[key]
            if len(self._sessions) >= MOST:
                del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen)]
            self._sessions[_hash(name)] = Session(viewer, now, now)
        return name

    def find(self, name: str, *, clicked: bool = True) -> Session | None:
        """The session of a cookie; None once it has ended. What a page does by itself is no click."""
        with self._lock:
            session = self._sessions.get(_hash(name))
            if session is None:
                return None
            if not self._lasts(session):
                del self._sessions[_hash(name)]
                return None
            if clicked:
                session.seen = self._clock()
            return session

    def end(self, name: str) -> None:
        with self._lock:
            self._sessions.pop(_hash(name), None)

    def start(self) -> tuple[str, dict[str, Any]]:
        """Room for what a sign-in at the identity provider has to remember, and its name."""
        name, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            if len(self._started) >= MOST_STARTED:
                del self._started[next(iter(self._started))]
            room: dict[str, Any] = {}
            self._started[_hash(name)] = (now, room)
        return name, room

    def finish(self, name: str) -> dict[str, Any]:
        """That room, once; empty if the sign-in took too long."""
        with self._lock:
            began, room = self._started.pop(_hash(name), (0.0, {}))
        return room if self._clock() - began <= STARTED_SECONDS else {}

    def _lasts(self, session: Session) -> bool:
        now = self._clock()
        return now - session.began < self._lifetime and now - session.seen < self._idle


def _hash(name: str) -> bytes:
    return sha256(name.encode()).digest()
