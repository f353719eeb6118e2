"""Blocks: records that share a key. A key that too many share brings nobody together any more; the others still do.

That is what keeps 100,000 people called Nguyễn Văn An fast, and what lets coarse keys help a small register without slowing a large one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream_processors.identity.comparison import Comparison

CAP = 24
"""Members of a block. One more, and the block is closed for good."""
_CLOSED: list[int] = []


class Blocks:
    """The index over all stored records, by number. A block of one holds the number itself: most do."""

    def __init__(self, comparison: Comparison, cap: int = CAP) -> None:
        self._keys = [
            (number, [(part.column, comparison.columns[part.column].key, part.part) for part in key])
            for number, key in enumerate(comparison.blocking)
        ]
        self._cap = cap
        self._blocks: dict[int, int | list[int]] = {}

    def keys(self, features: tuple[Any, ...]) -> list[int]:
        """The record's keys, in the file's order."""
        found = []
        for number, parts in self._keys:
            key: list[Any] = [number]
            for column, key_of, part in parts:
                feature = features[column]
                if feature is None:
                    break
                share = key_of(feature, part)
                if share is None:
                    break
                key.append(share)
            else:
                found.append(hash(tuple(key)))
        return found

    def members(self, keys: list[int]) -> Iterator[list[int]]:
        """Who is in the blocks of these keys, block by block."""
        blocks = self._blocks
        for key in keys:
            block = blocks.get(key)
            if block is not None:
                yield block if type(block) is list else [block]  # type: ignore[list-item]

    def add(self, keys: list[int], record: int) -> None:
        blocks = self._blocks
        for key in keys:
            block = blocks.get(key)
            if block is None:
                blocks[key] = record
            elif type(block) is int:
                if block != record:
                    blocks[key] = [block, record]
            elif block:
                if len(block) >= self._cap:  # type: ignore[arg-type]
                    blocks[key] = _CLOSED
                else:
                    block.append(record)  # type: ignore[union-attr]

    def remove(self, keys: list[int], record: int) -> None:
        """Take a record out: it changed, or is gone. A closed block stays closed."""
        blocks = self._blocks
        for key in keys:
            block = blocks.get(key)
            if block == record:
                del blocks[key]
            elif type(block) is list and record in block:
                block.remove(record)
                if not block:
                    del blocks[key]
