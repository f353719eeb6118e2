"""What one unit decided in a unit of work, before any of it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from stream_processors.outbox import Message, Outputs


class Scratch(Protocol):
    """What one unit decided, not yet written."""

    outputs: Outputs

    def state(self) -> list[Message]:
        """Changelog messages, place and ledger last."""

    def store_changes(self) -> Mapping[bytes, bytes | None]:
        """What goes to the store, index entries included."""
