"""The country page: its order, its numbers, and what an open page is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from deploy.board.access import Role, Viewer
from deploy.board.country import Line, quantile
from deploy.board.live import MOST_PER_SESSION, Live
from deploy.board.pages import Rows
from deploy.board.words import _WORDS, WORDS
from schemas.metrics import DELAY_BUCKETS
from tests.unit.board.conftest import MEASURES, Board

OPERATOR = Viewer("a", Role.OPERATOR)


def test_a_quantile_lies_within_its_bucket() -> None:
    counts = [0] * (len(DELAY_BUCKETS) + 1)
    assert quantile(counts, 0.95) is None
    counts[3] = 100
    assert quantile(counts, 0.95) == pytest.approx(0.0295)
    counts[-1] = 100
    assert quantile(counts, 0.95) == DELAY_BUCKETS[-1]


def test_the_least_counts_and_what_is_not_assessed_does_not() -> None:
    line = Line("A", measures={"correct": None, "complete": 0.9, "clean": 0.95, "live": 1.0})
    assert (line.least, line.worst) == ("complete", 0.9)
    assert Line("A", measures={"correct": None}).worst is None
    assert Line("A", measures={"live": 0.0}).worst == 0.0


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [(1.0, "100,00 %", "100.00 %"), (0.99999, "99,99 %", "99.99 %"), (None, "–", "–"), (0.0, "0,00 %", "0.00 %")],
)
def test_shares(value: float | None, vi: str, en: str) -> None:
    assert WORDS["vi"].share(value).replace("\N{NO-BREAK SPACE}", " ") == vi
    assert WORDS["en"].share(value).replace("\N{NO-BREAK SPACE}", " ") == en


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12 ms"), (1.24, "1.2 s"), (59.0, "59 s"), (90.0, "1.5 min"), (7200.0, "2.0 h"), (1e6, "11 d")],
)
def test_spans(seconds: float, text: str) -> None:
    assert WORDS["en"].span(seconds).replace("\N{NO-BREAK SPACE}", " ") == text


def test_every_word_is_there_in_both_languages() -> None:
    assert [name for name, texts in _WORDS.items() if not all(texts)] == []


def test_what_institutions_call_themselves_is_text(board: Board) -> None:
    board.given.lines = [Line("X", "<script>alert('x')</script>", MEASURES)]
    text = board.visitor(Role.OPERATOR).get("/").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_an_institution_is_led_to_its_own_page(board: Board) -> None:
    answer = board.visitor(Role.INSTITUTION, "DHB").get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/institution/DHB")
    assert board.visitor(Role.INSTITUTION, "DHB").get("/live/news").status_code == 204


def test_a_page_weighs_little_with_every_institution(board: Board) -> None:
    name = "Trường Đại học Khoa học Xã hội và Nhân văn"
    board.given.lines = [Line(f"DH-{n:03}", name, MEASURES, 0.0123, 10, 1.8e9, False, 12_345) for n in range(470)]
    visitor = board.visitor(Role.OPERATOR)
    text = visitor.get("/").text
    parts = [part.partition('"')[0] for part in text.split('"/static/')[1:]]
    assert len(parts) == 3
    weight = len(text.encode()) + sum(len(visitor.get(f"/static/{part}").content) for part in parts)
    assert weight < 300_000


def live(board: Board, limit: int = 10) -> Live:
    return Live(board.given, Rows(), limit)


def told(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(text)
    return found


def test_an_open_page_is_told_what_changed_and_nothing_else(board: Board) -> None:
    async def act() -> None:
        board.given.lines = [replace(board.given.lines[0], canary_at=1.0), Line("DHB", measures=MEASURES)]
        page = live(board)
        first = told(await page.ask(OPERATOR, WORDS["en"], 0.0))
        assert list(first["rows"]) == ["DHA", "DHB"]  # type: ignore[call-overload]
        since = board.clock.now
        assert await page.ask(OPERATOR, WORDS["en"], since) == ""
        board.clock.now += 1
        board.given.lines[0] = replace(board.given.lines[0], canary_at=2.0)
        news = told(await page.ask(OPERATOR, WORDS["en"], since))
        assert (news["rows"], news["beats"]) == ({}, {"DHA": 2.0})
        board.clock.now += 1
        board.given.lines[1] = replace(board.given.lines[1], findings=7)
        news = told(await page.ask(OPERATOR, WORDS["vi"], since))
        assert (list(news["rows"]), news["beats"]) == (["DHB"], {"DHA": 2.0})  # type: ignore[call-overload]
        own = told(await page.ask(Viewer("b", Role.INSTITUTION, "DHA"), WORDS["en"], since))
        assert (own["rows"], own["beats"]) == ({}, {"DHA": 2.0})

    asyncio.run(act())


def test_a_stream_ends_with_its_session(board: Board) -> None:
    async def act() -> None:
        page = live(board)
        assert page.take("s")
        lasts = [True]
        stream = page.stream(OPERATOR, WORDS["en"], 0.0, lambda: lasts[0])
        turning = asyncio.create_task(page.run())
        assert (await anext(stream)).startswith("retry:")
        assert "event: news" in await anext(stream)
        lasts[0] = False
        assert "event: over" in await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        turning.cancel()

    asyncio.run(act())


def test_a_page_beyond_the_limit_asks_instead(board: Board) -> None:
    board.app.state.live = live(board, limit=0)
    visitor = board.visitor(Role.OPERATOR)
    answer = visitor.get("/live")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "DHA" in visitor.get("/live/news").json()["rows"]


def test_places_are_limited_in_all_and_per_session(board: Board) -> None:
    page = live(board, limit=MOST_PER_SESSION + 1)
    assert [page.take("s") for _ in range(MOST_PER_SESSION + 1)] == [True] * MOST_PER_SESSION + [False]
    assert [page.take("another") for _ in range(2)] == [True, False]
    page.give_back("s")
    assert page.take("another")
