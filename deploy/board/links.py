"""Sign-in links, as notebooks print them: signed, for one role, until a moment. Nothing is stored."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from deploy.board.access import Viewer, viewer_of
from schemas.errors import HemisError
from schemas.settings import Secret

LONGEST = 512
"""Characters of a token; what is longer is not looked at."""


def token(secret: Secret, viewer: Viewer, until: float) -> str:
    """A token for a viewer until a Unix time.

    Raises:
        HemisError E201: there is no secret to sign with.
    """
    if not secret.reveal():
        raise HemisError("E201", "board_link_secret is empty: there are no sign-in links")
    said = {"actor": viewer.actor, "role": viewer.role, "institution": viewer.institution, "until": int(until)}
    text = urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")
    return f"{text}.{_signature(secret, text)}"


def viewer(secret: Secret, given: str, now: float) -> Viewer:
    """The viewer of a token.

    Raises:
        HemisError E901: it was not signed here, or has ended.
    """
    text, _, signature = given.partition(".")
    known = bool(secret.reveal()) and len(given) <= LONGEST and given.isascii()
    if not known or not hmac.compare_digest(signature, _signature(secret, text)):
        raise HemisError("E901")
    said = json.loads(urlsafe_b64decode(text + "=="))
    if now >= said["until"]:
        raise HemisError("E901")
    return viewer_of(said["actor"], said["role"], said["institution"])


def _signature(secret: Secret, text: str) -> str:
    return hmac.digest(secret.reveal().encode(), b"board link\n" + text.encode(), sha256).hex()
