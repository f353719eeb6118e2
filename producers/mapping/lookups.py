"""Look-up tables in memory, as text to text; whoever caches what came out of one is told when it changes.

The thread of the log changes them while the loader reads: `lock` keeps a cache from learning what was just forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import RLock


class LookupTable:
    """One look-up table."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes | None] = {}
        self._forget: list[Callable[[], None]] = []
        self.lock = RLock()
        self.get = self._values.get

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: bytes) -> bool:
        return key in self._values

    def on_change(self, forget: Callable[[], None]) -> None:
        """Call `forget` whenever a value that was given out may be wrong."""
        self._forget.append(forget)

    def fill(self, rows: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Replace everything."""
        with self.lock:
            self._values.clear()
            self._values.update((key, value) for key, value in rows if key is not None)
            self._tell()

    def put(self, key: bytes | None, value: bytes | None) -> None:
        if key is not None:
            with self.lock:
                self._values[key] = value
                self._tell()

    def remove(self, key: bytes | None) -> None:
        if key is not None:
            with self.lock:
                self._values.pop(key, None)
                self._tell()

    def _tell(self) -> None:
        for forget in self._forget:
            forget()
