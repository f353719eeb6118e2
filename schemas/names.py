"""Vietnamese names: a canonical key, equal for spellings that mean the same and different for names that differ; and what
went wrong with a text on its way.

Folded in the key: Unicode composition, case, spaces, invisible characters, tone placement (hòa / hoà), i / y, look-alikes of Đ. Not
folded: the tone itself and the letter marks (â, ă, ê, ô, ơ, ư): Minh and Mính are two names. Accent-insensitive equality
(`plain_key`) is weaker evidence.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
LOOK_ALIKES = "\u00d0\u00f0\u0189\u0256"
"""Letters of other languages that look like Đ and đ."""
_FOLDED: dict[str, str | None] = {**dict.fromkeys(f"{LOOK_ALIKES}\u0110", "đ"), **dict.fromkeys(_INVISIBLE)}
_FOLD = str.maketrans(_FOLDED)

_LETTERS = "A-Za-zÀ-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýĂăĐđĨĩŨũƠơƯưẠ-ỹ"
_CLEAN = re.compile(f"[ -~\n{_LETTERS}]*")
_FOREIGN = re.compile(rf"[^\W\d_{_LETTERS}]")

# UTF-8 read as cp1252 (or Latin-1): a lead byte, then continuation bytes as the symbols that they look like. Those that are also
# punctuation must stand before a letter: a closing quote may follow XÃ.
_MOJIBAKE = re.compile(
    "[ÂÃÄÅÆ][\u0080-\u00bf€‚ƒ„†‡ˆ‰Š‹ŒŽ˜™š›œžŸ]|[ÄÆ][‘’“”•–—…]|Ã[‘’“”•–—…](?=[^\\W\\d_])|á[º»]|\u00e2\u20ac"
)
_LOST = re.compile("\ufffd|[^\\W\\d_]\\?+[^\\W\\d_]")
_ABC = re.compile(  # TCVN3: a symbol after a letter, Đ and đ before one, a capital vowel within a word
    "(?<=[^\\W\\d_])[\u00a8-\u00ac\u00ad\u00b5-\u00b9\u00bc-\u00be×÷]|[¡-¦§®](?=[^\\W\\d_])|[a-z][ÆÇÈ-ËÌ-ÖØÜ-Þ]|[A-Z][ÆÇÈ-ËÌ-ÖØÜ-Þ](?=[a-z])"
)
_VNI = re.compile(  # a vowel, then its mark as a second vowel; Đ as Ñ
    "[aeAE][âêàáãäåèõøùûÂÊÀÁÃÄÅÈÕØÙÛ]|[öÖ][ôøùûõïÔØÙÛÕÏ]|(?<![^\\W\\d_])[Ññ][^\\W\\d_]"
)

Fault = Literal["decomposed", "mojibake", "legacy", "lost"]


def is_clean(text: str) -> bool:
    """Only ASCII and composed Vietnamese letters: whatever else is to be looked at more closely."""
    return text.isascii() or _CLEAN.fullmatch(text) is not None


def encoding_fault(text: str) -> Fault | None:
    """What an encoding did to the text: decomposed (NFD), mojibake (UTF-8 read as cp1252), lost characters, legacy (TCVN3 bytes)."""
    if _MOJIBAKE.search(text):
        return "mojibake"
    if "\ufffd" in text:
        return "lost"
    if any("\x80" <= char <= "\x9f" or "\ue000" <= char <= "\uf8ff" for char in text):
        return "legacy"
    if not unicodedata.is_normalized("NFC", text):
        return "decomposed"
    if not is_clean(text) and _ABC.search(text):
        return "legacy"
    return None


def name_fault(name: str) -> Fault | None:
    """As `encoding_fault`; of a name is also asked what only in a name is a fault: question marks, and legacy bytes (TCVN3, VNI)
    that all look like letters."""
    return encoding_fault(name) or ("lost" if _LOST.search(name) else "legacy" if looks_legacy(name) else None)


def looks_legacy(name: str) -> bool:
    """Is it spelled as no Vietnamese word is, but as TCVN3 or VNI bytes look?"""
    return _ABC.search(name) is not None or _VNI.search(name) is not None


def has_foreign_letters(name: str) -> bool:
    """Has it letters that Vietnamese does not write?"""
    return _FOREIGN.search(name) is not None


@lru_cache(maxsize=50_000)
def canonical_key(name: str) -> str:
    """The name as a key: per syllable the toneless letters, then the tone."""
    folded = unicodedata.normalize("NFC", name).translate(_FOLD).casefold()
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
