"""PostgreSQL's errors as the catalogue's, by SQLSTATE; what has none is told apart by what libpq knows of the connection."""

from __future__ import annotations

import psycopg

from schemas.errors import HemisError

_BY_STATE = {
    "28P01": "E302",
    "28000": "E302",
    "3D000": "E302",
    "42501": "E303",
    "42704": "E306",
    "55006": "E305",
    "42P01": "E203",
    "42703": "E203",
    "53300": "E301",
    "57P03": "E301",
}
_BY_CLASS = {"08": "E307", "57": "E307", "53": "E301", "58": "E307", "XX": "E307", "40": "E307"}


def by_state(state: str | None) -> HemisError | None:
    """The error of a SQLSTATE; None for a state that is nobody's fault but the program's."""
    if state is None:
        return HemisError("E307")
    code = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    return HemisError(code, sqlstate=state) if code else None


def translated(error: psycopg.Error) -> HemisError:
    """An error of a statement. The server's text is left out, since it may hold values (P8)."""
    return by_state(error.sqlstate) or HemisError("E309", sqlstate=error.sqlstate)


def refused(used_password: bool) -> HemisError:
    """An error of connecting. libpq gives no code here; but a server that asked for the password and then ended is one that
    refused us, while one that starts, stops or is full ends before asking."""
    return HemisError("E302") if used_password else HemisError("E301")
