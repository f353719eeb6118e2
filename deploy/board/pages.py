"""From facts to HTML: templates, the language of an answer, and what an error looks like."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from deploy.board.country import Country, Line
from deploy.board.guard import cookies
from deploy.board.sessions import Session
from deploy.board.words import LANGUAGES, WORDS, Words
from schemas.errors import HemisError, Nature
from schemas.findings import Language
from sinks.quality.measures import FOUR, MEASURES

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
LANGUAGE_COOKIE = "hemis-language"
STATUS = {
    "E104": 404,
    "E201": 400,
    "E901": 403,
    "E902": 401,
    "E903": 403,
    "E904": 404,
    "E905": 429,
    "E906": 403,
    "E907": 403,
}

_TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {"FOUR": FOUR, "MEASURES": MEASURES}


def _static_version() -> str:
    """Part of every address below /static/, so that browsers keep the files until they change."""
    return sha256(b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))).hexdigest()[:12]


_TEMPLATES.globals["static"] = f"/static/{_static_version()}"


def language_of(request: Request) -> Language:
    """What the viewer chose, else what the browser prefers, else Vietnamese."""
    accepted = request.headers.get("accept-language", "").lower().replace(" ", "").split(",")
    for wanted in (cookies(request.scope).get(LANGUAGE_COOKIE, ""), *accepted):
        for language in LANGUAGES:
            if wanted.startswith(language):
                return language
    return "vi"


def words_of(request: Request) -> Words:
    return WORDS[language_of(request)]


def page(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """A whole page in the viewer's language."""
    session = request.state.session if isinstance(request.state.session, Session) else None
    here = request.url.path + (f"?{request.url.query}" if request.url.query and request.method == "GET" else "")
    words = words_of(request)
    text = _TEMPLATES.get_template(template).render(words=words, session=session, here=here, **facts)
    return HTMLResponse(text, status, {"Content-Language": words.language})


class Rows:
    """The lines of the country as HTML. A line is written once per language and kept until it changes."""

    def __init__(self) -> None:
        self._template = _TEMPLATES.get_template("row.html")
        self._written: dict[tuple[Language, str], tuple[Line, str]] = {}

    def row(self, line: Line, words: Words) -> str:
        known = self._written.get((words.language, line.code))
        if known is not None and known[0] == line:
            return known[1]
        text = self._template.render(line=line, words=words)
        self._written[words.language, line.code] = (line, text)
        return text

    def all(self, country: Country, words: Words) -> Markup:
        return Markup("\n".join(self.row(line, words) for line in country.lines))


def error_page(request: Request, error: Exception) -> Response:
    """What went wrong and what to do, as the catalogue has it."""
    assert isinstance(error, HemisError)
    # Who is not signed in gets there by the page that was asked for.
    if error.code == "E902" and request.method == "GET":
        return page(request, "sign_in.html", 401, error=None, oidc=request.app.state.oidc is not None)
    status = STATUS.get(error.code, 503 if error.declared.nature is Nature.TRANSIENT else 500)
    answer = page(request, "error.html", status, error=error)
    if status in (429, 503):
        answer.headers["Retry-After"] = "5"
    return answer
