"""Categories (信息资源分类): class, item, sub-item and detail, whose digits begin every catalogue code.

The classes, the items of base resources and the themes are data, ``categories.yaml``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from schemas.errors import DefinitionError

FORM = re.compile(r"^([123])(\d{2})(\d{3})([0-9A-Za-z]*)$")


@dataclass(frozen=True, slots=True)
class CategoryClass:
    """One class (类); ``items`` are those the guide names, code → Chinese and English title."""

    code: str
    title: str
    title_en: str
    items: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Category:
    """Where a resource belongs, e.g. ``307001002``: class 3, item 07, sub-item 001, detail 002."""

    code: str

    def __post_init__(self) -> None:
        if problem := category_problem(self.code):
            raise DefinitionError(f"Category {self.code!r}: {problem}.")

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Class, item, sub-item and detail; the detail may be empty."""
        found = FORM.match(self.code)
        assert found is not None
        return found[1], found[2], found[3], found[4]

    @property
    def titles(self) -> tuple[str, str]:
        """What class and item are called; an item the guide does not name is called by its code."""
        class_, item, *_ = self.parts
        known = category_classes()[class_]
        return known.title, known.items.get(item, (item, item))[0]


@cache
def category_classes() -> Mapping[str, CategoryClass]:
    """Every class, by its digit."""
    text = (resources.files("catalog") / "categories.yaml").read_text(encoding="utf-8")
    return {
        code: CategoryClass(
            code,
            told["title"],
            told["title_en"],
            {item: (zh, en) for item, (zh, en) in told["items"].items()},
        )
        for code, told in yaml.safe_load(text).items()
    }


def category_problem(code: str) -> str | None:
    """Say what is wrong with a category's code, or return None."""
    found = FORM.match(code)
    if found is None:
        return (
            "a category is a class (1–3), two digits of item, three of sub-item and a detail, as in 307001002"
        )
    known = category_classes()[found[1]]
    if known.items and found[2] not in known.items:
        named = ", ".join(f"{item} {title}" for item, (title, _) in known.items.items())
        return f"class {known.code} ({known.title}) has no item {found[2]}; it has {named}"
    return None
