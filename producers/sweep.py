"""Sweep: a source table was read to its end, or emptied; what still has an older version is gone."""

from __future__ import annotations

from typing import Literal

from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header


def sweep(
    schema_id: int,
    *,
    instance: str,
    table: str,
    version: int,
    reason: Literal["RELOAD", "TRUNCATE"],
    changed_at: int,
    rows: int,
) -> tuple[bytes, bytes]:
    """The event."""
    body = codec(subject("Sweep")).encode(
        {
            "instance": instance,
            "source_table": table,
            "version": version,
            "reason": reason,
            "changed_at": changed_at,
            "rows": rows,
        }
    )
    return b"sweep:" + table.encode(), header(schema_id) + body
