"""XML: the elements under ``options.record_path``, streamed; nothing outside the file is ever loaded.

A record's columns are its elements and attributes by local name, namespaces apart: ``name``, ``address.city`` for what is
nested, ``@id`` for attributes. An element that is there several times becomes a JSON array. A document that declares
entities is refused: a few lines of them can unfold to gigabytes.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lxml import etree

from connectors.file.formats import Reading, Wanted
from connectors.file.formats.records import SHOWN, Record, names_in, reading_of
from schemas.errors import DefinitionError, SourceError, TruncatedFile, WrongFormat

_CUT = {etree.ErrorTypes.ERR_TAG_NOT_FINISHED, etree.ErrorTypes.ERR_DOCUMENT_END}
_WEB_PAGE = "html"
_SHOWN_ELEMENTS = 50_000
_TAIL = 4096


def read_xml(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Read the elements at ``options.record_path``, which goes from the root to a record: ``response.rows.row``."""
    declared = wanted.option("record_path")
    if not declared:
        raise DefinitionError(
            f"Source {wanted.code}: options.record_path is missing, which XML needs.",
            hint="Name the elements from the root to a record, such as response.rows.row.",
        )
    record_path = tuple(str(declared).split("."))
    return reading_of(lambda: _records(path, wanted, record_path), path, wanted, rows)


def names_of(path: Path, wanted: Wanted, record_path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that the first records at ``record_path`` have."""
    return tuple(names_in(islice(_records(path, wanted, record_path), SHOWN)))


def record_paths(path: Path, wanted: Wanted) -> list[str]:
    """Return which elements with parts of their own come again and again, the outermost, as far as the beginning shows."""
    counts: Counter[tuple[str, ...]] = Counter()
    for element in islice(elements(path, wanted), _SHOWN_ELEMENTS):
        if len(element) or element.attrib:
            counts[path_of(element)] += 1
        clear(element)
    again = sorted((place for place, count in counts.items() if count > 1), key=len)
    if not again:
        return [".".join(max((len(place), place) for place in counts)[1])] if counts else []
    return [
        ".".join(place)
        for place in again
        if not any(place[: len(one)] == one for one in again if one != place)
    ]


def _records(path: Path, wanted: Wanted, record_path: tuple[str, ...]) -> Iterator[Record]:
    found, depth = False, len(record_path)
    for element in elements(path, wanted):
        place = path_of(element)
        if place == record_path:
            found = True
            yield record_of(element)
            clear(element)
        elif place[:depth] != record_path:
            clear(element)
    if not found:
        raise _wrong(path, wanted, f"has no element {'.'.join(record_path)}")


def elements(path: Path, wanted: Wanted) -> Iterator[Any]:
    """Yield every element when it ends; raises ``TruncatedFile`` or ``WrongFormat`` naming the line."""
    events = etree.iterparse(
        str(path), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False
    )
    root = None
    try:
        for event, element in events:
            if root is None:
                _refuse_entities(element, path, wanted)
                root = local(element)
            if event == "end" and isinstance(element.tag, str):
                yield element
    except etree.XMLSyntaxError as error:
        raise _refusal(error, root, path, wanted) from None


def path_of(element: Any) -> tuple[str, ...]:
    """Local names from the root to the element."""
    names = [local(element)]
    while (element := element.getparent()) is not None:
        names.append(local(element))
    return tuple(reversed(names))


def local(element: Any) -> str:
    """The element's name without its namespace."""
    return str(etree.QName(element).localname)


def clear(element: Any) -> None:
    """Let an element go that is done, and what stood before it, so that memory is bounded by one record."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def record_of(element: Any, prefix: str = "") -> dict[str, Any]:
    """Turn an element into columns by dotted local names."""
    record: dict[str, Any] = {
        f"{prefix}@{etree.QName(name).localname}": value for name, value in element.attrib.items()
    }
    for child in element.iterchildren(tag=etree.Element):
        name = f"{prefix}{local(child)}"
        text = (child.text or "").strip()
        nested = record_of(child, f"{name}.") if len(child) or child.attrib else {}
        for key, value in ({name: text} if text or not nested else {}).items() | nested.items():
            record[key] = _both(record[key], value) if key in record else value
    return record


def _both(former: Any, value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    return [*former, *values] if isinstance(former, list) else [former, *values]


def _refuse_entities(root: Any, path: Path, wanted: Wanted) -> None:
    declared = root.getroottree().docinfo.internalDTD
    if local(root).lower() == _WEB_PAGE:
        raise _wrong(path, wanted, "is a web page, not data")
    if declared is not None and next(declared.iterentities(), None) is not None:
        raise _wrong(path, wanted, "declares entities, which are not unfolded")


def _refusal(error: etree.XMLSyntaxError, root: str | None, path: Path, wanted: Wanted) -> SourceError:
    line = error.position[0]
    if path.stat().st_size == 0:
        return TruncatedFile(
            f"Source {wanted.code}, file {path.name} is empty.", source=wanted.code, file=path.name
        )
    if getattr(error, "code", None) in _CUT or (root is not None and not _ends(path, root)):
        return TruncatedFile(
            f"Source {wanted.code}, file {path.name} ends within an element, at line {line}.",
            hint="Ask the department to deliver the file again.",
            source=wanted.code,
            file=path.name,
            line=line,
        )
    return _wrong(path, wanted, f"is no XML, at line {line}")


def _ends(path: Path, root: str) -> bool:
    """Whether the root is closed at the end of the file; zero bytes are those that UTF-16 puts beside ASCII."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read().replace(b"\0", b"")
    ends = re.findall(rb"</([^<>]+)>", tail)
    return bool(ends) and ends[-1].strip().rpartition(b":")[2] in {
        root.encode(codec) for codec in ("utf-8", "gb18030")
    }


def _wrong(path: Path, wanted: Wanted, what: str) -> SourceError:
    return WrongFormat(f"Source {wanted.code}, file {path.name} {what}.", source=wanted.code, file=path.name)
