"""Takes out of text what support must not see: secrets by their values, personal data by their form.

Logs, metrics and errors hold no personal data (P8). This is the second line: whatever is not plainly technical is masked, since a
bundle leaves the house.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "***"
LEAST_SECRET = 4
"""Shorter values would be found everywhere."""
_URL_PASSWORD = re.compile(r"(\w+://[^:/@\s]*):[^@\s]*@")
_DSN_PASSWORD = re.compile(r"(?i)\b(password|passwd|secret|token|jaas)\b(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|\S+)")
_NUMBER = re.compile(r"\d{9,}")
_MAIL = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+\.[A-Za-z]{2,}")
_RECORD = re.compile(r"\b([A-Z0-9][A-Z0-9-]{1,15}/[a-z_]+)/[^\s\"',)]+")
_PERSON = re.compile(r"\b([ni]):[^\s\"',)]+")
_FRAME = re.compile(r"^\s*(File \".*\", line \d+, in \S+|Traceback \(most recent call last\):)\s*$")
_ERROR = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning))\b")
TIMES = frozenset({"at", "sent_at", "made_at"})


class Scrubber:
    """`secrets`: values that may appear nowhere."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({one for one in secrets if len(one) >= LEAST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, value: str) -> str:
        """Text with everything masked that has the form of a secret, a number of a person, a record's or a person's key."""
        if self._secrets is not None:
            value = self._secrets.sub(MASK, value)
        value = _URL_PASSWORD.sub(rf"\1:{MASK}@", value)
        value = _DSN_PASSWORD.sub(rf"\1\2{MASK}", value)
        value = _MAIL.sub(MASK, value)
        value = _RECORD.sub(rf"\1/{MASK}", value)
        value = _PERSON.sub(rf"\1:{MASK}", value)
        return _NUMBER.sub(MASK, value)

    def technical(self, value: str) -> str:
        """The same, and nothing of it where letters beyond ASCII tell that it is no technical text."""
        return self.text(value) if value.isascii() else MASK

    def value(self, value: Any) -> Any:
        """JSON of any depth. Counts and times stay; every text must be technical."""
        match value:
            case str():
                return self.technical(value)
            case bool() | int() | float() | None:
                return value
            case Mapping():
                return {self.technical(str(k)): v if k in TIMES else self.value(v) for k, v in value.items()}
            case list() | tuple():
                return [self.value(one) for one in value]
        return MASK

    def log_line(self, line: str) -> str | None:
        """A line of a log: ours as JSON; of anything else only where a program broke, and by which kind of error."""
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return json.dumps(self.value(found), ensure_ascii=False)
        if _FRAME.match(line):
            return self.text(line.strip())
        error = _ERROR.match(line)
        return error[1] if error else None

    def exposition(self, text: str) -> str:
        """Metrics, line by line; figures are no numbers of persons."""
        kept = []
        for line in text.splitlines():
            if line.startswith("#"):
                kept.append(line)
                continue
            name, _, figure = line.rpartition(" ")
            kept.append(f"{self.technical(name)} {figure}")
        return "\n".join(kept) + "\n"


def settings(found: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """A settings file's values. `known`: the type of each declared setting; secrets, and what is not declared, are masked."""
    return {
        name: value if known.get(name) not in (None, "Secret") or name.endswith("_file") else MASK
        for name, value in found.items()
    }
