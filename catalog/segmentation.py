"""Cutting text into the words it is found by: Chinese by rjieba's dictionary and the words of this field, Latin as it is written.

Texts are cut into every word of the dictionary that they contain, and every character; what is asked is cut once. So a word that is asked
is found wherever it stands, whatever stands around it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import rjieba
import yaml

from catalog.categories import category_classes
from schemas.resource import resources_shipped

_RUNS = re.compile(r"([\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)|([a-z0-9\u00df-\u024f]+)")
_OFTEN = 100_000  # how often a word of the field is said to occur, so that it stays in one piece
_LONGEST = 12
Term = tuple[str, ...]
"""One thing that is asked or means the same: a Chinese word, or Latin ones that follow one another."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, in order: Chinese ones, and Latin ones, which the database stems."""

    han: Sequence[str]
    latin: Sequence[str]


def folded(text: str) -> str:
    """Return a text as it is compared: full-width forms, ligatures and case do not count (NFKC)."""
    return unicodedata.normalize("NFKC", text).casefold()


def words_of(text: str) -> Words:
    """Cut a text that is to be found."""
    han: list[str] = []
    latin: list[str] = []
    for chinese, other in _RUNS.findall(folded(text)):
        if chinese:
            han += dict.fromkeys([*_segmenter().cut_all(chinese), *chinese])
        else:
            latin.append(other)
    return Words(han, latin)


def asked_words(text: str) -> list[str]:
    """Cut what is asked, once."""
    found: list[str] = []
    for chinese, other in _RUNS.findall(folded(text)):
        found += _segmenter().cut(chinese, hmm=False) if chinese else [other]
    return found


def terms_of(words: Sequence[str]) -> list[list[Term]]:
    """Return what is asked term by term, each with all that means the same, itself first."""
    known, terms, place = _synonyms(), [], 0
    while place < len(words):
        length = next(
            (n for n in range(min(4, len(words) - place), 0, -1) if tuple(words[place : place + n]) in known),
            1,
        )
        asked = tuple(words[place : place + length])
        terms.append([asked, *(other for other in known.get(asked, ()) if other != asked)])
        place += length
    return terms


def parts_of(word: str) -> list[str]:
    """Return the words that a Chinese word is made of, its characters where there are none; a Latin one is itself."""
    if not is_han(word) or len(word) == 1:
        return [word]
    parts = [part for part in _segmenter().cut_all(word) if 1 < len(part) < len(word)]
    return parts or list(word)


def is_han(word: str) -> bool:
    """Whether a word is Chinese."""
    found = _RUNS.match(word)
    return found is not None and bool(found[1])


@cache
def _vocabulary() -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    told = yaml.safe_load((resources.files("catalog") / "search_words.yaml").read_text(encoding="utf-8"))
    return tuple(told["words"]), tuple(tuple(group) for group in told["synonyms"])


@cache
def _segmenter() -> "rjieba.Jieba":
    made = rjieba.Jieba()
    words, groups = _vocabulary()
    for word in {*words, *(one for group in groups for one in group), *_titles()}:
        if len(word) <= _LONGEST and _RUNS.fullmatch(folded(word)) and not word.isascii():
            made.add_word(folded(word), _OFTEN, "n")
    return made


def _titles() -> Iterable[str]:
    for class_ in category_classes().values():
        yield from (title for title, _ in class_.items.values())
    for resource in resources_shipped().values():
        yield resource.title
        yield from (item.title for item in resource.items)


@cache
def _synonyms() -> Mapping[Term, Sequence[Term]]:
    found: dict[Term, list[Term]] = {}
    for group in _vocabulary()[1]:
        terms = [tuple(asked_words(one)) for one in group]
        for term in terms:
            found.setdefault(term, []).extend(terms)
    return {term: list(dict.fromkeys(others)) for term, others in found.items()}
