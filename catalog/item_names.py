"""What the hub calls items of a title: suggestions for departments that know only the Chinese one. Nothing is named silently."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from schemas.resource import Item, resources_shipped


def names_by_title(items: Iterable[Item]) -> Mapping[str, Sequence[str]]:
    """Return the names items of each title have, the commonest first."""
    found: dict[str, Counter[str]] = {}
    for item in items:
        found.setdefault(bare(item.title), Counter())[item.name] += 1
    return {title: [name for name, _ in names.most_common()] for title, names in found.items()}


def suggested(title: str, known: Mapping[str, Sequence[str]] | None = None) -> Sequence[str]:
    """Return the names an item of that title has elsewhere; ``known`` are others' beside those of the shipped resources."""
    called = bare(title)
    names = [*(known or {}).get(called, ()), *_shipped().get(called, ())]
    return list(dict.fromkeys(names))


@cache
def _shipped() -> Mapping[str, Sequence[str]]:
    return names_by_title(item for resource in resources_shipped().values() for item in resource.items)


def bare(title: str) -> str:
    """Strip blanks and what stands in brackets: 注册资本（万元） is 注册资本."""
    return "".join(title.split()).partition("（")[0].partition("(")[0]
