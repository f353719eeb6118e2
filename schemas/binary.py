"""Avro's longs and texts in Python: what the compiled ones (`wire/`) are held to, and what runs without them.

What reads raises IndexError where the bytes end, UnicodeDecodeError, or DecodeError.
"""

from __future__ import annotations

from schemas.errors import DecodeError


def long_bytes(n: int) -> bytes:
    """An Avro long: zigzag, then base 128 with the low bits first."""
    n = (n << 1) ^ (n >> 63)
    if n < 128:
        return _BYTE[n]
    if n < 1 << 14:
        return bytes((n & 127 | 128, n >> 7))
    if n < 1 << 21:
        return bytes((n & 127 | 128, n >> 7 & 127 | 128, n >> 14))
    if n >> 64:
        raise OverflowError("a long of more than 64 bits")
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


_BYTE = [bytes((n,)) for n in range(128)]
SMALL: list[bytes] = [long_bytes(n) for n in range(16384)]
"""Avro longs of 0..16383, where nearly all lengths lie."""


def size_bytes(n: int) -> bytes:
    """The Avro long of a length."""
    return SMALL[n] if n < 16384 else long_bytes(n)


def text_bytes(value: str) -> bytes:
    """An Avro string."""
    raw = value.encode()
    return size_bytes(len(raw)) + raw


def long_rest(buffer: bytes, position: int, first: int) -> tuple[int, int]:
    """The undecoded (still zigzag) long whose first byte was `first`, and the position behind it."""
    n, shift = first & 127, 7
    while True:
        byte = buffer[position]
        position += 1
        n |= (byte & 127) << shift
        if byte < 128:
            if n >> 64:
                raise DecodeError("a long of more than 64 bits")
            return n, position
        shift += 7
        if shift > 63:
            raise DecodeError("a long of more than ten bytes")


def read_long(buffer: bytes, position: int) -> tuple[int, int]:
    """An Avro long and the position behind it."""
    n = buffer[position]
    position += 1
    if n > 127:
        n, position = long_rest(buffer, position, n)
    return (n >> 1) ^ -(n & 1), position


def read_text(buffer: bytes, position: int) -> tuple[str, int]:
    """An Avro string and the position behind it."""
    n, position = read_long(buffer, position)
    end = position + n
    if n < 0 or end > len(buffer):
        raise DecodeError("a length that runs past the end")
    return buffer[position:end].decode(), end


def behind_long(buffer: bytes, position: int) -> int:
    """The position behind an Avro long."""
    while buffer[position] > 127:
        position += 1
    return position + 1


def behind_optional_text(buffer: bytes, position: int) -> int:
    """The position behind an optional Avro string."""
    if buffer[position] == 0:
        return position + 1
    n = buffer[position + 1]
    position += 2
    if n > 127:
        n, position = long_rest(buffer, position, n)
    position += n >> 1
    if position > len(buffer):
        raise IndexError("a text that runs past the end")
    return position
