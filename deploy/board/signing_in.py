"""Signing in by a link or at an OpenID Connect provider, and signing out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.board import links
from deploy.board.access import Viewer, viewer_of
from deploy.board.guard import cookies, form, session_of
from deploy.board.pages import page
from deploy.board.sessions import STARTED_SECONDS
from schemas.errors import HemisError
from schemas.settings import BoardSettings

STARTED_COOKIE = "hemis-sign-in"


def routes() -> Sequence[Route]:
    return (
        Route("/sign-in", sign_in),
        Route("/sign-in", with_token, methods=["POST"]),
        Route("/sign-in/oidc", to_provider),
        Route("/sign-in/return", from_provider),
        Route("/sign-out", sign_out, methods=["POST"]),
    )


def oidc(settings: BoardSettings) -> Any:
    """The client of the settings' provider; None without one."""
    if not settings.board_oidc_issuer:
        return None
    registry = OAuth()
    registry.register(
        "provider",
        client_id=settings.board_oidc_client,
        client_secret=settings.board_oidc_secret.reveal(),
        server_metadata_url=settings.board_oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
    )
    return registry.create_client("provider")


def sign_in(request: Request) -> Response:
    """The page to sign in at; with a token, as a link has it, the sign-in itself."""
    if token := request.query_params.get("token"):
        return _signed_in(request, _viewer(request, token))
    return page(request, "sign_in.html", error=None, oidc=request.app.state.oidc is not None)


async def with_token(request: Request) -> Response:
    fields = await form(request, signed_in=False)
    return _signed_in(request, _viewer(request, fields.get("token", "").strip()))


def _viewer(request: Request, token: str) -> Viewer:
    # People paste the whole link.
    given = token.rpartition("token=")[2]
    state = request.app.state
    return links.viewer(state.settings.board_link_secret, given, state.clock())


async def to_provider(request: Request) -> Response:
    state = request.app.state
    if state.oidc is None:
        raise HemisError("E904")
    name, room = state.sessions.start()
    request.scope["session"] = room
    try:
        answer: Response = await state.oidc.authorize_redirect(request, f"{state.url}/sign-in/return")
    except (AuthlibBaseError, JoseError, httpx2.HTTPError, ValueError, KeyError) as error:
        raise HemisError("E907") from error
    answer.set_cookie(
        STARTED_COOKIE,
        name,
        max_age=int(STARTED_SECONDS),
        path="/sign-in",
        httponly=True,
        samesite="lax",
        secure=state.secure,
    )
    return answer


async def from_provider(request: Request) -> Response:
    state = request.app.state
    if state.oidc is None:
        raise HemisError("E904")
    request.scope["session"] = state.sessions.finish(cookies(request.scope).get(STARTED_COOKIE, ""))
    try:
        # Checks state, nonce, signature, issuer, audience and times.
        told = await state.oidc.authorize_access_token(request)
        claims = dict(told["userinfo"])
    except (AuthlibBaseError, JoseError, httpx2.HTTPError, ValueError, KeyError) as error:
        raise HemisError("E907") from error
    settings: BoardSettings = state.settings
    try:
        viewer = viewer_of(
            str(claims.get("sub", "")),
            str(claims.get(settings.board_oidc_role, "")),
            str(claims.get(settings.board_oidc_institution, "")),
        )
    except HemisError as error:
        raise HemisError("E907", f"no role in {settings.board_oidc_role}") from error
    answer = _signed_in(request, viewer)
    answer.delete_cookie(STARTED_COOKIE, path="/sign-in")
    return answer


def _signed_in(request: Request, viewer: Viewer) -> Response:
    state = request.app.state
    if request.state.session_name:
        state.sessions.end(request.state.session_name)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        state.cookie, state.sessions.begin(viewer), path="/", httponly=True, samesite="lax", secure=state.secure
    )
    return answer


async def sign_out(request: Request) -> Response:
    session_of(request)
    await form(request)
    request.app.state.sessions.end(request.state.session_name)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(request.app.state.cookie, path="/", secure=request.app.state.secure)
    return answer


def local(path: str) -> str:
    """A path of this board; anything else leads to its first page."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else "/"
