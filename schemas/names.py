"""Canonical Vietnamese names: equal for spellings that mean the same, different for names that differ.

Folded: Unicode composition, case, spaces, tone placement (hòa / hoà), i / y, look-alikes of Đ. Not folded: the tone itself and
the letter marks (â, ă, ê, ô, ơ, ư): Minh and Mính are two names. Accent-insensitive equality (`plain_key`) is weaker evidence.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
_STROKES = str.maketrans({"\u00d0": "đ", "\u00f0": "đ", "\u0189": "đ", "\u0256": "đ", "\u0110": "đ"})


@lru_cache(maxsize=50_000)
def canonical_key(name: str) -> str:
    """The name as a key: per syllable the toneless letters, then the tone."""
    folded = unicodedata.normalize("NFC", name).translate(_STROKES).casefold()
    return " ".join(_syllable(part) for part in folded.split())


def plain_key(name: str) -> str:
    """The canonical key without any mark: a source that lost its accents gives the same."""
    decomposed = unicodedata.normalize("NFD", canonical_key(name).replace("đ", "d"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _syllable(text: str) -> str:
    tone, letters = "", []
    for char in unicodedata.normalize("NFD", text):
        if char in _TONES:
            tone = char
        else:
            letters.append("i" if char == "y" else char)
    return unicodedata.normalize("NFC", "".join(letters)) + tone
