"""Text as it was meant: undoes UTF-8 that was read as cp1252, and the legacy Vietnamese fonts TCVN3 and VNI.

Only for comparing: what an institution wrote stays as it is, and gets its finding (V04).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_TCVN3 = dict(
    zip(
        "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô\u00adõøö÷ùúýûüþ¡¢§£¤¥¦",
        "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵĂÂĐÊÔƠƯ",
        strict=True,
    )
)
_VNI = {
    **{"a" + mark: base for mark, base in zip("âêøùûõïàáåãäèéúüë", "âăàáảãạầấẩẫậằắẳẵặ", strict=True)},
    **{"e" + mark: base for mark, base in zip("âøùûõïàáåãä", "êèéẻẽẹềếểễệ", strict=True)},
    **{"o" + mark: base for mark, base in zip("âøùûõïàáåãä", "ôòóỏõọồốổỗộ", strict=True)},
    **{"ô" + mark: base for mark, base in zip("øùûõï", "ờớởỡợ", strict=True)},
    **{"ö" + mark: base for mark, base in zip("øùûõï", "ừứửữự", strict=True)},
    **{"u" + mark: base for mark, base in zip("øùûõï", "ùúủũụ", strict=True)},
    **{"y" + mark: base for mark, base in zip("øùûõ", "ỳýỷỹ", strict=True)},
    "ô": "ơ",
    "ö": "ư",
    "ñ": "đ",
    "æ": "ỉ",
    "ó": "ĩ",
    "ò": "ị",
    "î": "ỵ",
}
_VNI_PAIR = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))
_LOOKS_VNI = re.compile("ö|[aeouyô][äåëüøûï]|ñ|a[âêáàãèéú]|e[âáàã]|oâ|[aeuy][ùõ]")
_LOOKS_TCVN3 = re.compile("[µ¸¶·¹¨»¾¼½Æ©Ë®ÎÏÑªÖ×ØÜÞßä«åæç¬ëîïñ\u00adøö÷ûüþ¡¢§£¤¥¦]|(?<=[a-z])[ÇÊÈÉÌÐÒÕÓÔÝ]")
_LOOKS_CP1252 = re.compile("[ÃÂÄÆÅáÌ][\u0080-\u00bf\u0152-\u02dc\u2010-\u2122]")
_SPACE_LOST = re.compile("Ã (?![A-ZÀ-Ỹ])|Ã $")
"""à, whose second byte looks like a space, after somebody tidied spaces."""
_UPPER = re.compile("Á(?=[º»])")
"""A broken name that was put into capitals: the byte of á is never the first of a character, that of Á never occurs."""
VIETNAMESE = frozenset("aăâbcdđeêghiklmnoôơpqrstuưvxyfjwz '-.")


def as_meant(text: str) -> str:
    """The text in composed Unicode, whatever a broken export made of it."""
    return text if text.isascii() else _as_meant(text)


@lru_cache(maxsize=20_000)
def _as_meant(text: str) -> str:
    text = _SPACE_LOST.sub("Ã\u00a0", _UPPER.sub("á", unicodedata.normalize("NFC", text)))
    for _ in range(2):  # some exports break twice
        if not _LOOKS_CP1252.search(text):
            break
        mended = _from_cp1252(text)
        if mended is None:
            break
        text = mended
    for looks, mend in ((_LOOKS_VNI, _from_vni), (_LOOKS_TCVN3, _from_tcvn3)):
        if looks.search(text.lower() if looks is _LOOKS_VNI else text):
            mended = unicodedata.normalize("NFC", mend(text))
            if _is_vietnamese(mended):
                return mended
    return text


def _from_cp1252(text: str) -> str | None:
    raw = bytearray()
    for char in text:
        try:
            raw += char.encode("cp1252")
        except UnicodeEncodeError:
            if ord(char) > 0xFF:
                return None
            raw.append(ord(char))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _from_tcvn3(text: str) -> str:
    return "".join(_TCVN3.get(char, char) for char in text)


def _from_vni(text: str) -> str:
    return _VNI_PAIR.sub(lambda found: _VNI[found.group()], text.lower())


def _is_vietnamese(text: str) -> bool:
    """Letters of the alphabet only, and no syllable with two tones."""
    for word in text.lower().split():
        decomposed = unicodedata.normalize("NFD", word)
        if sum(char in "\u0300\u0301\u0303\u0309\u0323" for char in decomposed) > 1:
            return False
        toneless = unicodedata.normalize(
            "NFC", "".join(char for char in decomposed if char not in "\u0300\u0301\u0303\u0309\u0323")
        )
        if not VIETNAMESE.issuperset(toneless):
            return False
    return True
