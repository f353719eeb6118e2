"""The schema that a message was written with, by the id in its header. An older or newer version of the contract has
fewer or more fields; those that this program knows are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas import avro_schema
from schemas.codec import HEADER_SIZE, Codec, codec, codec_of
from schemas.errors import DecodeError, HemisError
from schemas.registry import Registry
from sinks.model import Target, leaves, target_of


@dataclass(frozen=True, eq=False)
class Writer:
    """A schema of a message, and the target of its topic."""

    target: Target
    schema: dict[str, Any]
    codec: Codec


class Writers:
    """Cache of writers by topic and header. `of` raises HemisError E101, E102, E103 (dead letters) or E405 (try again)."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._found: dict[tuple[Target, bytes], Writer] = {}

    def of(self, topic: str, header: bytes) -> Writer:
        target = target_of(topic)
        if target is None:
            raise HemisError("E103", topic=topic)
        known = self._found.get((target, header))
        if known is None:
            known = self._found[target, header] = self._look_up(target, header)
        return known

    def _look_up(self, target: Target, header: bytes) -> Writer:
        if len(header) < HEADER_SIZE or header[0] != 0:
            raise DecodeError("no Confluent wire header")
        schema = self._registry.schema_of(int.from_bytes(header[1:], "big"))
        if schema is None:
            raise HemisError("E102")
        if f"{schema.get('namespace')}.{schema.get('name')}" != target.subject:
            raise HemisError("E103", target.name)
        if list(leaves(schema)) == list(leaves(avro_schema.full(target.subject))):
            return Writer(target, schema, codec(target.subject))
        return Writer(target, schema, codec_of(schema))
