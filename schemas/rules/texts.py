"""V04 and V25 in texts: what an encoding, a form or an export tool left in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.names import LOOK_ALIKES, encoding_fault, has_foreign_letters, is_clean, looks_legacy, name_fault
from schemas.rules.found import Found, found, masked

_FILLERS = (
    "-", "--", "---", ".", "..", "...", "?", "??", "???", "*", "x", "xx", "xxx", "0", "00", "000", "na", "n/a", "null", "none",
    "nil", "test", "unknown", "không", "không có", "khong", "khong co", "không rõ", "chưa có", "chưa rõ", "chua co", "chưa cập nhật",
)  # fmt: skip
PLACEHOLDERS = frozenset(
    {
        *_FILLERS,
        *(text.upper() for text in _FILLERS),
        *(text.capitalize() for text in _FILLERS),
        *("0123456789", "0987654321", "123456789", "1234567890", "123456789012", "012345678901"),
        *(digit * length for digit in "0123456789" for length in (9, 10, 11, 12)),
        *("a@a.com", "test@test.com", "abc@gmail.com", "a@gmail.com", "1@1.com", "email@email.com"),
    }
)
"""Texts that export tools and hurried people put where nothing is known."""
_OWN = frozenset({"code", "local_id", "staff_code", "national_id", "cohort"})
"""What an institution numbers as it likes."""
_SHAPES = {"citizen_number": "number", "document_number": "number", "phone": "phone", "email": "email"}


def is_placeholder(text: str) -> bool:
    """Does the text stand for nothing known? For counting filled cells too."""
    bare = text.strip()
    return not bare or bare in PLACEHOLDERS or text.startswith(("-, ", "- - "))


def fillers(values: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Found]:
    """V25 for each text that is a placeholder; an empty one is nothing. Codes and own numbers such as `0` are none."""
    for name, value in values.items():
        if value and type(value) is str and kinds.get(name) == "text" and name not in _OWN and is_placeholder(value):
            yield found("V25", _SHAPES.get(name, "text"), name, value=masked(value))


def broken(values: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Found]:
    """V04 for each text that came through a wrong encoding; `names` are judged by `name`."""
    for field, value in values.items():
        if type(value) is str and field not in names and not is_clean(value) and (fault := encoding_fault(value)):
            yield found("V04", fault, field, **_place(value))


def _place(text: str) -> dict[str, Any]:
    at = next((at for at, char in enumerate(text, 1) if not is_clean(char)), 0)
    return {"position": at} if at else {}


def sound_name(name: str, longest: int) -> bool:
    """Nothing to say about a name, in most cases: several words of letters, none spelled as legacy bytes are."""
    return (
        " " in name
        and len(name) <= longest
        and name.replace(" ", "").isalpha()
        and is_clean(name)
        and not looks_legacy(name)
    )


def judge_name(field: str, name: str, nationality: str | None, tolerance: Mapping[str, float]) -> Found | None:
    """V04 of a person's name: the gravest of what is wrong with it. A placeholder is V25's."""
    if is_placeholder(name):
        return None
    if fault := name_fault(name):
        return found("V04", fault, field, **_place(name))
    for at, char in enumerate(name, 1):
        if not (char.isalpha() or char.isspace() or char in "'’-."):
            kind = "digit" if char.isdigit() else "sign"
            return found("V04", "characters", field, position=at, character=kind)
    if len(name) > tolerance["longest"]:
        return found("V04", "too_long", field, length=len(name))
    if any(char in LOOK_ALIKES for char in name):
        return found("V04", "look_alike", field, position=next(i for i, c in enumerate(name, 1) if c in LOOK_ALIKES))
    if has_foreign_letters(name) and nationality == "VN":
        return found("V04", "foreign_letters", field)
    syllables = len(name.split())
    if syllables < tolerance["syllables"]:
        return found("V04", "syllables", field, syllables=syllables)
    if len(name) > tolerance["long"]:
        return found("V04", "long", field, length=len(name))
    return None
