"""What looks like another character and means it: radicals, compatibility forms, dots, and the X that is a check digit.

Compatibility forms at large are folded by Unicode's NFKC; these are what NFKC leaves, and what of it running text needs, too.
"""

import unicodedata
from collections.abc import Mapping

# CJK Radicals Supplement → the ideograph it looks like (Unihan kEquivalent of the simplified and common forms).
_RADICALS = dict(
    zip(
        "⺁⺃⺅⺇⺉⺊⺋⺌⺍⺏⺓⺔⺗⺘⺙⺛⺡⺢⺣⺤⺥⺦⺨⺩⺫⺭⺮⺯⺰⺲⺳⺶⺷⺸⺹⺻⺼⺽⺾⺿⻀⻁⻂⻃⻄⻅⻆⻈⻉⻊⻋⻌⻍⻎⻏⻐⻑⻒⻓⻔⻗⻘⻙⻚⻛⻜⻝⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲",
        "厂乛亻几刂卜㔾小小尢幺彑心扌攵旡氵水灬爫爫丬犭王目礻竹糸纟网网羊羊羊耂聿月臼艹艹艹虎衤覀西见角讠贝足车辶辶辶阝钅長镸长门雨青韦页风飞食饣马骨鬼鱼鸟卤麦黄黾齐齐齿齿龙龙龟龟",
        strict=True,
    )
)
_DOTS = dict.fromkeys("•‧・∙⋅●", "·")
# What NFKC folds as well, for texts whose punctuation it must not touch: Kangxi radicals, compatibility ideographs.
_COMPATIBLE = {
    chr(code): unicodedata.normalize("NFKC", chr(code))
    for code in (*range(0x2F00, 0x2FD6), *range(0xF900, 0xFADA))
    if unicodedata.normalize("NFKC", chr(code)) != chr(code)
}
LOOK_ALIKES: Mapping[str, str] = {**_COMPATIBLE, **_RADICALS, **_DOTS}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""Characters that take no room: of width zero, and the soft hyphen."""
LIKE_X = "[ХхΧχ×✕]"
"""What is typed for the check digit ten, as a class of a regular expression: Cyrillic, Greek, the multiplication sign."""
