"""Where the board is reached, and under which names."""

from __future__ import annotations

from urllib.parse import urlsplit

from schemas.settings import BoardSettings


def address(settings: BoardSettings) -> str:
    """The board's address as people reach it."""
    return (settings.board_url or f"http://{settings.board_host}:{settings.board_port}").rstrip("/")


def hosts(settings: BoardSettings) -> list[str]:
    """The only names the board answers to; a page elsewhere can't reach it by a name of its own."""
    return sorted({str(urlsplit(address(settings)).hostname), settings.board_host, "127.0.0.1", "localhost"})


def cookie_name(url: str) -> str:
    """With the port, since cookies are one host's, and a developer runs two boards."""
    parts = urlsplit(url)
    return "__Host-hemis-board" if parts.scheme == "https" else f"hemis-board-{parts.port or 80}"
