"""A small nation on a real database, and the board over it with the rights that a board has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from deploy.board.access import Role, Viewer
from deploy.board.address import cookie_name
from deploy.board.app import application
from deploy.board.national import National
from deploy.local.stack import Stack
from schemas.metrics import DELAY_BUCKETS
from schemas.settings import BoardSettings, Secret
from sinks import migrate
from sinks.arrivals import Arrivals
from sinks.quality.days import today
from sinks.quality.job import measure
from tests.integration.sinks.nation import Nation, login, nation

URL = "http://127.0.0.1:8470"
SECRET = Secret("a secret of this test")
NAME, STRANGER = "Nguyễn Văn Hoà", "Trần Thị Lạ"
PERSON: dict[str, Any] = {
    "full_name": NAME,
    "birth_date": "2001-05-17",
    "sex": "M",
    "nationality": "VN",
    "citizen_number": "001201012345",
}


@dataclass
class Board:
    nation: Nation
    settings: BoardSettings
    national: National

    def __post_init__(self) -> None:
        self._app = application(self.settings, self.national)

    def visitor(self, role: Role, institution: str = "") -> TestClient:
        """Somebody who signed in."""
        client = TestClient(self._app, base_url=URL, follow_redirects=False)
        # Not by a link: sign-ins are limited.
        client.cookies.set(cookie_name(URL), self._app.state.sessions.begin(Viewer("le.b", role, institution)))
        return client

    def operator(self) -> TestClient:
        return self.visitor(Role.OPERATOR)

    def audited(self) -> list[tuple[Any, ...]]:
        """What the audit has; taken away, since tests share it."""
        found = self.nation.rows("SELECT actor, action, subject FROM audit ORDER BY id")
        self.nation.do("DELETE FROM audit")
        return found


@pytest.fixture(scope="package")
def small(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    """Two institutions; one person at both, one finding, measures of today, and a change that took 15 ms. Tests only read."""
    with nation(stack, tmp_path_factory.mktemp("nation")) as made:
        with made.engine.begin() as connection:
            assert migrate.make_roles(connection, ("UNI-A", "UNI-B")) == []
        made.record("UNI-A/institution/1", code="UNI-A", name="Đại học A")
        made.record("UNI-A/person/1", **PERSON | {"full_name": "Nguyễn Văn Hoa"}, ethnicity="01")
        made.record("UNI-A/person/1", **PERSON, ethnicity="01")
        made.record("UNI-A/person/a%2Fb", **PERSON | {"full_name": "Lê Thị Gạch"})
        made.record("UNI-A/learner/SV1", person="UNI-A/person/1", code="SV1", phone="0912000001")
        made.record("UNI-B/person/1", **PERSON | {"full_name": STRANGER})
        made.record("UNI-A/canary/agent", interval_seconds=15, sent_at="1")
        made.golden("n:1", ["UNI-A/person/1", "UNI-B/person/1"], **PERSON)
        made.finding("f1", "UNI-A", rule="V01", record_key="UNI-A/person/1", fields=["citizen_number"])
        made.finding("f2", "UNI-B", rule="V02", record_key="UNI-B/person/1")
        measure(made.engine, today())
        arrivals = Arrivals(made.engine)
        now = int(made.clock().timestamp() * 1e6)
        counts = [int(bound == 0.02) for bound in DELAY_BUCKETS] + [0]
        arrivals.applied([(b"UNI-A/person/1", now - 15_000)], {"UNI-A": counts}, now, canaries=False)
        arrivals.store()
        yield made


@pytest.fixture(scope="package")
def board(small: Nation) -> Iterator[Board]:
    with login(small, "hemis_board") as engine:
        made = settings(engine.url.render_as_string(hide_password=False))
        national = National(made)
        yield Board(small, made, national)
        national.close()


def settings(url: str, **more: Any) -> BoardSettings:
    return BoardSettings(national_dsn=Secret(url), board_link_secret=SECRET, board_requests_per_second=1000.0, **more)


@pytest.fixture
def form_token() -> Callable[[str], str]:
    def found(text: str) -> str:
        match = re.search(r'name="form_token" value="([^"]+)"', text)
        assert match is not None
        return match[1]

    return found
