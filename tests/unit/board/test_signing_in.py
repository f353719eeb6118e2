"""Who gets in, for how long, and what a stranger's browser can't make them do."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from deploy.board.access import Role, viewer_of
from deploy.board.guard import Buckets
from deploy.board.links import token, viewer
from deploy.board.sessions import MOST_STARTED, STARTED_SECONDS, Sessions
from deploy.board.signing_in import local
from schemas.errors import HemisError
from schemas.settings import Secret
from tests.unit.board.conftest import SECRET, URL, Board, Clock

OPERATOR = viewer_of("a", "operator", "")


def test_a_token_is_for_its_role_until_its_end() -> None:
    given = token(SECRET, viewer_of("le.b", "institution", "DHA"), 100.0)
    seen = viewer(SECRET, given, 99.0)
    assert (seen.actor, seen.role, seen.institution) == ("le.b", Role.INSTITUTION, "DHA")
    for wrong, now in (
        (given, 100.0),
        (given[:-1], 0.0),
        ("x" + given, 0.0),
        ("", 0.0),
        (".", 0.0),
        ("đ.đ", 0.0),
        ("a" * 999, 0.0),
    ):
        with pytest.raises(HemisError, match="E901"):
            viewer(SECRET, wrong, now)
    with pytest.raises(HemisError, match="E901"):
        viewer(Secret("another"), given, 0.0)


def test_without_a_secret_there_are_no_tokens() -> None:
    with pytest.raises(HemisError, match="E201"):
        token(Secret(""), OPERATOR, 1.0)
    with pytest.raises(HemisError, match="E901"):
        viewer(Secret(""), token(SECRET, OPERATOR, 1.0), 0.0)


@pytest.mark.parametrize(
    ("role", "institution"), [("root", ""), ("", ""), ("institution", ""), ("institution", 'A"; DROP ROLE')]
)
def test_a_role_that_there_is_not_is_refused(role: str, institution: str) -> None:
    with pytest.raises(HemisError, match="E903"):
        viewer_of("a", role, institution)


def test_a_session_ends_when_it_is_old_and_when_nobody_clicks() -> None:
    clock = Clock(0.0)
    sessions = Sessions(100.0, 30.0, clock)
    name = sessions.begin(OPERATOR)
    for clock.now in (20.0, 45.0, 70.0, 95.0):
        assert sessions.find(name) is not None
    clock.now = 100.0
    assert sessions.find(name) is None
    name = sessions.begin(OPERATOR)
    clock.now = 120.0
    assert sessions.find(name, clicked=False) is not None
    clock.now = 130.0
    assert sessions.find(name, clicked=False) is None
    assert sessions.find(name) is None


def test_sessions_and_sign_ins_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.board.sessions.MOST", 3)
    clock = Clock(0.0)
    sessions = Sessions(100.0, 100.0, clock)
    names = []
    for clock.now in (0.0, 1.0, 2.0, 3.0):
        names.append(sessions.begin(OPERATOR))
    assert [sessions.find(name) is None for name in names] == [True, False, False, False]
    first, room = sessions.start()
    room["state"] = 1
    for _ in range(MOST_STARTED):
        last, _ = sessions.start()
    assert sessions.finish(first) == {}
    clock.now += STARTED_SECONDS + 1
    assert sessions.finish(last) == {}


def test_a_link_signs_in_and_leaves_the_address(board: Board) -> None:
    visitor = board.visitor()
    answer = visitor.get(board.link())
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert visitor.get("/").status_code == 200


def test_the_cookie_is_secure_where_the_board_is(make: Callable[..., Board]) -> None:
    board = make(board_url="https://board.example")
    answer = board.visitor().get(board.link(), headers={"host": "board.example"})
    assert answer.headers["set-cookie"].startswith("__Host-hemis-board=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize("path", ["/", "/live", "/live/news"])
def test_nothing_is_shown_without_a_session(board: Board, path: str) -> None:
    for visitor in (board.visitor(), board.visitor()):
        answer = visitor.get(path)
        assert answer.status_code == 401
        assert "DHA" not in answer.text.replace(path, "").replace("DHA, DHA/learner/…", "")
        visitor.cookies.set("hemis-board-8470", "x" * 43)


@pytest.mark.parametrize("given", ["", "x", "x.y", "%00", "../../etc/passwd", "' OR 1=1 --"])
def test_a_wrong_token_signs_nobody_in(board: Board, given: str) -> None:
    visitor = board.visitor()
    answer = visitor.get("/sign-in", params={"token": given}) if given else visitor.post("/sign-in", data={"token": ""})
    assert answer.status_code == 403
    assert "E901" in answer.text
    assert "set-cookie" not in answer.headers


def test_an_ended_session_asks_to_sign_in_again(board: Board) -> None:
    visitor = board.visitor(Role.OPERATOR)
    assert visitor.get("/").status_code == 200
    board.clock.now += 8 * 3600
    assert visitor.get("/").status_code == 401
    assert visitor.get("/live/news").status_code == 401


def test_signing_out_ends_the_session_for_good(board: Board) -> None:
    visitor = board.visitor(Role.OPERATOR)
    stolen = dict(visitor.cookies)
    answer = visitor.post("/sign-out", data={"form_token": form_token(visitor.get("/").text)})
    assert answer.status_code == 303
    thief = board.visitor()
    thief.cookies.update(stolen)
    assert thief.get("/").status_code == 401


def form_token(text: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
def test_a_form_of_another_site_is_refused(board: Board, headers: dict[str, str]) -> None:
    visitor = board.visitor(Role.OPERATOR)
    right = form_token(visitor.get("/").text)
    assert visitor.post("/sign-out", data={"form_token": right}, headers=headers).status_code == 403
    assert visitor.post("/sign-in", data={"token": board.link()}, headers=headers).status_code == 403
    assert visitor.post("/sign-out", data={"form_token": "wrong"}).status_code == 403
    assert visitor.post("/sign-out").status_code == 403
    assert visitor.post("/sign-out", data={"form_token": "x" * 20_000}).status_code == 403
    assert visitor.get("/").status_code == 200


def test_the_whole_link_may_be_pasted(board: Board) -> None:
    visitor = board.visitor()
    assert visitor.post("/sign-in", data={"token": URL + board.link()}, headers={"origin": URL}).status_code == 303
    assert visitor.get("/").status_code == 200


def test_every_answer_binds_the_browser(board: Board) -> None:
    visitor = board.visitor(Role.OPERATOR)
    for path in ("/", "/sign-in", "/none", "/static/x/board.css"):
        answer = visitor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert ("immutable" in answer.headers["cache-control"]) == path.startswith("/static")
        for inline in ("<style", "style=", "onclick", "<script>"):
            assert inline not in answer.text or path.startswith("/static")


def test_only_its_own_names_are_answered(board: Board) -> None:
    assert board.visitor().get("/sign-in", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/../app.py",
        "/static/x/%2e%2e/app.py",
        "/static/x//etc/passwd",
        "/static/",
        "/static/x/../../../../etc/passwd",
    ],
)
def test_only_static_files_are_files(board: Board, path: str) -> None:
    answer = board.visitor().get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\r\nb", ""]
)
def test_a_choice_of_language_leads_nowhere_else(board: Board, path: str) -> None:
    assert local(path) == "/"
    answer = board.visitor().get("/language/en", params={"next": path})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_both_languages(board: Board) -> None:
    visitor = board.visitor(Role.OPERATOR)
    assert '<html lang="vi">' in visitor.get("/").text
    assert '<html lang="en">' in visitor.get("/", headers={"accept-language": "en-GB,en;q=0.9"}).text
    assert visitor.get("/language/en", params={"next": "/"}).status_code == 303
    text = visitor.get("/").text
    assert '<html lang="en">' in text
    assert "1,234" in text
    assert visitor.get("/language/vi").status_code == 303
    assert "1.234" in visitor.get("/").text
    assert visitor.get("/language/xx").status_code == 404


def test_a_visitor_who_asks_too_much_waits(make: Callable[..., Board]) -> None:
    board = make(board_requests_per_second=2.0)
    visitor = board.visitor()
    answers = [visitor.get("/sign-in").status_code for _ in range(20)]
    assert answers[:12] == [200] * 12
    assert 429 in answers[12:]
    # Whoever is signed in is not held up by others behind the same address.
    assert board.visitor(Role.OPERATOR).get("/").status_code == 200


def test_tokens_are_not_guessed_in_a_loop(board: Board) -> None:
    visitor = board.visitor()
    assert [visitor.get("/sign-in?token=x").status_code for _ in range(12)][-2:] == [429, 429]


def test_buckets_fill_again_and_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.board.guard.VISITORS", 2)
    clock = Clock(0.0)
    buckets = Buckets(1.0, 2.0, clock)
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    clock.now = 1.0
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    assert buckets.take("b")
    assert buckets.take("c")
    assert buckets.take("a")


def test_a_defect_says_where_and_nothing_of_what(board: Board, capfd: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise ValueError("Nguyễn Văn Hoà")

    board.given.country = broken  # type: ignore[method-assign,assignment]
    client = TestClient(board.app, base_url=URL, raise_server_exceptions=False, follow_redirects=False)
    client.get(board.link())
    answer = client.get("/")
    assert (answer.status_code, "E909" in answer.text) == (500, True)
    assert "content-security-policy" in answer.headers
    said = "".join(capfd.readouterr())
    assert "test_signing_in.py:" in said
    assert "Nguyễn" not in said + answer.text
