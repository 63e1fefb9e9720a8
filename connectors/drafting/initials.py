"""The initials of the pinyin of a Chinese name, of which old systems make the names of their columns: 出生日期 is ``csrq``.

GB 2312 orders the characters of its first level by pinyin, so a character's place there tells its initial. A character of
several readings has the one that the standard placed it by.
"""

from bisect import bisect_right

_FIRST = (
    (0xB0A1, "a"), (0xB0C5, "b"), (0xB2C1, "c"), (0xB4EE, "d"), (0xB6EA, "e"), (0xB7A2, "f"), (0xB8C1, "g"), (0xB9FE, "h"),
    (0xBBF7, "j"), (0xBFA6, "k"), (0xC0AC, "l"), (0xC2E8, "m"), (0xC4C3, "n"), (0xC5B6, "o"), (0xC5BE, "p"), (0xC6DA, "q"),
    (0xC8BB, "r"), (0xC8F6, "s"), (0xCBFA, "t"), (0xCDDA, "w"), (0xCEF4, "x"), (0xD1B9, "y"), (0xD4D1, "z"),
)  # fmt: skip
"""The first code of each initial."""
_LAST = 0xD7F9
_STARTS = [code for code, _ in _FIRST]


def initials(name: str) -> str | None:
    """Return the initials, or None where a character is none of the first level."""
    found = [_initial(character) for character in name]
    return "".join(one for one in found if one) if found and all(found) else None


def _initial(character: str) -> str | None:
    try:
        encoded = character.encode("gb2312")
    except UnicodeEncodeError:
        return None
    code = int.from_bytes(encoded, "big") if len(encoded) == 2 else 0
    if not _STARTS[0] <= code <= _LAST:
        return None
    return _FIRST[bisect_right(_STARTS, code) - 1][1]
