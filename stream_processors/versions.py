"""Asks the registry for all versions of the contract's types, in a thread: an answer may take long, or never come, and only the
institution that sent an id that nobody knows waits for it (P5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from schemas.errors import HemisError
from schemas.logs import log
from stream_processors.contract import Contract

APART_SECONDS = 2.0
"""Least time between two questions, each of which is one request per type."""


class Versions:
    """`ask`, then wait until `asked_since`. `trouble` is told the code whenever the registry can't be reached; it is asked again."""

    def __init__(self, contract: Contract, trouble: Callable[[str], None]) -> None:
        self._contract = contract
        self._trouble = trouble
        self._asked_at = float("-inf")
        self._wanted, self._over = Event(), Event()
        self._thread: Thread | None = None

    def ask(self) -> None:
        self._wanted.set()
        if self._thread is None:
            self._thread = Thread(target=self._answer, name="versions", daemon=True)
            self._thread.start()

    def asked_since(self, at: float) -> bool:
        """Has a question been answered that was put then or later (monotonic seconds)?"""
        return self._asked_at >= at

    def close(self) -> None:
        self._over.set()
        self._wanted.set()

    def _answer(self) -> None:
        failed = False
        while self._wanted.wait() and not self._over.is_set():
            self._wanted.clear()
            began = time.monotonic()
            try:
                self._contract.meet_versions()
                self._asked_at, failed = began, False
            except Exception as error:  # whatever it is, an institution must not wait for ever without a word
                code = error.code if isinstance(error, HemisError) else "other"
                self._trouble(code)
                self._wanted.set()
                if not failed:
                    log(
                        "warning", "an institution waits for the schema registry", code=code, error=type(error).__name__
                    )
                failed = True
            self._over.wait(APART_SECONDS)
