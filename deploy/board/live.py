"""The country page kept up to date: one reader of the database, and for each open page a stream of what has changed.

Nothing is queued: a page that reads slowly gets everything since its last news at once, when it is ready for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

from starlette.concurrency import run_in_threadpool

from deploy.board.access import Viewer
from deploy.board.country import Country, Line, Reading
from deploy.board.pages import Rows
from deploy.board.words import Words
from schemas.errors import HemisError

TURN_SECONDS = 1.0
MOST_PER_SESSION = 10
QUIET_SECONDS = 15.0
"""A stream that has nothing to say says so this often, else proxies take it for dead."""


class Live:
    """`limit`: streams at once. A page that finds no place asks for `news` now and then."""

    def __init__(self, newest: Reading, rows: Rows, limit: int) -> None:
        self._newest = newest
        self._rows = rows
        self._limit = limit
        self.streams = 0
        self._of: dict[str, int] = {}
        self._known: dict[str, Line] = {}
        self._changed: dict[str, float] = {}
        self._beaten: dict[str, float] = {}
        self._country: Country | None = None
        self._at = 0.0
        self._trouble = False
        self._trouble_at = 0.0
        self._turned = asyncio.Event()

    def take(self, session: str) -> bool:
        """Take a place; False if there is none left, or this session has its share. Whoever took one gives it back."""
        if self.streams >= self._limit or self._of.get(session, 0) >= MOST_PER_SESSION:
            return False
        self.streams += 1
        self._of[session] = self._of.get(session, 0) + 1
        return True

    def give_back(self, session: str) -> None:
        self.streams -= 1
        self._of[session] -= 1
        if not self._of[session]:
            del self._of[session]

    async def run(self) -> None:
        """Read once in `TURN_SECONDS` while somebody looks."""
        while True:
            if self.streams:
                # Without a first reading there is nothing to tell; the page itself has said why.
                with suppress(HemisError):
                    self._take(await run_in_threadpool(self._newest.country))
                turned, self._turned = self._turned, asyncio.Event()
                turned.set()
            await asyncio.sleep(TURN_SECONDS)

    def _take(self, country: Country) -> None:
        self._country, self._at = country, max(country.at, self._at)
        if (country.trouble is not None) != self._trouble:
            # Old data has an old time, but its being old is news.
            self._trouble = not self._trouble
            self._at = self._trouble_at = self._at + 0.001
        for line in country.lines:
            known = self._known.get(line.code)
            if known is None or replace(known, canary_at=None) != replace(line, canary_at=None):
                self._changed[line.code] = country.at
            elif known.canary_at != line.canary_at:
                self._beaten[line.code] = country.at
            self._known[line.code] = line

    async def stream(self, viewer: Viewer, words: Words, since: float, lasts: Callable[[], bool]) -> AsyncIterator[str]:
        """Server-sent events until the session ends. `since`: the reading that the page shows."""
        yield "retry: 5000\n\n"
        while True:
            turned = self._turned
            if not lasts():
                yield "event: over\ndata: {}\n\n"
                return
            if told := self.news(viewer, words, since):
                since = self._at
                yield f"id: {since}\nevent: news\ndata: {told}\n\n"
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await turned.wait()
            except TimeoutError:
                yield ": quiet\n\n"

    async def ask(self, viewer: Viewer, words: Words, since: float) -> str:
        """The news for a page without a stream."""
        self._take(await run_in_threadpool(self._newest.country))
        return self.news(viewer, words, since)

    def news(self, viewer: Viewer, words: Words, since: float) -> str:
        """What changed after a reading, as JSON; empty if nothing did."""
        country = self._country
        if country is None or self._at <= since:
            return ""
        mine = [line for line in country.lines if viewer.sees_country or line.code == viewer.institution]
        rows = {line.code: self._rows.row(line, words) for line in mine if self._changed.get(line.code, 0) > since}
        beats = {
            line.code: line.canary_at
            for line in mine
            if line.code not in rows and self._beaten.get(line.code, 0) > since
        }
        if not rows and not beats and self._trouble_at <= since:
            return ""
        said = {"at": self._at, "stale": self._trouble, "rows": rows, "beats": beats}
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
