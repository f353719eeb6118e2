"""Keys: who a record and a person is, as text that every stage agrees on.

Record key: `<institution>/<entity>/<primary key part>[/<part>…]`, parts percent-escaped (RFC 3986 unreserved kept).
Person key: `n:<keyed hash of a plausible citizen number>` or `i:<record key of the institution's person record>`.
"""

from __future__ import annotations

import hmac
import re
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote

from schemas.avro_schema import RECORD_TYPES

INSTITUTION = re.compile(r"[A-Z0-9][A-Z0-9-]{1,15}")
"""Institution codes: no dot, since topic rights are given on a prefix that ends in one."""

MAX_KEY_BYTES = 512


def record_key(institution: str, entity: str, parts: tuple[str, ...]) -> str:
    return f"{institution}/{entity}/" + "/".join(quote(part, safe="") for part in parts)


def parse_record_key(key: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Institution, entity and key parts; None if the text is no record key."""
    institution, _, rest = key.partition("/")
    entity, _, parts = rest.partition("/")
    if (
        entity not in RECORD_TYPES
        or not parts
        or len(key.encode()) > MAX_KEY_BYTES
        or not INSTITUTION.fullmatch(institution)
    ):
        return None
    return institution, entity, tuple(unquote(part) for part in parts.split("/"))


class PersonKeys:
    """Person keys under one secret. The hash is keyed, so that a topic reader can't find people by trying 10¹² numbers."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.of_number = lru_cache(maxsize=100_000)(self._of_number)

    def _of_number(self, citizen_number: str) -> str:
        return "n:" + hmac.digest(self._secret, citizen_number.encode(), sha256)[:16].hex()

    @staticmethod
    def of_record(key: str) -> str:
        return "i:" + key


def finding_id(
    rule: str, institution: str, record: str, fields: tuple[str, ...], other: str = "", person: str = ""
) -> str:
    """One finding per addressed institution, rule, record and fields: the same fact found twice is one finding."""
    return sha256("\x1f".join((rule, institution, record, ",".join(fields), other, person)).encode()).hexdigest()[:32]
