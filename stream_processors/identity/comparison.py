"""A comparison file: which columns a record has, how each is compared, and which keys bring two records together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from schemas.errors import HemisError
from stream_processors.identity.column import Column
from stream_processors.identity.date_column import DateColumn
from stream_processors.identity.name_column import NameColumn
from stream_processors.identity.number_column import NumberColumn, PhoneColumn
from stream_processors.identity.text_column import CodeColumn, TextColumn

KINDS: dict[str, type[Column]] = {
    "name": NameColumn,
    "date": DateColumn,
    "number": NumberColumn,
    "phone": PhoneColumn,
    "code": CodeColumn,
    "text": TextColumn,
}
VIETNAMESE_CLAIMS = Path(__file__).parent / "comparisons" / "vietnamese_claims.yaml"
_FIELDS = ("title", "columns", "blocking", "automatic", "relatives")
_COLUMN_FIELDS = ("compare", "optional")


class KeyPart(NamedTuple):
    column: int
    part: str


@dataclass(frozen=True)
class Automatic:
    """R01: an equal number decides alone, if these columns do not contradict."""

    number: int
    agree: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """A checked comparison file."""

    title: str
    columns: tuple[Column, ...]
    optional: frozenset[str]
    blocking: tuple[tuple[KeyPart, ...], ...]
    automatic: Automatic | None
    relatives: bool
    """Whether twins and families are among the records."""

    def features(self, row: Mapping[str, str]) -> tuple[Any, ...]:
        """What is kept of a record."""
        return tuple(column.read(text, row) if (text := row.get(column.name)) else None for column in self.columns)

    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def load(path: Path = VIETNAMESE_CLAIMS) -> Comparison:
    """Read a comparison file.

    Raises:
        HemisError E834: not YAML, or not of this form. E833: an unknown kind of comparison.
    """
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        mark = getattr(error, "problem_mark", None)
        raise HemisError("E834", type(error).__name__, file=path.name, line=mark.line + 1 if mark else "?") from error
    return _Reader(path.name).comparison(given)


class _Reader:
    """Checks as it reads, so that a message names the place."""

    def __init__(self, file: str) -> None:
        self._file = file

    def comparison(self, given: Any) -> Comparison:
        self._fields(given, _FIELDS, "the file")
        columns = given.get("columns")
        if not isinstance(columns, dict) or not columns:
            raise self._wrong("columns: which column is compared how")
        made = tuple(self._column(str(name), how) for name, how in columns.items())
        places = {column.name: number for number, column in enumerate(made)}
        blocking = given.get("blocking")
        if not isinstance(blocking, list) or not blocking:
            raise self._wrong("blocking: a list of keys, each a list of columns")
        return Comparison(
            title=str(given.get("title", self._file)),
            columns=made,
            optional=frozenset(str(name) for name, how in columns.items() if how.get("optional") is True),
            blocking=tuple(self._key(key, made, places) for key in blocking),
            automatic=self._automatic(given.get("automatic"), places),
            relatives=given.get("relatives") is True,
        )

    def _column(self, name: str, how: Any) -> Column:
        self._is_mapping(how, f"columns: {name}")
        kind = KINDS.get(how.get("compare", ""))
        if kind is None:
            raise HemisError("E833", self._near(str(how.get("compare")), tuple(KINDS)), file=self._file, column=name)
        self._fields(how, (*_COLUMN_FIELDS, *kind.options), f"columns: {name}")
        return kind(name, how)

    def _key(self, key: Any, columns: Sequence[Column], places: Mapping[str, int]) -> tuple[KeyPart, ...]:
        if not isinstance(key, list) or not key:
            raise self._wrong("blocking: each key is a list of columns")
        return tuple(self._part(str(part), columns, places) for part in key)

    def _part(self, text: str, columns: Sequence[Column], places: Mapping[str, int]) -> KeyPart:
        name, _, part = text.partition(".")
        number = self._place(name, places, "blocking")
        parts = columns[number].parts
        if (part or parts[0]) not in parts:
            raise self._wrong(f"blocking: {name}.{self._near(part, parts)}")
        return KeyPart(number, part or parts[0])

    def _automatic(self, given: Any, places: Mapping[str, int]) -> Automatic | None:
        if given is None:
            return None
        self._fields(given, ("number", "agree"), "automatic")
        agree = given.get("agree", [])
        if not isinstance(agree, list) or "number" not in given:
            raise self._wrong("automatic: number, and a list of columns that must agree")
        return Automatic(
            self._place(str(given["number"]), places, "automatic"),
            tuple(self._place(str(name), places, "automatic") for name in agree),
        )

    def _place(self, name: str, places: Mapping[str, int], where: str) -> int:
        if name not in places:
            raise self._wrong(f"{where}: {self._near(name, tuple(places))}")
        return places[name]

    def _fields(self, given: Any, known: Sequence[str], where: str) -> None:
        self._is_mapping(given, where)
        for name in given:
            if name not in known:
                raise self._wrong(f"{where}: {self._near(str(name), known)}")

    def _is_mapping(self, given: Any, where: str) -> None:
        if not isinstance(given, dict):
            raise self._wrong(f"{where}: names with values expected")

    @staticmethod
    def _near(name: str, known: Sequence[str]) -> str:
        close = get_close_matches(name, known, 1)
        return f"{name!r} is unknown; " + (f"{close[0]!r} is meant?" if close else f"known: {', '.join(known)}")

    def _wrong(self, detail: str) -> HemisError:
        return HemisError("E834", detail, file=self._file)
