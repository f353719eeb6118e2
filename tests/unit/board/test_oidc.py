"""Signing in at an OpenID Connect provider, and what a wrong answer of one comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from schemas.settings import Secret
from tests.unit.board.conftest import URL, Board
from tests.unit.board.provider import CLIENT, SECRET, Provider, provider


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def issuer(running: Provider) -> Provider:
    running.claims, running.signing_key = {"hemis_role": "reader"}, running.key
    return running


@pytest.fixture
def board(make: Callable[..., Board], issuer: Provider) -> Board:
    return make(
        board_oidc_issuer=issuer.url,
        board_oidc_client=CLIENT,
        board_oidc_secret=Secret(SECRET),
        board_requests_per_second=1000.0,
    )


def returned(visitor: TestClient) -> str:
    """The way to the provider and back, up to the address that the browser is sent to in the end."""
    there = visitor.get("/sign-in/oidc")
    assert there.status_code == 302
    back = httpx2.get(there.headers["location"])
    assert back.headers["location"].startswith(f"{URL}/sign-in/return?")
    return str(back.headers["location"]).removeprefix(URL)


@pytest.mark.parametrize(
    ("claims", "first"),
    [
        ({"hemis_role": "operator"}, 200),
        ({"hemis_role": "reader"}, 200),
        ({"hemis_role": "institution", "hemis_institution": "DHA"}, 303),
    ],
)
def test_a_person_with_a_role_is_signed_in(board: Board, issuer: Provider, claims: dict[str, str], first: int) -> None:
    issuer.claims = dict(claims)
    visitor = board.visitor()
    answer = visitor.get(returned(visitor))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert visitor.get("/").status_code == first


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"hemis_role": "root"},
        {"hemis_role": ["operator"]},
        {"hemis_role": "institution"},
        {"hemis_role": "institution", "hemis_institution": "../x"},
        {"hemis_role": "operator", "nonce": "another"},
        {"hemis_role": "operator", "aud": "another"},
        {"hemis_role": "operator", "iss": "http://127.0.0.1:1"},
        {"hemis_role": "operator", "exp": 1_000_000_000},
        {"hemis_role": "operator", "sub": ""},
    ],
)
def test_a_wrong_token_signs_nobody_in(board: Board, issuer: Provider, claims: dict[str, Any]) -> None:
    issuer.claims = dict(claims)
    visitor = board.visitor()
    answer = visitor.get(returned(visitor))
    assert (answer.status_code, "E907" in answer.text) == (403, True)
    assert visitor.get("/").status_code == 401


def test_a_token_of_another_key_signs_nobody_in(board: Board, issuer: Provider) -> None:
    issuer.signing_key = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
    visitor = board.visitor()
    assert visitor.get(returned(visitor)).status_code == 403


def test_an_answer_that_nobody_asked_for_signs_nobody_in(board: Board) -> None:
    visitor, thief = board.visitor(), board.visitor()
    way = returned(visitor)
    assert thief.get(way).status_code == 403
    for wrong in (
        "/sign-in/return",
        "/sign-in/return?code=x&state=y",
        "/sign-in/return?error=access_denied",
        way.replace("state=", "state=x"),
    ):
        assert board.visitor().get(wrong).status_code == 403
    assert visitor.get(way).status_code == 303
    assert visitor.get(way).status_code == 403, "twice"


def test_a_provider_that_is_away_is_said_to_be(make: Callable[..., Board]) -> None:
    board = make(board_oidc_issuer="http://127.0.0.1:1", board_oidc_client="x")
    answer = board.visitor().get("/sign-in/oidc")
    assert (answer.status_code, "E907" in answer.text) == (403, True)


def test_without_a_provider_there_is_no_way_there(make: Callable[..., Board]) -> None:
    visitor = make().visitor()
    assert visitor.get("/sign-in/oidc").status_code == 404
    assert visitor.get("/sign-in/return?code=x&state=y").status_code == 404
    assert "/sign-in/oidc" not in visitor.get("/sign-in").text
