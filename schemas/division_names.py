"""Names of divisions as they compare: one place is written 华新街街道, 华新街街道办事处 or 华新街.

Two forms: ``written`` unifies how a name is set down (width, spaces, brackets); ``bare`` also leaves out the kind of
division and the peoples an autonomous one is named for. The words are data, below.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.fixed_width import as_strings

_OFFICES = r"(街道)?(办事处|办)\z"
_PEOPLES = (
    "汉|蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|"
    "土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|"
    "鄂伦春|赫哲|门巴|珞巴|基诺|各"
)
_KINDS = (
    "特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|自治县|自治旗|地区|林区|新区|特区|"
    "民族苏木|苏木|民族乡|街道|镇|乡|省|市|盟|州|县|旗|区"
)
# 白族乡, 土家族苗族自治县: the peoples, each with 族, before the kind
_BARE = rf"(?:(?:{_PEOPLES})族)*(?:{_KINDS})\z"


def written(names: Any) -> pa.Array:
    """Return an Arrow column of names as they are set down one way: NFKC, no spaces or brackets, offices as streets."""
    text = pc.utf8_normalize(as_strings(names), form="NFKC")
    text = pc.replace_substring_regex(text, r"[\s()\[\]·•'\"]+", "")
    return pc.replace_substring_regex(text, _OFFICES, "街道")


def bare(names: Any) -> pa.Array:
    """Return names, ``written`` first, without the kind of division; a name that is nothing else stays as it is."""
    text = written(names)
    short = pc.replace_substring_regex(text, _BARE, "")
    return pc.if_else(pc.greater_equal(pc.utf8_length(short), 1), short, text)
