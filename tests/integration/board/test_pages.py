"""What each role is shown, on a real database with its real roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from deploy.board.access import Role, Viewer
from deploy.board.national import National
from schemas.errors import HemisError
from sinks.trace import MASK
from tests.integration.board.conftest import NAME, STRANGER, Board, settings
from tests.integration.sinks.nation import login

pytestmark = pytest.mark.real

EN = {"accept-language": "en"}
PERSON_A, PERSON_B = "/record/UNI-A/person/1", "/record/UNI-B/person/1"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.READER])
def test_the_country_in_lines(board: Board, role: Role) -> None:
    visitor = board.visitor(role)
    text = visitor.get("/", headers=EN).text
    for part in ('id="i-UNI-A"', "Đại học A", 'id="i-UNI-B"', "20\N{NO-BREAK SPACE}ms", "<td>1</td>"):
        assert part in text, part
    news = visitor.get("/live/news").json()
    assert set(news["rows"]) == {"UNI-A", "UNI-B"}


def test_an_institution_with_its_numbers(board: Board) -> None:
    text = board.operator().get("/institution/UNI-A", headers=EN).text
    for part in ("Correct: agreeing", "Numerator", "V01", "/institution/UNI-A/findings/V01", "UNI-A/person/1", "<svg"):
        assert part in text, part
    listed = board.operator().get("/institution/UNI-A/findings/V01", headers=EN).text
    assert "/record/UNI-A/person/1" in listed
    assert "citizen_number" in listed


@pytest.mark.parametrize("path", ["/institution/NONE-1", "/institution/x", "/institution/UNI-A/findings/X99", "/none", "/record/UNI-A/person/99", "/record/UNI-A", "/record/x/y/z", "/record/UNI-A/person/%00"])  # fmt: skip
def test_what_there_is_not(board: Board, path: str) -> None:
    answer = board.operator().get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path", ["/institution/UNI-B", "/institution/UNI-B/findings/V02", PERSON_B, "/record/UNI-B/person/99"]
)
def test_an_institution_has_no_way_to_anothers_pages(board: Board, path: str) -> None:
    answer = board.visitor(Role.INSTITUTION, "UNI-A").get(path)
    assert answer.status_code == 403
    assert "E903" in answer.text
    assert "V02" not in answer.text.replace(path, "")


def test_an_institution_sees_its_own(board: Board) -> None:
    visitor = board.visitor(Role.INSTITUTION, "UNI-A")
    text = visitor.get("/institution/UNI-A").text
    assert "UNI-B" not in text
    assert "V01" in text
    assert set(visitor.get("/live/news").json()["rows"]) == {"UNI-A"}
    assert visitor.get("/institution/UNI-A/findings/V01").status_code == 200


def test_a_reader_sees_numbers_and_no_records(board: Board) -> None:
    visitor = board.visitor(Role.READER)
    text = visitor.get("/institution/UNI-A").text
    assert "V01" in text
    assert "/record/" not in text
    assert "person/1" not in text
    for path in (PERSON_A, "/institution/UNI-A/findings/V01"):
        assert visitor.get(path).status_code == 403
    assert visitor.get("/search", params={"q": "UNI-A/person/1"}).status_code == 403


def test_a_records_life_is_masked(board: Board) -> None:
    for visitor in (board.operator(), board.visitor(Role.INSTITUTION, "UNI-A")):
        for path in (PERSON_A, "/record/UNI-A/learner/SV1"):
            answer = visitor.get(path, headers=EN)
            assert answer.status_code == 200
            assert MASK in answer.text
            for personal in (NAME, "Hoa<", "001201012345", "0912000001", STRANGER):
                assert personal not in answer.text
        text = visitor.get(PERSON_A, headers=EN).text
        assert "V01" in text
        assert "n:1" in text
        assert text.count('<ol class="hops">') == 2, "both versions"
    assert board.audited() == []


def test_values_are_shown_to_whom_the_audit_names(board: Board, form_token: Callable[[str], str]) -> None:
    operator = board.operator()
    given = {"form_token": form_token(operator.get(PERSON_A).text)}
    assert operator.post(PERSON_A).status_code == 403
    assert operator.post(PERSON_A, data={"form_token": "x"}).status_code == 403
    assert board.audited() == []
    text = operator.post(PERSON_A, data=given, headers=EN).text
    assert NAME in text
    assert "UNI-B/person/1" in text, "the golden person's claims"
    assert "ethnicity" not in text, "not the ministry's to see"
    assert board.audited() == [("operator:le.b", "board", "UNI-A/person/1")]

    own = board.visitor(Role.INSTITUTION, "UNI-A")
    given = {"form_token": form_token(own.get(PERSON_A).text)}
    text = own.post(PERSON_A, data=given, headers=EN).text
    assert NAME in text
    assert "ethnicity" in text
    assert "UNI-B" not in text, "whoever else the person is with is the ministry's to know"
    assert own.post(PERSON_B, data=given).status_code == 403
    assert board.audited() == [("institution:le.b", "board", "UNI-A/person/1")]


def test_search_leads_to_what_the_viewer_may_see(board: Board) -> None:
    operator, own = board.operator(), board.visitor(Role.INSTITUTION, "UNI-A")

    def led(visitor: object, text: str) -> str:
        answer = visitor.get("/search", params={"q": text})  # type: ignore[attr-defined]
        return answer.headers.get("location", f"{answer.status_code} {answer.text.count('<li>')}")

    assert led(operator, "uni-a") == "/institution/UNI-A"
    assert led(operator, " UNI-A/learner/SV ") == "/record/UNI-A/learner/SV1"
    assert led(operator, "UNI-A/person/a%2Fb") == "/record/UNI-A/person/a%252Fb"
    assert led(operator, "UNI-A/person") == "200 2"
    assert led(operator, "n:1") == "200 2"
    assert led(operator, "SV1") == "404 0", "which institution's?"
    assert led(own, "SV1") == "/record/UNI-A/learner/SV1"
    assert led(own, "UNI-A/learner/SV1") == "/record/UNI-A/learner/SV1"
    assert led(own, "UNI-B/person/1") == "404 0"
    assert led(own, "UNI-B") == "404 0"
    assert led(own, "n:1") == "404 0"


@pytest.mark.parametrize(
    "text",
    [
        "' OR 1=1 --", "UNI-A/person/' OR '1'='1", "UNI-A/person/%", "UNI-A/person/_", "UNI-A/person/1'; DROP TABLE person; --",
        "UNI-A/person; SELECT 1/1", "../../etc/passwd", "UNI-A/../UNI-B/person/1", "UNI-A/person/\x00", "\N{GRINNING FACE}",
        "x" * 5000, "<script>alert(1)</script>", "UNI-A/pg_shadow/1", "UNI-A//1", "/", "n:' OR 1=1", "%", "",
    ],
)  # fmt: skip
def test_tricks_in_the_search_find_nothing(board: Board, text: str) -> None:
    for visitor in (board.operator(), board.visitor(Role.INSTITUTION, "UNI-A")):
        answer = visitor.get("/search", params={"q": text})
        assert answer.status_code == 404
        assert "<script>alert" not in answer.text
        assert "<li>" not in answer.text
    assert board.nation.rows("SELECT count(*) FROM person") == [(3,)]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.INSTITUTION])
def test_a_search_is_a_range_of_an_index(board: Board, role: Role) -> None:
    """Also through the barrier of an institution's view: else each search would read the country's table."""
    viewer = Viewer("a", role, "UNI-A" if role is Role.INSTITUTION else "")
    with board.national.read(viewer) as connection:
        connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        for query in (
            "SELECT record_key FROM person WHERE record_key >= 'UNI-A/person/' AND record_key < 'UNI-A/person0' ORDER BY 1 LIMIT 50",
            "SELECT * FROM person_claim WHERE record_key = 'UNI-A/person/1'",
            "SELECT * FROM person_versions WHERE record_key = 'UNI-A/person/1'",
            "SELECT * FROM finding WHERE status = 'OPEN' AND institution = 'UNI-A' AND rule = 'V01' ORDER BY at DESC LIMIT 9",
        ):
            plan = "\n".join(connection.execute(sa.text(f"EXPLAIN {query}")).scalars())
            assert "Index Cond" in plan, plan
            assert "Seq Scan" not in plan.replace("Seq Scan on pg_authid", ""), plan


def test_a_database_that_is_away_is_said_to_be(board: Board) -> None:
    away = settings("postgresql+psycopg://nobody:x@127.0.0.1:1/none")
    national = National(away)
    visitor = Board(board.nation, away, national).operator()
    for path in ("/", "/institution/UNI-A", PERSON_A, "/search?q=UNI-A"):
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert "E501" in answer.text
        assert "nobody" not in answer.text
    national.close()


def test_a_login_without_the_boards_role_shows_nothing(board: Board) -> None:
    with login(board.nation, "hemis_owner") as engine:
        made = settings(engine.url.render_as_string(hide_password=False))
        national = National(made)
        answer = Board(board.nation, made, national).operator().get("/")
        assert (answer.status_code, "E908" in answer.text) == (500, True)
        national.close()
    with pytest.raises(HemisError, match="E908"), board.national.read(Viewer("a", Role.INSTITUTION, "NEW-1")):
        pass
