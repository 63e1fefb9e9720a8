"""The elements (元数据) of a catalogue entry as data: what each is called, and what it may hold.

From the Compilation Guide for Government Information Resource Catalogues (政务信息资源目录编制指南, 2017). The table is what
files are read by, what faults are named by, and what the documents show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.resource import ItemType, Sensitivity, Sharing


class Format(StrEnum):
    """In what form a resource is kept (信息资源格式); the guide numbers them in this order."""

    ELECTRONIC_DOCUMENT = "electronic_document"
    SPREADSHEET = "spreadsheet"
    DATABASE = "database"
    IMAGE = "image"
    STREAMING_MEDIA = "streaming_media"
    SELF_DESCRIBING = "self_describing"
    SERVICE_INTERFACE = "service_interface"


STRUCTURED = frozenset({Format.SPREADSHEET, Format.DATABASE, Format.SERVICE_INTERFACE})
"""Formats whose information items have to be told."""


class SharingMode(StrEnum):
    """How a resource is handed over (共享方式)."""

    PLATFORM_DATABASE = "platform_database"
    PLATFORM_FILE = "platform_file"
    PLATFORM_INTERFACE = "platform_interface"
    MAIL = "mail"
    DISK = "disk"
    MEDIA = "media"


class UpdateCycle(StrEnum):
    """How often a resource is brought up to date (更新周期); ``schemas.update_cycles`` has their clocks."""

    REAL_TIME = "real_time"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Choice:
    """One value an element may hold, with the guide's number or letter and its Chinese word."""

    value: str
    number: str
    title: str


class Form(StrEnum):
    """What an element is written as."""

    TEXT = "text"
    CHOICE = "choice"
    FLAG = "flag"
    NUMBER = "number"
    DATE = "date"
    CODES = "codes"
    ITEMS = "items"


@dataclass(frozen=True)
class Element:
    """One element: its name in files, its Chinese title, its form; ``longest`` in characters, for text."""

    name: str
    title: str
    form: Form = Form.TEXT
    required: bool = False
    choices: tuple[Choice, ...] = ()
    longest: int = 200

    def value_of(self, word: object) -> str | None:
        """Return the value that a name, the guide's number or a Chinese word means, or None."""
        said = str(word).strip()
        return next((c.value for c in self.choices if said in (c.value, c.number, c.title)), None)

    def title_of(self, value: str) -> str:
        """Return the Chinese word of a value."""
        return next(choice.title for choice in self.choices if choice.value == value)


def _choices(kind: type[StrEnum], titles: str, numbers: tuple[str, ...] = ()) -> tuple[Choice, ...]:
    words = titles.split()
    told = numbers or tuple(str(place) for place in range(1, len(words) + 1))
    return tuple(Choice(*row) for row in zip([str(value) for value in kind], told, words, strict=True))


_FORMATS = _choices(Format, "电子文件 电子表格 数据库 图形图像 流媒体 自描述格式 服务接口")
_SHARING = _choices(Sharing, "无条件共享 有条件共享 不予共享")
_MODES = _choices(SharingMode, "共享平台数据库 共享平台文件 共享平台接口 邮件 拷盘 介质交换")
_CYCLES = _choices(UpdateCycle, "实时 每日 每周 每月 每季度 每半年 每年 其他")
_TYPES = tuple(
    Choice(kind.value, kind.name.lower(), title)
    for kind, title in zip(
        ItemType,
        [
            "字符型",
            "数值型",
            "货币型",
            "日期型",
            "日期时间型",
            "逻辑型",
            "备注型",
            "通用型",
            "双精度型",
            "整型",
            "浮点型",
        ],
        strict=True,
    )
)
_SENSITIVITIES = tuple(
    Choice(kind.name.lower(), str(kind.value), title)
    for kind, title in zip(Sensitivity, ["公开", "内部", "个人信息", "敏感个人信息"], strict=True)
)

ELEMENTS: Mapping[str, Element] = {
    element.name: element
    for element in (
        Element("id", "资源标识", required=True, longest=40),
        Element("version", "版本", Form.NUMBER),
        Element("category", "信息资源分类", required=True, longest=40),
        Element("name", "信息资源名称", required=True),
        Element("name_en", "英文名称"),
        Element("code", "信息资源代码", longest=60),
        Element("summary", "信息资源摘要", required=True, longest=2000),
        Element("provider", "信息资源提供方", required=True),
        Element("office", "提供方内部部门"),
        Element("provider_code", "信息资源提供方代码", required=True, longest=18),
        Element("format", "信息资源格式", Form.CHOICE, required=True, choices=_FORMATS),
        Element("items", "信息项", Form.ITEMS),
        Element("sharing", "共享类型", Form.CHOICE, required=True, choices=_SHARING),
        Element("condition", "共享条件", longest=1000),
        Element("legal_basis", "不予共享依据", longest=1000),
        Element("mode", "共享方式", Form.CHOICE, choices=_MODES),
        Element("open", "是否向社会开放", Form.FLAG),
        Element("open_condition", "开放条件", longest=1000),
        Element("update_cycle", "更新周期", Form.CHOICE, required=True, choices=_CYCLES),
        Element("published_on", "发布日期", Form.DATE),
        Element("related", "关联资源代码", Form.CODES, longest=60),
        Element("library", "所属基础库", longest=40),
    )
}
"""Every element of an entry, in the order of the guide; ``id``, ``version``, ``name_en`` and ``library`` are the hub's own."""

ITEM_ELEMENTS: Mapping[str, Element] = {
    element.name: element
    for element in (
        Element("name", "信息项标识", required=True, longest=40),
        Element("title", "信息项名称", required=True),
        Element("type", "数据类型", Form.CHOICE, required=True, choices=_TYPES),
        Element("length", "数据长度", Form.NUMBER),
        Element("scale", "小数位数", Form.NUMBER),
        Element("key", "是否主键", Form.FLAG),
        Element("required", "是否必填", Form.FLAG),
        Element("lookup", "是否可查询", Form.FLAG),
        Element("filterable", "是否可筛选", Form.FLAG),
        Element("geometry", "是否几何图形", Form.FLAG),
        Element("sensitivity", "敏感级别", Form.CHOICE, choices=_SENSITIVITIES),
        Element("identifier", "标识规则", longest=40),
        Element("code_set", "代码集", longest=100),
        Element("mask", "脱敏方式", longest=40),
        Element("description", "说明", longest=1000),
    )
}
"""Every element of an information item; name, title, type and length are the guide's, the others the hub's own."""
