"""Finding entries in force by words, Chinese or English, best first (目录检索).

All that is asked has to be there; where no entry has it all, those with any of it are found. The last word may be the beginning of one. Pages
go on behind the last hit, by rank and code.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from catalog.segmentation import Term, asked_words, folded, is_han, parts_of, terms_of
from schemas.errors import MalformedRequest

MOST = 100
_LONGEST, _MOST_TERMS = 200, 16
_WEIGHTS = "{0.05, 0.2, 0.5, 1.0}"  # of provider, summary, items, name
_LENGTH = 1  # a rank is divided by the logarithm of the length of what an entry says
_SCALE = 1_000_000
NAME, ALL, ANY = TIERS = ("name", "all", "any")
_LONGEST_NAME = 1_000
MOST_RANKED = 300
_NEXT = re.compile(r"(name|all|any):(\d{1,9}):([0-9A-Za-z/]{1,60})")
SHOWN = ("entry", "code", "name", "provider", "category", "sharing", "update_cycle", "open")
FILTERS = ("provider", "category", "sharing", "update_cycle", "open")


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found; ``marks`` are where in its name what was asked stands, from and to."""

    entry: str
    code: str
    name: str
    provider: str
    category: str
    sharing: str
    update_cycle: str
    open: bool
    rank: int
    marks: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Page:
    """Hits, and where the next page begins, None at the end; ``complete``: each has everything that was asked."""

    hits: Sequence[Hit]
    next: str | None
    complete: bool

    def as_dict(self) -> dict[str, Any]:
        """Describe the page for machines."""
        return {"hits": [_told(hit) for hit in self.hits], "next": self.next, "complete": self.complete}


@dataclass(frozen=True)
class Asked:
    """What is asked: words, what they mean besides, and where the page begins."""

    text: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    after: str | None = None
    limit: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.limit <= MOST:
            raise MalformedRequest(f"A page has 1 to {MOST} hits.")
        if len(self.text) > _LONGEST:
            raise MalformedRequest(f"What is searched for has more than {_LONGEST} characters.")
        if unknown := set(self.filters) - set(FILTERS):
            raise MalformedRequest(
                f"There is no filter {', '.join(sorted(unknown))}.",
                hint=f"Filters are: {', '.join(FILTERS)}.",
            )

    @property
    def terms(self) -> list[list[Term]]:
        """What is asked, term by term; ``MalformedRequest`` where there is no word in it."""
        found = terms_of(asked_words(self.text))[:_MOST_TERMS]
        if not found:
            raise MalformedRequest("There is no word to search for.")
        return found


def search(connection: Connection, asked: Asked) -> Page:
    """Return a page of what is found; ``MalformedRequest`` where it cannot be asked so."""
    terms, place = asked.terms, _place(asked.after)
    rows: list[Any] = []
    for tier in TIERS[TIERS.index(place.tier) :]:
        if tier == ANY and (rows or (place.tier != ANY and asked.after)):
            break
        told = _Statement(asked, terms, tier)
        told.given["limit"] = asked.limit + 1 - len(rows)
        found = connection.execute(text(told.ranked(place if tier == place.tier else None)), told.given)
        rows += [(tier, row) for row in found.mappings()]
        if len(rows) > asked.limit:
            break
    words = [word for term in terms for alternative in term for word in alternative]
    hits = [Hit(**row, marks=marks(row["name"], words)) for _, row in rows[: asked.limit]]
    last = rows[asked.limit - 1][0] if len(rows) > asked.limit else None
    return Page(
        hits, f"{last}:{hits[-1].rank}:{hits[-1].code}" if last else None, not rows or rows[0][0] != ANY
    )


def _told(hit: Hit) -> dict[str, Any]:
    told = {name: getattr(hit, name) for name in SHOWN}
    return told | {"marks": {"name": [list(mark) for mark in hit.marks]}}


def marks(said: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the words stand in a text, from and to, those that touch as one; Latin ones by their beginnings."""
    plain = [folded(character) for character in said]
    whole, places = "".join(plain), [place for place, folds in enumerate(plain) for _ in folds]
    hit = [False] * len(said)
    for word in filter(None, words):
        begin = whole.find(word)
        while begin >= 0:
            for place in places[begin : begin + len(word)]:
                hit[place] = True
            begin = whole.find(word, begin + 1)
    found: list[tuple[int, int]] = []
    for place, is_hit in enumerate(hit):
        if is_hit and found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + 1)
        elif is_hit:
            found.append((place, place + 1))
    return found


class _Statement:
    """One question as SQL; everything that is given is a parameter."""

    def __init__(self, asked: Asked, terms: Sequence[Sequence[Term]], tier: str) -> None:
        self.given: dict[str, Any] = {}
        self._unfinished = not asked.text[-1].isspace()
        said = [self._term(term, last=place == len(terms)) for place, term in enumerate(terms, 1)]
        self._query = (" || " if tier == ANY else " && ").join(said)
        self._names = " && ".join(said)
        self._tier = tier
        self._chosen = "JOIN catalog.entry_search USING (entry)" if asked.filters else ""
        self._filters = "".join(
            f" AND {self._filter(name, wanted)}" for name, wanted in asked.filters.items()
        )

    def ranked(self, after: "_Place | None") -> str:
        """Return the question for a page, best first, behind a place."""
        behind = ""
        if after is not None and after.code:
            self.given |= {"rank": after.rank, "code": after.code}
            behind = "WHERE rank < :rank OR (rank = :rank AND code > :code)"
        source = self._by_name() if self._tier == NAME else self._by_words()
        return f"SELECT {', '.join(SHOWN)}, rank FROM ({source}) AS found {behind} ORDER BY rank DESC, code LIMIT :limit"

    def _by_name(self) -> str:
        return f"""
            SELECT {", ".join(SHOWN)}, {_LONGEST_NAME} - size AS rank FROM catalog.entry_search
            WHERE names @@ ({self._query}){self._filters}
        """

    def _by_words(self) -> str:
        return f"""
            SELECT {", ".join(f"s.{name}" for name in SHOWN)}, rank FROM (
                SELECT entry, (ts_rank('{_WEIGHTS}', words, query, {_LENGTH}) * {_SCALE})::integer AS rank FROM (
                    SELECT entry, words, query FROM catalog.entry_words {self._chosen},
                        (SELECT {self._query} AS query OFFSET 0) AS asked
                    WHERE words @@ query{self._filters} LIMIT {MOST_RANKED}
                ) AS candidates
            ) AS ranked JOIN catalog.entry_search AS s USING (entry) WHERE NOT s.names @@ ({self._names})
        """

    def _term(self, term: Sequence[Term], last: bool) -> str:
        asked, *others = [" && ".join(self._word(word) for word in words) for words in term]
        if last and self._unfinished:
            begun = [*(self._word(word) for word in term[0][:-1]), self._word(term[0][-1], begun=True)]
            others.append(" && ".join(begun))
        return "(" + " || ".join(f"({one})" for one in (asked, *others)) + ")"

    def _word(self, word: str, begun: bool = False) -> str:
        name = f"w{len(self.given)}"
        self.given[name] = (f"'{word}'" if is_han(word) else word) + (":*" if begun else "")
        return f"CAST(:{name} AS tsquery)" if is_han(word) else f"to_tsquery('english', :{name})"

    def _filter(self, name: str, wanted: Any) -> str:
        self.given[f"f_{name}"] = wanted
        return f"starts_with({name}, :f_{name})" if name == "category" else f"{name} = :f_{name}"


def _parts(terms: Sequence[Sequence[Term]]) -> list[Sequence[Term]]:
    """Return what is asked, and besides what its words are made of."""
    parts = dict.fromkeys(part for term in terms for word in term[0] for part in parts_of(word))
    return [*terms, *([(part,)] for part in parts)]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: behind this rank and code of a tier."""

    tier: str
    rank: int = 0
    code: str = ""


def _place(after: str | None) -> _Place:
    if after is None:
        return _Place(NAME)
    found = _NEXT.fullmatch(after)
    if found is None:
        raise MalformedRequest(
            "The page does not begin where an answer said.", hint="Give `next` as it was answered."
        )
    return _Place(found[1], int(found[2]), found[3])
