"""Looking at files of which nothing is known yet: which tables are in them, and how each is read."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from connectors.file.archives import Archive, is_archive, unpacked
from connectors.file.delivered import DeliveredFiles
from connectors.file.formats import FILE, reader_of, told_format
from connectors.file.formats.guesses import Guess, guesses
from connectors.file.options import FileOptions
from connectors.file.places import Found
from connectors.look import SAMPLED_ROWS, Glance, Look
from connectors.options import parsed
from schemas.errors import WrongFormat

MOST_FILES = 20


def look(place: str, options: Mapping[str, Any] | None = None, rows: int = SAMPLED_ROWS) -> list[Look]:
    """Look at a file, a pattern (its last file) or a folder (each of its files) and return every table found.

    ``place`` is a path or a URL, ``options`` what is known already, such as ``storage``. Raises a ``SourceError`` where
    nothing can be read.
    """
    folder = "://" not in place and Path(place).expanduser().is_dir()
    path = f"{place.rstrip('/')}/*" if folder else place
    given = {**(options or {}), "path": path}
    glance = _glance(given)
    with DeliveredFiles(glance) as files:
        ready = files.listing(()).ready
        chosen = ready[:MOST_FILES] if folder else ready[-1:]
        looks = []
        for found in chosen:
            known = given | {"path": found.path} if folder else given
            with files.fetched(found) as fetched:
                looks += list(_looks(fetched, found, known, rows))
    return looks


def _glance(given: Mapping[str, Any], columns: tuple[str, ...] = ()) -> Glance:
    model = parsed("file", FileOptions, given)
    assert isinstance(model, FileOptions)
    return Glance(model, columns)


def _looks(path: Path, found: Found, given: Mapping[str, Any], rows: int) -> Iterator[Look]:
    glance = _glance(given)
    name = PurePosixPath(found.name).name
    if is_archive(found.name):
        with Archive(path, glance) as archive:
            for member in archive.members():
                with archive.extracted(member) as content:
                    known = {**given, "members": member.name}
                    yield from _tables(content, f"{name}!{member.name}", known, rows)
        return
    with unpacked(path, glance) as content:
        yield from _tables(content, name, given, rows)


def _tables(path: Path, name: str, given: Mapping[str, Any], rows: int) -> Iterator[Look]:
    declared = given.get("format", "auto")
    kind = told_format(path) if declared == "auto" else declared
    if kind == "geopackage":
        raise WrongFormat(f"{name} is a GeoPackage.", hint="Look at it with connector spatial.")
    known = {**given, "format": kind}
    for guess in guesses(kind, path, _glance(known)):
        yield _look(path, f"{name}: {guess.part}" if guess.part else name, known, guess, rows)


def _look(path: Path, title: str, known: Mapping[str, Any], guess: Guess, rows: int) -> Look:
    """Read the table by the guess; what tells the header is left to be told anew, for titles come and go."""
    glance = _glance({**known, **guess.options, **guess.reading}, guess.columns)
    reading = reader_of(path, glance)(path, glance, rows)
    sample = next(reading.tables, None)
    if sample is None:
        sample = pa.table({column: pa.array([], pa.string()) for column in guess.columns})
    _close(reading.tables)
    kept = sample.select([column for column in sample.column_names if column != FILE]).slice(0, rows)
    return Look(title, {**known, **guess.options}, reading.shape, kept)


def _close(tables: Iterator[pa.Table]) -> None:
    close = getattr(tables, "close", None)
    if close is not None:
        close()


__all__ = ["Glance", "Look", "look"]
