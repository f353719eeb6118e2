"""The board in a real browser: clicked, typed at, watched, looked at by axe, at both widths and in both languages.

Run with HEMIS_SCREENSHOTS=1 it writes the pictures of the docs anew (`make screenshots`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deploy.board.access import Role
from deploy.local.stack import Stack
from sinks import migrate
from tests.integration.board.serving import Served, served
from tests.integration.sinks.nation import Nation, login, nation
from tests.support.browser import browser
from tests.support.country import Extent, fill

pytestmark = pytest.mark.real

PICTURES = Path(__file__).resolve().parents[3] / "deploy" / "reference" / "board"
WIDTHS = {"wide": 1440, "narrow": 390}
LOCALES = {"vi": "vi-VN", "en": "en-GB"}
RECORD = "/record/DH-001/person/B0012"
PAGES = {
    "country": "/",
    "institution": "/institution/DH-001",
    "findings": "/institution/DH-001/findings/V01",
    "record": RECORD,
    "search": "/search?q=DH-001/learner",
    "nothing": "/search?q=nothing",
    "error": "/none",
}
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def country(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    """Twelve institutions with a past."""
    with nation(stack, tmp_path_factory.mktemp("country")) as made:
        with made.engine.begin() as connection:
            assert migrate.make_roles(connection, ("DH-001", "DH-002")) == []
        fill(made.engine, Extent(institutions=12, records=1_200, findings=400, days=30, hours=6))
        # A record with a past, and a person made of two institutions' records.
        person = {
            "full_name": "Nguyễn Văn Hoà",
            "birth_date": "2001-05-17",
            "sex": "M",
            "citizen_number": "001201012345",
        }
        made.record("DH-001/person/B0012", **person | {"full_name": "Nguyễn Văn Hòa"})
        made.record("DH-001/person/B0012", **person)
        made.record("DH-001/person/a%2Fb", **person)
        made.golden("n:1", ["DH-001/person/B0012", "DH-002/person/13"], **person)
        made.finding("told", "DH-001", rule="V01", record_key="DH-001/person/B0012", fields=["citizen_number"])
        yield made


@pytest.fixture(scope="module")
def board(country: Nation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        login(country, "hemis_board") as engine,
        served(
            tmp_path_factory.mktemp("board"),
            engine.url.render_as_string(hide_password=False),
            board_requests_per_second=200.0,
        ) as running,
    ):
        yield running


class Visit:
    """One person's browser window. What it complains of fails the test: an inline script, a blocked file, an error."""

    def __init__(self, context: BrowserContext, board: Served, role: Role, institution: str) -> None:
        self.board = board
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.goto(board.link(role, institution))

    def open(self, path: str) -> Page:
        self.page.goto(self.board.url + path)
        return self.page


class Visiting:
    def __init__(self, chromium: Browser, board: Served) -> None:
        self._chromium, self._board = chromium, board
        self._open: list[tuple[BrowserContext, Visit]] = []

    def __call__(
        self,
        language: str = "en",
        width: str = "wide",
        role: Role = Role.OPERATOR,
        institution: str = "",
        script: bool = True,
    ) -> Visit:
        context = self._chromium.new_context(
            viewport={"width": WIDTHS[width], "height": 900}, locale=LOCALES[language], java_script_enabled=script,
            timezone_id="Asia/Ho_Chi_Minh", reduced_motion="reduce",
        )  # fmt: skip
        made = Visit(context, self._board, role, institution)
        self._open.append((context, made))
        return made

    def close(self) -> None:
        complaints = [text for _, visit in self._open for text in visit.complaints]
        for context, _ in self._open:
            context.close()
        # A page that is not there, or not for this viewer, is an error to the console too.
        assert [text for text in complaints if "Failed to load resource" not in text] == []


@pytest.fixture
def visit(chromium: Browser, board: Served) -> Iterator[Visiting]:
    visiting = Visiting(chromium, board)
    yield visiting
    visiting.close()


def test_the_docs_pictures(visit: Visiting, country: Nation, tmp_path: Path) -> None:
    """Each picture of the docs is made here, and nothing else lies in their folder."""
    country.do("UPDATE canary SET changed_at = now() - mod(version, 15) * interval '1 s'")
    folder = PICTURES if os.environ.get("HEMIS_SCREENSHOTS") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    made = set()
    for name, language, width in (
        ("country", "vi", "wide"), ("country", "en", "narrow"), ("institution", "en", "wide"),
        ("institution", "vi", "narrow"), ("record", "vi", "wide"),
    ):  # fmt: skip
        page = visit(language, width).open(PAGES[name])
        if name == "country":
            expect(page.locator("#state")).to_have_class("good")
        file = folder / f"{name}-{language}-{width}.png"
        page.screenshot(path=file)
        assert file.stat().st_size < 300_000
        made.add(file.name)
    assert {path.name for path in PICTURES.iterdir()} == made


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LOCALES)
def test_every_page_is_accessible_and_fits(visit: Visiting, language: str, width: str) -> None:
    one = visit(language, width)
    for name, path in PAGES.items():
        page = one.open(path)
        assert page.locator("html").get_attribute("lang") == language
        if name == "country":
            expect(page.locator("#state")).to_have_class("good")
        for fold in page.locator("summary").all():
            fold.click()
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), f"{name} is wider than the window"
    page = one.open("/")
    page.get_by_role("button", name=re.compile("Sign out|Đăng xuất")).click()
    expect(page.locator("#token")).to_be_visible()
    assert Axe().run(page).violations_count == 0


def test_the_country_follows_without_reload(visit: Visiting, country: Nation) -> None:
    one = visit()
    page = one.open("/")
    expect(page.locator("#state")).to_have_text("live")
    assert page.locator("tbody tr").first.get_attribute("id") == "i-DH-001"
    page.evaluate("window.before = true")
    cell = page.locator("#i-DH-007 td").last
    before = int(cell.inner_text().replace(",", ""))
    country.finding("live", "DH-007", rule="V02", record_key="DH-007/person/6")
    expect(cell).to_have_text(f"{before + 1}")
    # A worse measure moves the row to the top; the pointer and the focus are elsewhere.
    country.do(
        "UPDATE quality_day SET value = 0.5 WHERE institution = 'DH-009' AND measure = 'clean' AND scope = 'all' "
        "AND day = (SELECT max(day) FROM quality_day)"
    )
    expect(page.locator("tbody tr").first).to_have_id("i-DH-009")
    expect(page.locator("#i-DH-009 td").first).to_have_text("Clean 50.00\N{NO-BREAK SPACE}%")
    age = page.locator("#i-DH-003 time")
    country.do("UPDATE canary SET changed_at = now() WHERE institution = 'DH-003'")
    expect(age).to_have_text(re.compile(r"^[0-5]\Ws$"))
    text = age.inner_text()
    expect(age).not_to_have_text(text)
    assert page.evaluate("window.before"), "the page was not loaded again"
    country.finding("live", "DH-007", rule="V02", record_key="DH-007/person/6", status="RESOLVED")
    expect(cell).to_have_text(f"{before}")


def test_whoever_holds_the_focus_keeps_it(visit: Visiting, country: Nation) -> None:
    page = visit().open("/")
    expect(page.locator("#state")).to_have_text("live")
    link = page.locator("#i-DH-005 a")
    link.focus()
    country.finding("focus", "DH-005", rule="V02", record_key="DH-005/person/4")
    country.do(
        "UPDATE quality_day SET value = 0.4 WHERE institution = 'DH-006' AND measure = 'clean' AND scope = 'all' "
        "AND day = (SELECT max(day) FROM quality_day)"
    )
    expect(page.locator("#i-DH-006 td").first).to_have_text("Clean 40.00\N{NO-BREAK SPACE}%")
    expect(link).to_be_focused()
    assert page.locator("tbody tr").first.get_attribute("id") != "i-DH-006", "no row moves under somebody's hands"


def test_by_keyboard_alone(visit: Visiting) -> None:
    page = visit().open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    expect(page.get_by_text("Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("tbody a").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/institution/DH-"))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("DH-001/learner/12")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("DH-001/learner/12")


def test_from_the_country_to_a_persons_name(visit: Visiting, country: Nation) -> None:
    one = visit()
    page = one.open("/")
    page.locator("#i-DH-001 a").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DH-001")
    expect(page.get_by_role("img", name="Correct")).to_be_visible()
    page.get_by_role("link", name="V01").first.click()
    page.get_by_role("link", name="DH-001/person/B0012", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("DH-001/person/B0012")
    expect(page.get_by_text("Nguyễn Văn Hoà")).to_have_count(0)
    page.get_by_role("button", name="Show them").click()
    expect(page.get_by_text("Nguyễn Văn Hoà").first).to_be_visible()
    assert ("operator:le.b", "board", "DH-001/person/B0012") in country.rows("SELECT actor, action, subject FROM audit")
    page.get_by_role("link", name="Tiếng Việt").click()
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    expect(page.get_by_text("Dữ liệu cá nhân được che.")).to_be_visible()
    expect(page.get_by_text("Nguyễn Văn Hoà")).to_have_count(0)


def test_a_key_that_was_escaped_opens(visit: Visiting) -> None:
    page = visit().open("/search?q=DH-001/person/a")
    expect(page.get_by_role("heading", level=1)).to_have_text("DH-001/person/a%2Fb")


def test_an_institutions_people(visit: Visiting) -> None:
    page = visit(role=Role.INSTITUTION, institution="DH-002").open("/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("DH-002")
    page.get_by_role("searchbox").fill("SV13")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing was found")).to_be_visible()
    page.get_by_role("searchbox").fill("learner/13")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("DH-002/learner/13")
    page.goto(page.url.replace("DH-002", "DH-001"))
    expect(page.get_by_text("E903")).to_be_visible()


def test_signing_out_in_one_window_ends_the_others(visit: Visiting) -> None:
    page = visit().open("/")
    expect(page.locator("#state")).to_have_text("live")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.locator("#state")).to_have_text("The session has ended. Sign in again.")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_without_scripts_there_is_all_of_it(visit: Visiting) -> None:
    page = visit(script=False).open("/")
    expect(page.locator("tbody tr")).to_have_count(12)
    expect(page.locator("#i-DH-004 time")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
