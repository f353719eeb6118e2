"""The compiled wire format gives what Python gives, value or refusal, for whatever comes; and keeps nothing of it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from fastavro.utils import generate_one
from hypothesis import given
from hypothesis import strategies as st

from schemas import binary, envelope
from schemas.avro_schema import full, subject, subjects
from schemas.codec import HEADER_SIZE, Codec, compiled, generated
from schemas.native import wire
from tests.unit.schemas.implementations import needs_compiled
from tests.unit.schemas.test_codec import ALL_TYPES, VALUE, without_logical
from tests.unit.schemas.test_envelope import GIVEN

pytestmark = needs_compiled
MUTANTS = 150
SCHEMAS: dict[str, dict[str, Any]] = {"All": ALL_TYPES, **{name: without_logical(full(name)) for name in subjects()}}
BOTH: dict[str, tuple[Codec, Codec]] = (
    {} if wire is None else {name: (generated(schema), compiled(schema)) for name, schema in SCHEMAS.items()}
)
READ = None if wire is None else wire.EnvelopeReader(envelope.Envelope).read


def outcome(call: Callable[..., Any], *args: Any, **more: Any) -> tuple[str, str]:
    """What came of a call, so that True is not 1 and a refusal has its reason."""
    try:
        return "value", repr(call(*args, **more))
    except Exception as error:
        return type(error).__name__, str(error)


def mutant(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with a few of them changed, lost, doubled or put in."""
    out = bytearray(raw)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(out) + 1)
        match chance.randrange(5):
            case 0:
                del out[at:]
            case 1:
                out[at : at + 1] = bytes((chance.choice((0, 1, 2, 3, 4, 127, 128, 255)),))
            case 2:
                out[at:at] = chance.randbytes(chance.randint(1, 10))
            case 3:
                out[at : at + chance.randint(1, 9)] = b""
            case 4:
                out[at:at] = b"\xff" * chance.randint(1, 10)
    return bytes(out)


@pytest.mark.parametrize("name", SCHEMAS)
def test_mutated_records_have_the_same_outcome(name: str) -> None:
    reference, native = BOTH[name]
    chance = random.Random(name)
    for _ in range(10):
        value = VALUE if name == "All" else generate_one(SCHEMAS[name])
        raw = reference.encode(value)
        assert native.encode(value) == raw
        for _ in range(MUTANTS // 10):
            changed, to_end = mutant(raw, chance), chance.random() < 0.5
            at = chance.choice((0, 0, 0, HEADER_SIZE, len(changed)))
            expected = outcome(reference.decode, changed, at, to_end=to_end)
            assert outcome(native.decode, changed, at, to_end=to_end) == expected


@given(st.binary(max_size=300), st.sampled_from(sorted(SCHEMAS)))
def test_rubbish_has_the_same_outcome(rubbish: bytes, name: str) -> None:
    reference, native = BOTH[name]
    assert outcome(native.decode, rubbish) == outcome(reference.decode, rubbish)
    assert outcome(READ or repr, rubbish) == outcome(envelope.read_in_python, rubbish)


@given(GIVEN, st.randoms(use_true_random=False))
def test_mutated_envelopes_have_the_same_outcome(said: dict[str, Any], chance: random.Random) -> None:
    assert READ is not None
    raw = envelope.write(7, **said)
    read = READ(raw)
    assert type(read) is envelope.Envelope
    assert repr(read) == repr(envelope.read_in_python(raw))
    for _ in range(20):
        changed = mutant(raw, chance)
        assert outcome(READ, changed) == outcome(envelope.read_in_python, changed)


@given(st.binary(max_size=40), st.integers(0, 45))
def test_longs_and_texts_have_the_same_outcome(raw: bytes, at: int) -> None:
    assert wire is not None
    for name in ("read_long", "read_text", "behind_long", "behind_optional_text"):
        mine, theirs = outcome(getattr(wire, name), raw, at), outcome(getattr(binary, name), raw, at)
        assert mine[0] == theirs[0]
        assert mine == theirs or mine[0] == "IndexError"


def test_the_texts_of_an_origin_are_given_out_again() -> None:
    assert READ is not None
    raw = envelope.write(7, **ENVELOPE)
    assert READ(raw).instance is READ(raw[:-2] + b"\x00\x00").instance
    assert READ(raw).untyped == {}


@pytest.mark.parametrize("raw", [None, "text", bytearray(b"\x00" * 20), 7])
def test_what_is_not_bytes_is_a_mistake_of_the_caller(raw: Any) -> None:
    assert wire is not None
    for call in (BOTH["All"][1].decode, READ, lambda given: wire.read_long(given, 0)):
        assert call is not None
        with pytest.raises(TypeError):
            call(raw)


@pytest.mark.parametrize("rest_body", [(4, 9), (9, 8), (-1, 3), (10, 1 << 40)])
def test_the_envelope_of_another_message_stamps_nothing(rest_body: tuple[int, int]) -> None:
    assert wire is not None
    raw = envelope.write(7, **ENVELOPE)
    event = envelope.read(raw)._replace(rest=rest_body[0], body=rest_body[1])
    with pytest.raises(ValueError, match="another message"):
        wire.stamp(raw, event, 1, 2)


@pytest.mark.parametrize(
    "plan",
    [
        None,
        "record",
        (),
        ("record",),
        ("float", None),
        ("record", [1]),
        ("record", (1,)),
        ("record", (("a", 0),)),
        ("enum", None),
        ("array", 7),
    ],
)
def test_a_plan_that_is_none_is_refused(plan: Any) -> None:
    assert wire is not None
    with pytest.raises((TypeError, SystemError)):
        wire.Codec(plan)


def test_nothing_is_kept() -> None:
    """Values, refusals and failed writes: afterwards there are as many objects as before."""
    assert wire is not None
    chance = random.Random(1)
    claim = subject("Claim")
    value = generate_one(SCHEMAS[claim])
    native = BOTH[claim][1]
    raw = native.encode(value)
    head = envelope.write(7, **ENVELOPE | {"absent": ("a", "b"), "untyped": {"c": "d"}})
    claims = [raw, *(mutant(raw, chance) for _ in range(200))]
    heads = [head, *(mutant(head, chance) for _ in range(200))]
    event = envelope.read(head)
    wrong = {**value, "facts": [{"kind": 7}]}

    def all_of_it() -> None:
        for message in claims:
            outcome(native.decode, message)
        for message in heads:
            outcome(READ or repr, message)
            outcome(wire.read_text, message, 30)
            outcome(wire.behind_optional_text, message, 30)
        outcome(native.encode, value)
        outcome(native.encode, wrong)
        outcome(wire.stamp, head, event, 1, 2)
        outcome(wire.Codec, ("record", (("a", 0, ("enum", ("A", "B"))), ("b", 1, ("float", None)))))

    for _ in range(3):
        all_of_it()
    before = sys.getallocatedblocks(), sys.getrefcount(None), sys.getrefcount(value)
    for _ in range(50):
        all_of_it()
    after = sys.getallocatedblocks(), sys.getrefcount(None), sys.getrefcount(value)
    assert all(abs(b - a) < 100 for a, b in zip(before, after, strict=True))


def test_the_environment_leaves_it_aside() -> None:
    code = "from schemas import native; print(native.KIND)"
    for choice, kind in (("python", "python"), ("", "compiled")):
        ran = subprocess.run([sys.executable, "-c", code], env=os.environ | {"HEMIS_WIRE": choice}, capture_output=True, text=True, check=True)  # fmt: skip
        assert ran.stdout.strip() == kind


ENVELOPE: dict[str, Any] = {
    "operation": envelope.UPDATE, "snapshot": False, "version": 1, "changed_at": 2, "captured_at": 3, "instance": "0123456789abcdef", "source_table": "public.t",
    "record_key": "DHA/learner/1",
}  # fmt: skip
