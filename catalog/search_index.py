"""What entries are found by, written in the transaction that publishes or withdraws them."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, text

from catalog.entry import CatalogueEntry
from catalog.entry_reader import EntryReader
from catalog.search_tables import ENTRY_SEARCH
from catalog.segmentation import Words, words_of

_PAGE = 500
_MOST_POSITIONS = 255  # of one word, and
_LAST_POSITION = 16_383  # of all: what a tsvector holds
WEIGHTS: Mapping[str, str] = {"A": "name", "B": "items", "C": "summary", "D": "provider"}
"""By how much it counts where a word stands: a name more than an item, an item more than the summary."""


def texts_of(entry: CatalogueEntry) -> Mapping[str, Iterable[str]]:
    """Return the texts by which an entry is found, by their weights."""
    items = [said for item in entry.items for said in (item.title, item.name.replace("_", " "))]
    belongs = (entry.provider, entry.office, *entry.category.titles)
    return {"A": (entry.name, entry.name_en), "B": items, "C": (entry.summary,), "D": belongs}


def index_entry(connection: Connection, entry: CatalogueEntry) -> None:
    """Let a version in force be found, in place of the one before."""
    drop_entry(connection, entry.id)
    index_entries(connection, [entry])


def drop_entry(connection: Connection, entry: str) -> None:
    """Let an entry be found no more."""
    connection.execute(delete(ENTRY_SEARCH).where(ENTRY_SEARCH.c.entry == entry))


def index_entries(connection: Connection, entries: Iterable[CatalogueEntry]) -> int:
    """Let entries be found that are not yet; return how many."""
    rows = [_row(entry) for entry in entries]
    if rows:
        connection.execute(_FOUND, rows)
        connection.execute(_WORDS, rows)
    return len(rows)


def reindex(connection: Connection) -> int:
    """Index every entry in force anew, as after a change of ``search_words.yaml``; return how many."""
    connection.execute(delete(ENTRY_SEARCH))
    reader, number, after = EntryReader(connection), 0, ""
    while page := list(reader.in_force(after, _PAGE)):
        number += index_entries(connection, page)
        after = page[-1].id
    return number


def index_missing(connection: Connection) -> int:
    """Let the entries in force be found that are not, as those of before there was a search; return how many."""
    reader, number = EntryReader(connection), 0
    while missing := connection.execute(_MISSING, {"page": _PAGE}).all():
        number += index_entries(connection, [reader.version(row.id, row.in_force) for row in missing])
    return number


_MISSING = text("""
    SELECT e.id, e.in_force FROM catalog.entry AS e LEFT JOIN catalog.entry_search AS s ON s.entry = e.id
    WHERE e.in_force IS NOT NULL AND s.entry IS NULL ORDER BY e.id LIMIT :page
""")
_FOUND = text("""
    INSERT INTO catalog.entry_search (entry, code, name, provider, category, sharing, update_cycle, open, size, names)
    VALUES (:entry, :code, :name, :provider, :category, :sharing, :update_cycle, :open, :size,
        CAST(:han_a AS tsvector) || to_tsvector('english', :latin_a))
""")
_WORDS = text("""
    INSERT INTO catalog.entry_words (entry, words)
    VALUES (:entry, CAST(:han AS tsvector)
        || setweight(to_tsvector('english', :latin_a), 'A') || setweight(to_tsvector('english', :latin_b), 'B')
        || setweight(to_tsvector('english', :latin_c), 'C') || to_tsvector('english', :latin_d))
""")


def _row(entry: CatalogueEntry) -> dict[str, str | int | None]:
    words = {weight: words_of(" ".join(said)) for weight, said in texts_of(entry).items()}
    told = {
        "entry": entry.id,
        "code": entry.code,
        "name": entry.name,
        "provider": entry.provider_code,
        "category": entry.category.code,
        "sharing": entry.sharing.value,
        "update_cycle": entry.update_cycle.value,
        "open": entry.open,
        "size": len(entry.name) + len(entry.name_en),
    }
    latin = {f"latin_{weight.lower()}": " ".join(found.latin) for weight, found in words.items()}
    return told | latin | {"han": _vector(words), "han_a": _vector({"A": words["A"]})}


def _vector(words: Mapping[str, Words]) -> str:
    """Write Chinese words with their positions and weights as PostgreSQL reads a tsvector."""
    places: dict[str, list[str]] = {}
    at = 0
    for weight, found in words.items():
        for word in found.han:
            at = min(at + 1, _LAST_POSITION)
            told = places.setdefault(word, [])
            if len(told) < _MOST_POSITIONS:
                told.append(f"{at}{weight}")
    return " ".join(f"'{word}':{','.join(told)}" for word, told in places.items())
