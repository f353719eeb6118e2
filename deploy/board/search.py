"""From what somebody types to records: keys and beginnings of keys, each a range of an index; nothing is scanned."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import sqlalchemy as sa

from deploy.board.access import Role, Viewer
from schemas.avro_schema import ENTITIES
from schemas.errors import HemisError
from schemas.keys import INSTITUTION, MAX_KEY_BYTES

MOST = 50
BEHIND = "\x7f"
"""Sorts behind every character that a key may have."""


@dataclass(frozen=True)
class Found:
    """`institution`: the text was a code. `more`: there are more records than are shown."""

    institution: str = ""
    records: tuple[str, ...] = ()
    more: bool = False


def search(connection: sa.Connection, viewer: Viewer, text: str) -> Found:
    """What the viewer may find by a text.

    Raises:
        HemisError E903: the viewer sees no records.
    """
    text = text.strip()
    if not text or len(text.encode()) > MAX_KEY_BYTES or not text.isprintable():
        return Found()
    code = text.upper()
    if INSTITUTION.fullmatch(code) and connection.execute(_KNOWN, {"code": code}).scalar():
        return Found(institution=code)
    if not viewer.sees_records:
        raise HemisError("E903")
    if text.startswith(("n:", "i:")):
        return _of_person(connection, viewer, text)
    keys: list[str] = []
    for entity, beginning in _beginnings(viewer, text):
        query = sa.text(
            f"SELECT record_key FROM {entity} WHERE record_key >= :first AND record_key < :last ORDER BY 1 LIMIT :most"
        )
        asked = {"first": beginning, "last": beginning + BEHIND, "most": MOST + 1 - len(keys)}
        keys += connection.execute(query, asked).scalars()
        if beginning in keys:
            return Found(records=(beginning,))
        if len(keys) > MOST:
            break
    return Found(records=tuple(keys[:MOST]), more=len(keys) > MOST)


_KNOWN = sa.text("SELECT EXISTS (SELECT FROM ledger WHERE institution = :code)")


def _beginnings(viewer: Viewer, text: str) -> list[tuple[str, str]]:
    """Entities with the beginning of a key. An institution's own people need not type its code."""
    institution, _, rest = text.partition("/")
    if viewer.role is Role.INSTITUTION and not (rest and institution.upper() == viewer.institution):
        institution, rest = viewer.institution, text
    elif not rest or not INSTITUTION.fullmatch(institution.upper()):
        return []
    entity, slash, key = rest.partition("/")
    if entity in ENTITIES:
        return [(entity, f"{institution.upper()}/{entity}/{key if slash else ''}")]
    # People type what they see in their own system; keys are escaped.
    return [(name, f"{institution.upper()}/{name}/{quote(rest, safe='/')}") for name in ENTITIES]


def _of_person(connection: sa.Connection, viewer: Viewer, person: str) -> Found:
    if viewer.role is not Role.OPERATOR:
        return Found()
    query = sa.text("SELECT claims FROM golden_person WHERE person_key = :person")
    claims = connection.execute(query, {"person": person}).scalar() or ()
    return Found(records=tuple(sorted(claims))[:MOST], more=len(claims) > MOST)
