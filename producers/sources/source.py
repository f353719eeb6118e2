"""What every source gives: an exclusive lock, changes in order with positions, and tables to read in chunks.

Rows hold the wanted columns in the wanted order, each the text that the source prints, or None. A column that the source did
not send is None in the row and named in the message's `absent`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Row = Sequence[bytes | None]

INSERTED, UPDATED, DELETED = 0, 1, 2

RowChange = tuple[int, int, str, Row, Row | None, frozenset[str]]
"""(INSERTED | UPDATED | DELETED, position, table, row, old row, absent). A plain tuple, since there are millions. For a delete
`row` is the old row: its identity columns, or all of it. An update's old row is there if the source sent one."""


class Began(NamedTuple):
    """Changes up to `Ended` belong to one transaction, committed at `committed_at` (µs UTC)."""

    committed_at: int


class Ended(NamedTuple):
    """The transaction is complete; `position` may be confirmed once everything before it is acknowledged (P1)."""

    position: int


class Passed(NamedTuple):
    """Nothing of interest happened up to `position`."""

    position: int


class Beat(NamedTuple):
    """The agent's own heartbeat, which it wrote into the log at `at` (µs UTC, by the source's clock); like `Passed` besides."""

    position: int
    at: int


class Truncated(NamedTuple):
    position: int
    tables: tuple[str, ...]


class Described(NamedTuple):
    """The columns of the rows that follow; `missing` are wanted and no longer there."""

    table: str
    columns: tuple[str, ...]
    missing: frozenset[str]


Message = RowChange | Began | Ended | Passed | Beat | Truncated | Described


@dataclass(frozen=True)
class Identity:
    """Where positions come from: the same identity means that positions can be compared."""

    system_id: str
    timeline: int
    created: str
    fresh: bool
    """True if the place to read from was made just now: changes before it can't be had."""
    oldest: int
    """No change that will be read is older than this position."""


@dataclass(frozen=True)
class TableFacts:
    """A table as the source has it. `key` is its primary key, `identity` the columns that a delete carries."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    identity: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class SourceStatus:
    """What the source says about itself: log that it keeps for us, and its clock (µs UTC) less ours."""

    retained_bytes: int
    lost: bool
    clock_ahead: float


class Reader(Protocol):
    """A second way into the source, for reading tables beside the running stream. Used by one thread."""

    def describe(self, tables: Iterable[str]) -> dict[str, TableFacts]:
        """Facts of the tables that exist."""

    def position(self) -> int:
        """Where the log is now."""

    def quiet_position(self, wait: float) -> int | None:
        """A position such that every transaction with older changes has ended; None if some still ran after `wait` seconds.

        Rows read afterwards hold every change below the position. A second call goes on waiting for the same position.
        """

    def chunk(
        self, facts: TableFacts, wanted: Sequence[str], after: Sequence[str] | None, limit: int
    ) -> Iterator[tuple[Row, tuple[str, ...]]]:
        """Rows in order of the primary key, from behind `after` on, each with its key as text."""

    def matching(
        self, facts: TableFacts, wanted: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[str]]
    ) -> Iterator[Row]:
        """Rows in which the columns have one of the values."""

    def count(self, facts: TableFacts) -> int:
        """Rows of a table, counted in steps as short as a chunk's: no snapshot is held open over the whole of it."""

    def whole(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """All rows of a small table."""

    def close(self) -> None: ...


class Source(Protocol):
    """Changes, in order. Used by one thread."""

    def open(
        self, wanted: Mapping[str, Sequence[str]], last: tuple[str, int, str] | None, renew: Callable[[], None]
    ) -> Identity:
        """Lock the source and begin to stream the wanted columns of the tables.

        Args:
            last: system id, timeline and `created` of the last time; None, another source or a lost place make a fresh one.
            renew: called before a fresh place is made. It must remember that the old one is gone, since a crash right
                after the making would else leave the new place under the old one's name.

        Raises:
            HemisError: E301, E307 transient; E302, E303, E304, E305 (another agent), E203, E204 terminal.
        """

    def read(self, limit: int, wait: float) -> list[Message]:
        """Up to about `limit` messages; returns what is there as soon as the stream is quiet, waits at most `wait` seconds.

        Raises:
            HemisError E307: the connection broke. E306: the place is lost.
        """

    def confirm(self, position: int) -> None:
        """Nothing up to `position` is needed any more (P1: only after it is safe elsewhere). Also says that we are alive."""

    def breathe(self) -> None:
        """Say that we are alive; to be called at least every few seconds while `read` is not."""

    def close(self) -> None: ...
