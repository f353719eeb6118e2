"""The board as a process: the application, its server, its health."""

from __future__ import annotations

import logging
import resource
import socket

import sqlalchemy as sa
import uvicorn
from prometheus_client import CollectorRegistry, Gauge

from deploy.board.address import address
from deploy.board.app import application
from deploy.board.national import GLANCE, National
from schemas.errors import HemisError
from schemas.health import HealthServer
from schemas.logs import log
from schemas.metrics import make
from schemas.settings import BoardSettings

BESIDES = 500
"""Connections beside those of live pages; what comes on top is told to try again."""


def serve(settings: BoardSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    _raise_files(settings.board_live_limit + 2 * BESIDES)
    listening = _listening(settings)
    national = National(settings)
    app = application(settings, national)
    metrics = CollectorRegistry()
    make(metrics, "hemis_board_live_pages", Gauge).set_function(lambda: app.state.live.streams)
    health = HealthServer(
        settings.metrics_port,
        metrics,
        component="board",
        instance="board",
        alive=dict,
        ready=lambda: _ready(national),
        host=settings.metrics_host,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.board_host,
            port=settings.board_port,
            proxy_headers=bool(settings.board_proxies),
            forwarded_allow_ips=settings.board_proxies or None,
            limit_concurrency=settings.board_live_limit + BESIDES,
            # Paths name records, addresses people, and the text of an error may quote either (P8).
            access_log=False,
            log_config=None,
            log_level=logging.CRITICAL,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
    log("info", "the board is served", address=address(settings), health=health.url)
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
        health.close()
        national.close()


def _listening(settings: BoardSettings) -> socket.socket:
    """Raises:
    HemisError E201: the address is not ours, or taken.
    """
    try:
        return socket.create_server((settings.board_host, settings.board_port), backlog=1024)
    except (OSError, OverflowError) as error:
        where = f"{settings.board_host}:{settings.board_port}"
        raise HemisError("E201", "board_host and board_port can't be listened at", address=where) from error


def _ready(national: National) -> dict[str, str]:
    try:
        with national.read(GLANCE) as connection:
            connection.execute(sa.text("SELECT 1"))
    except HemisError as error:
        return {"national": error.code}
    return {}


def _raise_files(wanted: int) -> None:
    """As many open files as pages may be open; the usual soft limit is for programs that open few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
