"""A board without a database: what it shows of the country is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deploy.board.access import Role, Viewer
from deploy.board.app import application
from deploy.board.country import Country, Line
from deploy.board.links import token
from deploy.board.national import National
from schemas.settings import BoardSettings, Secret

SECRET = Secret("a secret of this test")
URL = "http://127.0.0.1:8470"
MEASURES = {"correct": 0.9, "complete": 0.99, "clean": 0.95, "live": 1.0}


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Given:
    """What the country is said to be."""

    clock: Clock
    lines: list[Line]

    def country(self) -> Country:
        return Country(self.clock.now, "2026-11-28", tuple(self.lines))


@dataclass
class Board:
    app: Starlette
    clock: Clock
    given: Given

    def link(self, role: Role = Role.OPERATOR, institution: str = "", hours: float = 1.0) -> str:
        viewer = Viewer("a.person", role, institution)
        return f"/sign-in?token={token(SECRET, viewer, self.clock.now + hours * 3600)}"

    def visitor(self, role: Role | None = None, institution: str = "") -> TestClient:
        """A browser; signed in if a role is named."""
        client = TestClient(self.app, base_url=URL, follow_redirects=False)
        if role is not None:
            assert client.get(self.link(role, institution)).status_code == 303
        return client


def settings(**more: Any) -> BoardSettings:
    known = {"national_dsn": Secret("postgresql://nobody@127.0.0.1:1/none"), "board_link_secret": SECRET}
    return BoardSettings(**(known | more))


@pytest.fixture
def make() -> Iterator[Callable[..., Board]]:
    """A board with these settings."""
    made: list[National] = []

    def board(**more: Any) -> Board:
        clock = Clock()
        given = Given(clock, [Line("DHA", "Đại học A", MEASURES, findings=1234)])
        chosen = settings(**more)
        made.append(National(chosen))
        return Board(application(chosen, made[-1], newest=given, clock=clock), clock, given)

    yield board
    for national in made:
        national.close()


@pytest.fixture
def board(make: Callable[..., Board]) -> Board:
    return make(board_requests_per_second=1000.0)
