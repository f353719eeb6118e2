"""The board as an ASGI application."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from deploy.board import details, signing_in
from deploy.board.address import address, cookie_name, hosts
from deploy.board.country import Newest, Reading
from deploy.board.guard import HEADERS, Guard, session_of
from deploy.board.live import Live
from deploy.board.national import National
from deploy.board.pages import LANGUAGE_COOKIE, STATIC, Rows, error_page, page, words_of
from deploy.board.sessions import Sessions
from deploy.board.words import LANGUAGES
from schemas.errors import HemisError
from schemas.logs import log
from schemas.settings import BoardSettings

YEAR_SECONDS = 31_536_000


def application(
    settings: BoardSettings,
    national: National,
    *,
    newest: Reading | None = None,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The board over a national database. Sessions are the application's own. `newest`: in place of the database's reading."""
    url = address(settings)
    secure = url.startswith("https:")
    sessions = Sessions(settings.board_session_minutes * 60, settings.board_idle_minutes * 60, clock)
    rows = Rows()
    newest = newest or Newest(national, clock)
    live = Live(newest, rows, settings.board_live_limit)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        turning = asyncio.create_task(live.run())
        try:
            yield
        finally:
            turning.cancel()

    app = Starlette(
        routes=[
            Route("/", country),
            Route("/live", stream),
            Route("/live/news", news),
            Route("/language/{language}", language),
            *signing_in.routes(),
            *details.routes(),
            Mount("/static", _Static()),
        ],
        middleware=[
            Middleware(
                Guard,
                sessions=sessions,
                cookie=cookie_name(url),
                secure=secure,
                per_second=settings.board_requests_per_second,
                refuse=_refused,
            ),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts(settings), www_redirect=False),
        ],
        exception_handlers={HemisError: error_page, HTTPException: _not_found, Exception: _defect},
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.url = url
    app.state.cookie = cookie_name(url)
    app.state.secure = secure
    app.state.clock = clock
    app.state.national = national
    app.state.sessions = sessions
    app.state.rows = rows
    app.state.newest = newest
    app.state.live = live
    app.state.oidc = signing_in.oidc(settings)
    return app


def country(request: Request) -> Response:
    viewer = session_of(request).viewer
    if not viewer.sees_country:
        return RedirectResponse(f"/institution/{viewer.institution}", 303)
    state = request.app.state
    found = state.newest.country()
    return page(request, "country.html", country=found, rows=state.rows.all(found, words_of(request)))


async def stream(request: Request) -> Response:
    """Server-sent events; 503 where no place is left."""
    session, state = session_of(request), request.app.state
    live: Live = state.live
    name, words, since = str(request.state.session_name), words_of(request), _since(request)

    def lasts() -> bool:
        return state.sessions.find(name, clicked=False) is not None

    if not live.take(name):
        return PlainTextResponse("", 503, {"Retry-After": "30"})
    return _Stream(live.stream(session.viewer, words, since, lasts), lambda: live.give_back(name))


class _Stream(StreamingResponse):
    """A stream that gives its place back however it ends, also when its reader left before it began."""

    def __init__(self, told: AsyncIterator[str], give_back: Callable[[], None]) -> None:
        super().__init__(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


async def news(request: Request) -> Response:
    """The same for a page that got no stream."""
    viewer = session_of(request).viewer
    told = await request.app.state.live.ask(viewer, words_of(request), _since(request))
    return Response(told, 200 if told else 204, media_type="application/json")


def _since(request: Request) -> float:
    try:
        return float(request.headers.get("last-event-id") or request.query_params.get("since") or 0)
    except ValueError:
        return 0.0


def language(request: Request) -> Response:
    """Keep the choice, and go back to where it was made."""
    chosen = request.path_params["language"]
    if chosen not in LANGUAGES:
        raise HemisError("E904")
    answer = RedirectResponse(signing_in.local(request.query_params.get("next", "")), 303)
    answer.set_cookie(
        LANGUAGE_COOKIE, chosen, max_age=YEAR_SECONDS, httponly=True, samesite="lax", secure=request.app.state.secure
    )
    return answer


class _Static:
    """Files under a folder that carries their version, so that they may be kept for good."""

    def __init__(self) -> None:
        self._files = StaticFiles(directory=STATIC)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = str(scope.get("root_path", ""))
        _, _, name = str(scope["path"]).removeprefix(root).strip("/").partition("/")
        response = await self._files.get_response(name or "none", scope)
        response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        await response(scope, receive, send)


def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return error_page(request, HemisError("E904"))
    return PlainTextResponse("", error.status_code, dict(error.headers or {}))


def _defect(request: Request, error: Exception) -> Response:
    """A defect of ours. The log names where; the error's own text may quote a person's data (P8)."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log(
        "error",
        "a page failed",
        action="report it with this line",
        error=type(error).__name__,
        where=f"{Path(place.filename).name}:{place.lineno}",
    )
    answer = error_page(request, HemisError("E909"))
    answer.headers.update(HEADERS)
    return answer


async def _refused(scope: Scope, receive: Receive, send: Send) -> None:
    error = HemisError("E905")
    lines = (error.screen("vi"), error.screen("en"))
    await PlainTextResponse("\n\n".join(lines) + "\n", 429, {"Retry-After": "5"})(scope, receive, send)
