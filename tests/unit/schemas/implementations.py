"""Both implementations of the wire format: each test of it runs over both."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from schemas import binary, codec, envelope
from schemas.codec import Codec
from schemas.native import wire

MakeCodec = Callable[[dict[str, Any]], Codec]
Binary = ModuleType


class Envelopes(NamedTuple):
    read: Callable[[bytes], envelope.Envelope]
    stamp: Callable[[bytes, envelope.Envelope, int, int], tuple[bytes, int]]


needs_compiled = pytest.mark.skipif(wire is None, reason="the wire format was not compiled here")


def _both(name: str, python: object, compiled: object) -> pytest.MarkDecorator:
    there = pytest.param(compiled, id="compiled", marks=needs_compiled)
    return pytest.mark.parametrize(name, [pytest.param(python, id="python"), there])


CODEC = _both("make", codec.generated, codec.compiled)
BINARY = _both("binary", binary, wire)
ENVELOPE = _both(
    "wire",
    Envelopes(envelope.read_in_python, envelope.stamp_in_python),
    wire and Envelopes(wire.EnvelopeReader(envelope.Envelope).read, wire.stamp),
)
