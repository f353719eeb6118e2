"""What a message is, by its schema id: the codecs of this program's types, and translation from their other versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas import avro_schema, envelope
from schemas.codec import HEADER_SIZE, Codec, codec, codec_of
from schemas.errors import HemisError
from schemas.registry import Registry


class Unreadable(HemisError):
    """A message for the dead letters; the code says why."""


class Type(NamedTuple):
    """A type that a changes topic may carry. `writer` is set where the message was written with another version."""

    name: str
    entity: str | None
    codec: Codec
    writer: Codec | None


class Contract:
    """The contract's types by wire header. Asks the registry once per id."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._types: dict[bytes, Type] = {}
        self._misplaced: set[bytes] = set()
        self._writers: dict[bytes, Codec] = {}
        self._entities = {avro_schema.change_subject(e): e for e in avro_schema.RECORD_TYPES}
        self._allowed = set(self._entities) | {avro_schema.subject(n) for n in avro_schema.CONTROL_EVENTS}
        self._headers = {name: envelope.header(registry.id_of(name)) for name in avro_schema.subjects()}
        for name, header in self._headers.items():
            self._meet(header, name, None)

    def header(self, name: str) -> bytes:
        """The wire header of this program's version of a type, by its short name."""
        return self._headers[avro_schema.subject(name)]

    def encode(self, name: str, value: Mapping[str, Any]) -> bytes:
        """A whole message of a type, by its short name."""
        return self.header(name) + codec(avro_schema.subject(name)).encode(value)

    def decode(self, name: str, raw: bytes) -> dict[str, Any]:
        """The value of a message that must be of this type.

        Raises:
            DecodeError, Unreadable.
        """
        if raw[:HEADER_SIZE] != self.header(name):
            raise Unreadable("E103")
        return codec(avro_schema.subject(name)).decode(raw, HEADER_SIZE)[0]

    def type_of(self, raw: bytes) -> Type:
        """The type of a stored copy of a message of a changes topic; the registry is asked if need be.

        Raises:
            DecodeError: no wire header. Unreadable: unknown id (E102) or a type with no place there (E103).
            RegistryUnavailable: try again.
        """
        return self.known(raw) or self._look_up(envelope.schema_id_of(raw))

    def known(self, raw: bytes) -> Type | None:
        """The type of a message on a changes topic; None if its id was never met. The registry is not asked, since that would hold up
        every institution (P5): see `is_new`.

        Raises:
            DecodeError: no wire header. Unreadable E103: a type with no place there.
        """
        known = self._types.get(raw[:HEADER_SIZE])
        if known is None and envelope.header(envelope.schema_id_of(raw)) in self._misplaced:
            raise Unreadable("E103")
        return known

    def is_new(self, raw: bytes) -> bool:
        """Has the message an id that was never met?"""
        header = raw[:HEADER_SIZE]
        return (
            len(header) == HEADER_SIZE
            and header[0] == 0
            and header not in self._types
            and header not in self._misplaced
        )

    def meet_versions(self) -> None:
        """Ask the registry for all versions of the types that may stand there. An id that is unknown after that, in a message that was there
        before, is of none of them. May run in a thread of its own.

        Raises:
            RegistryUnavailable: try again.
        """
        for name in sorted(self._allowed):
            for schema_id in self._registry.ids_of(name):
                header = envelope.header(schema_id)
                if header not in self._types and (schema := self._registry.schema_of(schema_id)) is not None:
                    self._meet(header, name, schema)

    def _meet(self, header: bytes, name: str, schema: dict[str, Any] | None) -> Type | None:
        """Note a type, whose schema is not given if it is this program's version; None if it has no place on a changes topic."""
        if name not in self._allowed:
            self._misplaced.add(header)
            return None
        entity = self._entities.get(name)
        own = avro_schema.subject(avro_schema.record_name(entity)) if entity else name
        writer = None if schema is None else codec_of(schema)
        met = self._types[header] = Type(name.rpartition(".")[2], entity, codec(own), writer)
        return met

    def _look_up(self, schema_id: int) -> Type:
        schema = self._registry.schema_of(schema_id)
        if schema is None:
            raise Unreadable("E102")
        name = f"{schema.get('namespace')}.{schema.get('name')}"
        met = self._meet(envelope.header(schema_id), name, schema)
        if met is None:
            raise Unreadable("E103")
        return met

    def current(self, name: str, raw: bytes) -> bytes:
        """A message or stored copy of this type (by its short name) in this program's version: state outlives upgrades.

        Raises:
            DecodeError, Unreadable: it is none. RegistryUnavailable: try again.
        """
        header = raw[:HEADER_SIZE]
        if header == self.header(name):
            return raw
        writer = self._writers.get(header)
        if writer is None:
            schema = self._registry.schema_of(envelope.schema_id_of(raw))
            if schema is None:
                raise Unreadable("E102")
            if f"{schema.get('namespace')}.{schema.get('name')}" != avro_schema.subject(name):
                raise Unreadable("E103")
            writer = self._writers[header] = codec_of(schema)
        value, _ = writer.decode(raw, HEADER_SIZE)
        return self.encode(name, value)

    def values(self, raw: bytes, body: int) -> tuple[str, dict[str, Any]]:
        """Entity and values of a stored record whose entity begins at `body`, as this program's version has them.

        Raises:
            DecodeError, Unreadable: it is no record. RegistryUnavailable: try again.
        """
        kind = self.type_of(raw)
        if kind.entity is None:
            raise Unreadable("E103")
        if kind.writer is not None:
            raw = self.translate(kind, raw)
            body = envelope.read(raw).body
        return kind.entity, kind.codec.decode(raw, body)[0]

    def translate(self, kind: Type, raw: bytes) -> bytes:
        """A message of another version, written anew with this program's (fields it lacks are null, unknown ones left out)."""
        assert kind.writer is not None
        value, _ = kind.writer.decode(raw, HEADER_SIZE)
        return self.header(kind.name) + codec(avro_schema.subject(kind.name)).encode(value)
