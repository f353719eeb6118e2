"""The pages behind the country: an institution, what a rule found there, a record's life, and the way to them by search."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.board import charts, institution
from deploy.board.access import Viewer
from deploy.board.guard import form, session_of
from deploy.board.national import National
from deploy.board.pages import page, words_of
from deploy.board.search import search
from deploy.board.words import Words
from schemas.errors import HemisError
from schemas.keys import INSTITUTION, parse_record_key
from schemas.rules import RULES, explain
from sinks.arrivals import SLOT_SECONDS
from sinks.quality.measures import FOUR
from sinks.trace import Trace, traced


def routes() -> Sequence[Route]:
    return (
        Route("/institution/{code}", one_institution),
        Route("/institution/{code}/findings/{rule}", found_by_rule),
        Route("/record/{key:path}", record),
        Route("/record/{key:path}", revealed, methods=["POST"]),
        Route("/search", searched),
    )


def one_institution(request: Request) -> Response:
    viewer, code = _addressed(request)
    words = words_of(request)
    with _national(request).read(viewer) as connection:
        found = institution.read(connection, code, records=viewer.sees_records)
    return page(
        request,
        "institution.html",
        found=found,
        charts={name: _history(found, name, words) for name in FOUR},
        delays=charts.line(
            found.delays,
            gap=timedelta(seconds=2 * SLOT_SECONDS),
            number=words.span,
            moment=words.hour,
            whole=(0.0, 0.0),
        ),
        hops=charts.bar(list(found.hops.items())),
        rules={count.rule: explain(count.rule, {}, words.language) for count in found.rules},
        lists=viewer.sees_records,
    )


def _history(found: institution.Institution, name: str, words: Words) -> charts.Chart | None:
    return charts.line(
        found.history[name], gap=timedelta(days=1), number=words.share, moment=words.short_day, whole=(0.9, 1.0)
    )


def found_by_rule(request: Request) -> Response:
    viewer, code = _addressed(request)
    rule = request.path_params["rule"]
    if rule not in RULES:
        raise HemisError("E904")
    if not viewer.sees_records:
        raise HemisError("E903")
    with _national(request).read(viewer) as connection:
        found = institution.findings(connection, code, rule)
    language = words_of(request).language
    return page(
        request,
        "findings.html",
        code=code,
        rule=RULES[rule],
        found=[(finding, explain(rule, finding.details, language)) for finding in found],
        most=institution.LISTED,
    )


def record(request: Request) -> Response:
    """A record's life with its personal values masked."""
    viewer, key = _recorded(request)
    with _national(request).read(viewer) as connection:
        found = traced(connection, key, viewer.schema, reveal=False)
    return _life(request, found, revealed=False)


async def revealed(request: Request) -> Response:
    """The same with personal values; the audit names who asked, before anything is shown."""
    viewer, key = _recorded(request)
    await form(request)
    national = _national(request)

    def read() -> Trace:
        national.audited(viewer, "board", key)
        with national.read(viewer) as connection:
            return traced(connection, key, viewer.schema, reveal=True)

    return _life(request, await run_in_threadpool(read), revealed=True)


def _life(request: Request, found: Trace, *, revealed: bool) -> Response:
    if not found.versions:
        return page(request, "record.html", 404, found=found, revealed=revealed, told={})
    language = words_of(request).language
    told: dict[int, Any] = {
        number: explain(finding.rule, finding.details, language) for number, finding in enumerate(found.findings)
    }
    return page(request, "record.html", found=found, revealed=revealed, told=told)


def searched(request: Request) -> Response:
    viewer, text = session_of(request).viewer, request.query_params.get("q", "")
    with _national(request).read(viewer) as connection:
        found = search(connection, viewer, text)
    if found.institution:
        return RedirectResponse(f"/institution/{found.institution}", 303)
    if len(found.records) == 1:
        return RedirectResponse(f"/record/{quote(found.records[0], safe='/')}", 303)
    return page(request, "search.html", 200 if found.records else 404, text=text, found=found)


def _addressed(request: Request) -> tuple[Viewer, str]:
    """The viewer and the institution that a page is about.

    Raises:
        HemisError E904: no institution code. E903: not the viewer's.
    """
    viewer, code = session_of(request).viewer, str(request.path_params["code"])
    if not INSTITUTION.fullmatch(code):
        raise HemisError("E904")
    viewer.must_see(code)
    return viewer, code


def _recorded(request: Request) -> tuple[Viewer, str]:
    """The viewer and the record that a page is about.

    Raises:
        HemisError E104: no record key. E903: not for this viewer.
    """
    viewer, key = session_of(request).viewer, str(request.path_params["key"])
    parsed = parse_record_key(key)
    if parsed is None or not key.isprintable():
        raise HemisError("E104")
    if not viewer.sees_records:
        raise HemisError("E903")
    viewer.must_see(parsed[0])
    return viewer, key


def _national(request: Request) -> National:
    national: National = request.app.state.national
    return national
