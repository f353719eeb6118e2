"""What stands before every page: headers that bind the browser, a limit per visitor, and who the visitor is."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.board.sessions import Session, Sessions
from schemas.errors import HemisError

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
AT_ONCE = 6
"""So many seconds' requests may come at once: a page with all that it loads."""
FAILED_PER_SECOND, FAILED_AT_ONCE = 1 / 6, 10
"""Sign-ins that fail, per address."""
VISITORS = 50_000
LONGEST_FORM = 8_192


class Buckets:
    """A token bucket per visitor; only so many visitors are remembered, those first forgotten that are full again."""

    def __init__(self, per_second: float, at_once: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._clock = per_second, max(1.0, at_once), clock
        self._left: dict[str, tuple[float, float]] = {}

    def left(self, visitor: str) -> float:
        """How many requests the visitor may make at once."""
        now = self._clock()
        left, at = self._left.get(visitor, (self._size, now))
        return min(self._size, left + (now - at) * self._rate)

    def take(self, visitor: str) -> bool:
        """Take one; False if there is none left."""
        now, left = self._clock(), self.left(visitor)
        self._left.pop(visitor, None)
        if len(self._left) >= VISITORS:
            # The order is that of the last request, so the first is the one that has been quiet longest.
            del self._left[next(iter(self._left))]
        self._left[visitor] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class Guard:
    """The outermost part. `secure`: people reach the board by https."""

    def __init__(
        self, app: ASGIApp, *, sessions: Sessions, cookie: str, secure: bool, per_second: float, refuse: ASGIApp
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._cookie = cookie
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})
        self._requests = Buckets(per_second, per_second * AT_ONCE)
        self._failed = Buckets(FAILED_PER_SECOND, FAILED_AT_ONCE)
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])
        name = cookies(scope).get(self._cookie, "")
        # What a page asks by itself must not keep a session alive for ever.
        session = self._sessions.find(name, clicked=not path.startswith(("/live", "/static"))) if name else None
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["session"], state["session_name"] = session, name

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 403 and self._signs_in(scope):
                    self._failed.take(_address(scope))
                headers = MutableHeaders(scope=message)
                for header, value in self._headers.items():
                    headers.setdefault(header, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        app = self._app if self._within_limits(scope, session) else self._refuse
        await app(scope, receive, answer)

    def _within_limits(self, scope: Scope, session: Session | None) -> bool:
        """Who is signed in counts alone, all others behind one address together. Of sign-ins only those that fail count."""
        if self._signs_in(scope):
            return self._failed.left(_address(scope)) >= 1
        return self._requests.take(session.form_token if session else _address(scope))

    @staticmethod
    def _signs_in(scope: Scope) -> bool:
        return str(scope["path"]).startswith("/sign-in") and bool(scope["method"] == "POST" or scope["query_string"])


def _address(scope: Scope) -> str:
    return str((scope.get("client") or ("",))[0])


def cookies(scope: Scope) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(Headers(scope=scope).get("cookie", "")).items()}
    except CookieError:
        return {}


def session_of(request: Request) -> Session:
    """Raises:
    HemisError E902: nobody is signed in.
    """
    session = request.state.session
    if not isinstance(session, Session):
        raise HemisError("E902")
    return session


async def form(request: Request, *, signed_in: bool = True) -> dict[str, str]:
    """The fields of a form that this board's own page has sent.

    Raises:
        HemisError E906: it did not. E902: nobody is signed in, where somebody has to be.
    """
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HemisError("E906")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HemisError("E906")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise HemisError("E906")
    fields = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    if signed_in and fields.get("form_token") != session_of(request).form_token:
        raise HemisError("E906")
    return fields
