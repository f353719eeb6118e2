"""Ten thousand open pages: live places are given out up to the limit, everybody else is told to ask, and the board answers on."""

from __future__ import annotations

import asyncio
import re
import resource
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.board.access import Role
from deploy.board.live import MOST_PER_SESSION
from tests.integration.board.serving import Served, served
from tests.integration.sinks.nation import Nation, login
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

PAGES, LIMIT = 10_000, 1_000
AT_ONCE = 200
"""Connections that are made at the same time; a crowd does not come in one millisecond."""


@pytest.fixture
def board(small: Nation, tmp_path: Path) -> Iterator[Served]:
    with (
        login(small, "hemis_board") as engine,
        served(
            tmp_path,
            engine.url.render_as_string(hide_password=False),
            board_live_limit=LIMIT,
            board_requests_per_second=1e6,
        ) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def _files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = PAGES + 1_000
    if hard not in (resource.RLIM_INFINITY,) and hard < wanted:
        pytest.fail(
            f"this test opens {wanted} files, and only {hard} are allowed here: raise the hard limit (ulimit -Hn)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_pages(board: Served, small: Nation) -> None:
    cookies = [_signed_in(board) for _ in range(PAGES // MOST_PER_SESSION)]
    answers, held = asyncio.run(_opened(board, small, cookies))
    assert answers == Counter({200: LIMIT, 503: PAGES - LIMIT})
    assert held.live == LIMIT
    assert held.page == 200
    assert held.told == LIMIT, "each live page is told of a change"
    assert held.memory_mb < 400
    wait_until(lambda: _live(board) == 0, "closed pages give their places back")


class Held:
    """What was seen while all were open."""

    live = 0
    page = 0
    told = 0
    memory_mb = 0.0


async def _opened(board: Served, small: Nation, cookies: list[str]) -> tuple[Counter[int], Held]:
    gate = asyncio.Semaphore(AT_ONCE)
    host, port = str(urlsplit(board.url).hostname), int(urlsplit(board.url).port or 0)
    open_: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(cookie: str) -> int:
        async with gate:
            reader, writer = await asyncio.open_connection(host, port)
            request = f"GET /live?since={time.time()} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"
            writer.write(request.encode())
            status = int((await reader.readline()).split()[1])
            if status == 200:
                open_.append((reader, writer))
            else:
                writer.close()
            return status

    try:
        answers = Counter(await asyncio.gather(*(ask(cookie) for cookie in cookies for _ in range(MOST_PER_SESSION))))
        held = Held()
        held.live = await asyncio.to_thread(_live, board)
        held.page = await asyncio.to_thread(_page, board, cookies[0])
        status = await asyncio.to_thread(Path(f"/proc/{board.pid}/status").read_text, "utf-8")
        held.memory_mb = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
        small.do("UPDATE canary SET changed_at = now()")
        held.told = sum(await asyncio.gather(*(_told(reader) for reader, _ in open_)))
        return answers, held
    finally:
        for _, writer in open_:
            writer.close()


async def _told(reader: asyncio.StreamReader) -> bool:
    """Wait for news of the canary."""
    async with asyncio.timeout(60):
        while line := await reader.readline():
            if line.startswith(b"data:") and b'"UNI-A":' in line.partition(b'"beats"')[2]:
                return True
    return False


def _signed_in(board: Served) -> str:
    jar = CookieJar()
    urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open(
        board.link(Role.READER), timeout=20
    ).close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _page(board: Served, cookie: str) -> int:
    with urllib.request.urlopen(urllib.request.Request(board.url, headers={"Cookie": cookie}), timeout=20) as answer:
        return int(answer.status)


def _live(board: Served) -> int:
    with urllib.request.urlopen(f"{board.metrics}/metrics", timeout=20) as answer:
        found = re.search(r"^hemis_board_live_pages (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))
