"""What hangs from what inside one institution: links from a parent to the records that name it.

A parent is a record key, or a group `=<what>/<value>` of records that share a value. Links lie in the store only, under
`<institution>!child/<parent>\\x1f<child>`; a restore makes them again from the states. They are only ever added when a record is
applied: whoever follows one looks whether the child still names the parent, so that a link that outlived its reference costs
a look and is then deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from schemas.avro_schema import RECORD_TYPES, fields
from schemas.rules.related import NUMBERED, number_keys

REFERENCES: Mapping[str, tuple[str, ...]] = {e: tuple(f.name for f in fields(e) if f.refers_to) for e in RECORD_TYPES}
_GROUPED = {"major_licence": ("major_code",), "programme": ("major_code",), "degree": NUMBERED}
DECIDING: Mapping[str, itemgetter[Any]] = {
    e: itemgetter(*REFERENCES[e], *_GROUPED.get(e, ())) for e in RECORD_TYPES if REFERENCES[e] or e in _GROUPED
}
"""The fields that say what a record hangs from, to be taken out of its values."""
SEPARATOR = b"\x1f"


def parents_of(entity: str, values: Mapping[str, Any]) -> list[str]:
    """Everything that a live record with these values hangs from."""
    return [parent for name in REFERENCES[entity] if (parent := values[name]) is not None] + groups_of(entity, values)


def groups_of(entity: str, values: Mapping[str, Any]) -> list[str]:
    """The groups that a live record with these values belongs to."""
    match entity:
        case "major_licence" | "programme" if values["major_code"] is not None:
            return [group("major", values["major_code"])]
        case "degree":
            return [group(case, number) for case, number in number_keys(values).items()]
    return []


def group(what: str, value: str) -> str:
    """The records of an institution that share a value, as a parent."""
    return f"={what}/{value}"


def end(names: bytes) -> bytes:
    """A key behind all links. It always stands, so that looking for links that are not there ends here, and not behind thousands of
    deleted notes that follow in the store."""
    return names + b"child0"


def prefix(names: bytes, parent: str) -> bytes:
    """Where the links of a parent begin; `names` is the institution's prefix."""
    return names + b"child/" + parent.encode() + SEPARATOR
