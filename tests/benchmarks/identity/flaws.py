"""What offices and export tools do to a name, a date, a number. Each flaw is a function of (random, value)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from random import Random

from schemas.names import plain_key

Flaw = Callable[[Random, str], str]
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_KEYS = ["qwertyuiop", "asdfghjkl", "zxcvbnm"]
_MOVED = {"070": "0120", "079": "0121", "077": "0122", "083": "0123", "084": "0124", "032": "0162", "035": "0165"}
_OLD_TONE = {"òa": "oà", "óa": "oá", "ọa": "oạ", "ỏa": "oả", "úy": "uý", "ùy": "uỳ", "ủy": "uỷ", "ụy": "uỵ"}
_TELEX = {"\u0300": "f", "\u0301": "s", "\u0309": "r", "\u0303": "x", "\u0323": "j"}


def upper(_: Random, name: str) -> str:
    return name.upper()


def decomposed(_: Random, name: str) -> str:
    return unicodedata.normalize("NFD", name)


def old_tone(_: Random, name: str) -> str:
    for new, old in _OLD_TONE.items():
        name = name.replace(new, old)
    return name


def i_for_y(_: Random, name: str) -> str:
    return name.replace("y", "i") if "y" in name else name.replace("Lý", "Lí")


def eth(_: Random, name: str) -> str:
    return name.replace("Đ", "Ð").replace("đ", "ð")


def spaces(_: Random, name: str) -> str:
    return "  ".join(name.split()) + " "


def no_accents(_: Random, name: str) -> str:
    return plain_key(name).title()


def mojibake(_: Random, name: str) -> str:
    raw = name.encode("utf-8")
    return "".join(bytes([b]).decode("cp1252") if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(b) for b in raw)


def tcvn3(_: Random, name: str) -> str:
    return "".join(_TCVN3.get(c, c) for c in name)


def vni(_: Random, name: str) -> str:
    return "".join(_VNI.get(c, c) for c in name)


def question_marks(_: Random, name: str) -> str:
    return name.encode("latin-1", "replace").decode("latin-1")


def wrong_tone(r: Random, name: str) -> str:
    chars = list(unicodedata.normalize("NFD", name))
    at = [i for i, c in enumerate(chars) if c in _TONES]
    if at:
        i = r.choice(at)
        chars[i] = r.choice(_TONES) if r.random() < 0.6 else ""
    return unicodedata.normalize("NFC", "".join(chars))


def typo(r: Random, name: str) -> str:
    at = r.randrange(1, len(name))
    kind = r.randrange(4)
    if kind == 0:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + name[at - 1] + name[at:]
    if kind == 2 and at + 1 < len(name):
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + _neighbour(r, name[at]) + name[at + 1 :]


def two_typos(r: Random, name: str) -> str:
    return typo(r, typo(r, name))


def telex(_: Random, name: str) -> str:
    """The keyboard's helper was off: "Nguyeenx"."""
    found = []
    for word in name.split():
        tone = next((_TELEX[c] for c in unicodedata.normalize("NFD", word) if c in _TELEX), "")
        found.append(plain_key(word).title() + tone)
    return " ".join(found)


def given_first(_: Random, name: str) -> str:
    parts = name.split()
    return " ".join([parts[-1], *parts[:-1]])


def no_middle(_: Random, name: str) -> str:
    parts = name.split()
    return f"{parts[0]} {parts[-1]}" if len(parts) > 2 else name


def initials(_: Random, name: str) -> str:
    parts = name.split()
    return " ".join([parts[0], *(f"{p[0]}." for p in parts[1:-1]), parts[-1]])


def other_given(r: Random, name: str) -> str:
    """Changed by law, or the name used at home."""
    return " ".join([*name.split()[:-1], r.choice(("Bin", "Na", "Su", "Bi", "Tí", "An", "Anh", "Hương", "Minh"))])


def digit(r: Random, number: str) -> str:
    at = [i for i, c in enumerate(number) if c.isdigit()]
    if not at:
        return number
    i = r.choice(at)
    return number[:i] + r.choice([d for d in "0123456789" if d != number[i]]) + number[i + 1 :]


def exchanged(r: Random, number: str) -> str:
    if len(number) < 3:
        return number
    i = r.randrange(len(number) - 1)
    return number[:i] + number[i + 1] + number[i] + number[i + 2 :]


def lost_zero(_: Random, number: str) -> str:
    return number.removeprefix("0")


def lost_digit(r: Random, number: str) -> str:
    i = r.randrange(len(number)) if number else 0
    return number[:i] + number[i + 1 :]


def country_code(r: Random, phone: str) -> str:
    return r.choice(("+84", "84", "0084", "(+84) ")) + phone[1:] if phone else phone


def grouped(_: Random, phone: str) -> str:
    return f"{phone[:4]}.{phone[4:7]}.{phone[7:]}" if phone else phone


def before_2018(_: Random, phone: str) -> str:
    return _MOVED[phone[:3]] + phone[3:] if phone[:3] in _MOVED else phone


def swapped(_: Random, born: str) -> str:
    year, month, day = born.split("-")
    return f"{year}-{day}-{month}" if int(day) <= 12 else born


def first_of_january(_: Random, born: str) -> str:
    return f"{born[:4]}-01-01"


def date_digit(r: Random, born: str) -> str:
    year, month, day = map(int, born.split("-"))
    part = r.randrange(4)
    if part == 0:
        day = min(max(day + r.choice((-10, 10, -1, 1, 2)), 1), 28)
    elif part == 1:
        month = (month + r.choice((1, 9, 2))) % 12 + 1
    elif part == 2:
        year += r.choice((-1, 1))
    else:
        year += r.choice((-10, 10))
    return f"{year}-{month:02}-{day:02}"


def lunar(r: Random, born: str) -> str:
    """The day of the lunar calendar: some weeks earlier."""
    year, month, day = map(int, born.split("-"))
    days = (month - 1) * 30 + day - r.randint(20, 48)
    if days < 1:
        year, days = year - 1, days + 355
    return f"{year}-{min((days - 1) // 30 + 1, 12):02}-{(days - 1) % 30 % 28 + 1:02}"


def _neighbour(r: Random, char: str) -> str:
    for row in _KEYS:
        if char.lower() in row:
            i = row.index(char.lower())
            return r.choice(row[max(i - 1, 0) : i + 2].replace(char.lower(), "") or row[:1])
    return r.choice("aeiou")


_VOWELS = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"
_TCVN3 = dict(zip(_VOWELS, "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô­õøö÷ùúýûüþ", strict=True))
_TCVN3 |= {"Đ": "§", "Ă": "¡", "Â": "¢", "Ê": "£", "Ô": "¤", "Ơ": "¥", "Ư": "¦", "Á": "¸", "Ạ": "¹"}
_VNI = dict(
    zip(
        _VOWELS,
        [
            "aø",
            "aù",
            "aû",
            "aõ",
            "aï",
            "aê",
            "aè",
            "aé",
            "aú",
            "aü",
            "aë",
            "aâ",
            "aà",
            "aá",
            "aå",
            "aã",
            "aä",
            "ñ",
            "eø",
            "eù",
            "eû",
            "eõ",
            "eï",
            "eâ",
            "eà",
            "eá",
            "eå",
            "eã",
            "eä",
            "ì",
            "í",
            "æ",
            "ó",
            "ò",
            "oø",
            "où",
            "oû",
            "oõ",
            "oï",
            "oâ",
            "oà",
            "oá",
            "oå",
            "oã",
            "oä",
            "ô",
            "ôø",
            "ôù",
            "ôû",
            "ôõ",
            "ôï",
            "uø",
            "uù",
            "uû",
            "uõ",
            "uï",
            "ö",
            "öø",
            "öù",
            "öû",
            "öõ",
            "öï",
            "yø",
            "yù",
            "yû",
            "yõ",
            "î",
        ],
        strict=True,
    )
)
_VNI |= {"Đ": "Ñ", "Ă": "AÊ", "Â": "AÂ", "Ê": "EÂ", "Ô": "OÂ", "Ơ": "Ô", "Ư": "Ö", "Á": "AÙ", "Ạ": "AÏ", "Ý": "YÙ"}
