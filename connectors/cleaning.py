"""Cleaning of text, column-wise: full-width, look-alikes, blanks, and what stands for nothing.

Compatibility forms are folded by Unicode's NFKC (full-width letters and digits, Kangxi radicals, compatibility
ideographs). What NFKC leaves, the CJK radicals of U+2E80–2EF3 and dots between the parts of a name, is mapped by hand.
"""

from collections.abc import Sequence
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from connectors.bytes_of import BLANK, CONTROL, DIGITS, UPPER_ALPHANUMERIC, has_any, has_only
from schemas.look_alikes import INVISIBLE, LIKE_X, LOOK_ALIKES

_LOOK_ALIKE_CLASS = f"[{''.join(LOOK_ALIKES)}]"
_ASCII = bytes(range(0x80))
# ASCII and U+4000–9FFF: hanzi as they should be, of which none is folded into another.
_UNFOLDABLE = bytes(range(0xC0)) + bytes(range(0xE4, 0xEA))
# The UTF-8 lead bytes of all of these; hanzi have others (E4–E9, F0), so most columns need no search.
_LEADS = bytes({character.encode()[0] for character in (*LOOK_ALIKES, *INVISIBLE)})
_CONTROL = r"[\x00-\x1f\x7f]+"
_SPACED_HAN = r"(\p{Han})[ ]+(\p{Han})"

NOTHING = frozenset(
    (
        "",
        "-",
        "--",
        "---",
        "—",
        "——",
        "/",
        "\\",
        "无",
        "空",
        "暂无",
        "不详",
        "未知",
        "NULL",
        "Null",
        "null",
        "None",
        "N/A",
        "NA",
        "nan",
        "#N/A",
    )
)
_NO_END = ("长期", "长期有效", "永久", "永久有效", "0000-00-00", "00000000", "0000-00-00 00:00:00")


def cleaned(column: pa.Array, *, fold: bool = True) -> pa.Array:
    """Trim, fold compatibility forms and look-alikes, drop invisible characters.

    With ``fold=False`` full-width punctuation stays, as running text needs it; look-alikes are folded all the same.
    """
    if has_only(column, _ASCII):
        return pc.utf8_trim_whitespace(column)
    if has_only(column, _UNFOLDABLE):
        trimmed = pc.utf8_trim_whitespace(column)
        return _closed_up(trimmed) if fold else trimmed
    folded = pc.utf8_normalize(column, "NFKC") if fold else column
    if has_any(folded, _LEADS):
        folded = pc.replace_substring_regex(folded, f"[{INVISIBLE}]", "")
        for look_alike in _present(folded):
            folded = pc.replace_substring(folded, look_alike, LOOK_ALIKES[look_alike])
    folded = pc.utf8_trim_whitespace(folded)
    return _closed_up(folded) if fold else folded


def _present(column: pa.Array) -> Sequence[str]:
    found = column.filter(pc.match_substring_regex(column, _LOOK_ALIKE_CLASS)).drop_null()
    return sorted(set("".join(found.to_pylist())).intersection(LOOK_ALIKES)) if len(found) else ()


def _closed_up(column: pa.Array) -> pa.Array:
    """Take out blanks between Chinese characters: 张 三 is 张三. Twice, since matches cannot overlap."""
    if not has_any(column, BLANK):
        return column
    once = pc.replace_substring_regex(column, _SPACED_HAN, r"\1\2")
    return pc.replace_substring_regex(once, _SPACED_HAN, r"\1\2")


def one_line(column: pa.Array) -> pa.Array:
    """Replace line breaks and other control characters by a blank."""
    if not has_any(column, CONTROL):
        return column
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(column, _CONTROL, " "))


@cache
def _nothing(spared: frozenset[str]) -> pa.Array:
    return pa.array(sorted(NOTHING - spared), pa.string())


def without_blanks(column: pa.Array, spared: frozenset[str] = frozenset()) -> pa.Array:
    """Make null of what stands for nothing (empty, 无, -, NULL, …), except the words in ``spared``."""
    return pc.if_else(pc.is_in(column, _nothing(spared)), pa.scalar(None, pa.string()), column)


def without_no_end(column: pa.Array) -> pa.Array:
    """Make null of what a date column says when there is no end, or a database when it has no date."""
    return pc.if_else(pc.is_in(column, pa.array(_NO_END)), pa.scalar(None, pa.string()), column)


def identifier_form(column: pa.Array, kind: str) -> pa.Array:
    """Write identifiers as their standards do: upper case, no blanks, no apostrophe of Excel, a Latin X.

    Organisation codes lose the hyphen before the check character, mobile phones hyphens and the country code.
    """
    if kind != "mobile_phone" and has_only(column, UPPER_ALPHANUMERIC):
        return column
    bare = pc.replace_substring_regex(column, r"[\s'`‘’]", "")
    if kind == "mobile_phone":
        if has_only(bare, DIGITS) and pc.max(pc.binary_length(bare)).as_py() in (11, None):
            return bare
        return pc.replace_substring_regex(
            pc.replace_substring(bare, "-", ""), r"^(\+|00)?86(1\d{10})$", r"\2"
        )
    bare = pc.utf8_upper(pc.replace_substring_regex(bare, LIKE_X, "X"))
    return pc.replace_substring(bare, "-", "") if kind == "organisation_code" else bare
