"""What one unit decided in a unit of work, before any of it is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from stream_processors.outbox import Message, Outputs


class Scratch(ABC):
    """What one unit decided, not yet written."""

    outputs: Outputs

    @abstractmethod
    def state(self) -> list[Message]:
        """Changelog messages, place and ledger last."""

    @abstractmethod
    def store_changes(self) -> Mapping[bytes, bytes | None]:
        """What goes to the store, index entries included."""
