"""Whether a file of a layer is whole, and what it says it is; asked before GDAL reads it, which passes over much in silence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

import orjson

from connectors.file.formats import Wanted
from connectors.file.formats.json_stream import JsonStream
from connectors.spatial import shapefile
from schemas.errors import SourceError, TruncatedFile, UnknownEncoding, WrongFormat

_SQLITE = b"SQLite format 3\0"
_KINDS = ((_SQLITE, "geopackage"), (bytes.fromhex("0000270a"), "shapefile"), (b"fgb\x03", "flatgeobuf"))
_AT_ONCE = 64 << 20  # bytes of JSON that are parsed at once
_VIRTUAL = b"<OGRVRT"  # GDAL would follow such a description to wherever it points
_XML_CUT = (
    expat.errors.XML_ERROR_NO_ELEMENTS,
    expat.errors.XML_ERROR_UNCLOSED_TOKEN,
    expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    expat.errors.XML_ERROR_PARTIAL_CHAR,
)


def require_whole(path: Path, wanted: Wanted) -> str:
    """Return what the file is: geopackage, shapefile, flatgeobuf, geojson or gml; raises a ``SourceError`` naming it."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise TruncatedFile(
            f"Source {wanted.code}, file {path.name} is empty.", source=wanted.code, file=path.name
        )
    kind = next((name for magic, name in _KINDS if head.startswith(magic)), None) or _kind_of_text(head)
    if kind is None:
        raise refusal(path, wanted, "is no GeoPackage, Shapefile, GeoJSON, GML or FlatGeobuf")
    _CHECKS[kind](path, wanted)
    return kind


def refusal(path: Path, wanted: Wanted, what: str, hint: str = "") -> SourceError:
    """Make the error that says what is wrong with a file."""
    return WrongFormat(
        f"Source {wanted.code}, file {path.name} {what}.", hint=hint, source=wanted.code, file=path.name
    )


def cut(path: Path, wanted: Wanted, what: str) -> SourceError:
    """Make the error for a file that is not all there."""
    return TruncatedFile(
        f"Source {wanted.code}, file {path.name} {what}.",
        hint="Ask the department to deliver the file again.",
        source=wanted.code,
        file=path.name,
    )


def _kind_of_text(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return {b"{": "geojson", b"<": "gml"}.get(text[:1])


def _check_geopackage(path: Path, wanted: Wanted) -> None:
    """A GeoPackage is an SQLite database, whose header says of how many pages it is (bytes 16–17 and 28–31)."""
    with path.open("rb") as file:
        head = file.read(100)
        size = file.seek(0, 2)
    page = int.from_bytes(head[16:18], "big")
    if size < (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big"):
        raise cut(path, wanted, "is shorter than its header says")


def _check_geojson(path: Path, wanted: Wanted) -> None:
    """Read the whole text first (RFC 7946): GDAL stops at what is broken, and says nothing."""
    try:
        for feature in _features(path, wanted):
            if not isinstance(feature, dict) or feature.get("type") != "Feature":
                raise refusal(path, wanted, "is not GeoJSON: a member of its features is no Feature")
    except UnicodeDecodeError:
        raise UnknownEncoding(
            f"Source {wanted.code}, file {path.name} is not in UTF-8, as GeoJSON is.",
            hint="Ask the department to export it again.",
            source=wanted.code,
            file=path.name,
        ) from None


def _features(path: Path, wanted: Wanted) -> Any:
    if path.stat().st_size <= _AT_ONCE:
        try:
            whole = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
            if isinstance(whole, dict) and isinstance(whole.get("features"), list):
                return whole["features"]
        except ValueError:
            pass  # read again, to say where it is broken
    return JsonStream(path, "utf-8-sig", wanted.code).records(("features",))


def _check_gml(path: Path, wanted: Wanted) -> None:
    with path.open("rb") as file:
        if _VIRTUAL in file.read(1 << 20):
            raise refusal(path, wanted, "is a description of other files, which is refused")
        file.seek(0)
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = _refuse_doctype
        try:
            parser.ParseFile(file)
        except expat.ExpatError as error:
            if expat.ErrorString(error.code) in _XML_CUT:
                raise cut(path, wanted, "ends before its last element does") from None
            raise refusal(path, wanted, f"is not well-formed XML in line {error.lineno}") from None
        except _Doctype:
            raise refusal(path, wanted, "declares a document type, which is refused") from None


class _Doctype(Exception):
    """A document type was declared: its entities could unfold to gigabytes."""


def _refuse_doctype(*_: Any) -> None:
    raise _Doctype


def _check_shapefile(path: Path, wanted: Wanted) -> None:
    if what := shapefile.fault(path):
        raise cut(path, wanted, what)
    if not wanted.option("encoding") and shapefile.is_of_unknown_encoding(path):
        raise UnknownEncoding(
            f"Source {wanted.code}, file {path.name} does not say how its text is encoded: there is no .cpg.",
            hint="Ask the department, and name it in options.encoding, such as GB18030.",
            source=wanted.code,
            file=path.name,
        )


_CHECKS: dict[str, Callable[[Path, Wanted], None]] = {
    "geopackage": _check_geopackage,
    "geojson": _check_geojson,
    "gml": _check_gml,
    "shapefile": _check_shapefile,
    "flatgeobuf": lambda path, wanted: None,  # GDAL itself tells where one is cut off
}
