"""GeoPackage and GeoJSON through GDAL; one layer is read at a time, in batches of ``rows`` features.

Geometry comes as WKB in EPSG:4490 (CGCS2000) in the column ``geometry``. A layer in another declared system is
transformed by GDAL's own PROJ; one that declares none is refused unless ``options.crs`` declares it, for a
vendor's shifted system cannot be told from coordinates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import open_arrow

from connectors.file.formats.encoding import tell_encoding
from connectors.file.formats.headers import missing
from connectors.file.formats.json_stream import JsonStream
from connectors.source import Source
from schemas.errors import SourceError, TruncatedFile, WrongFormat

GEOMETRY = "geometry"
_HUB_CRS = "EPSG:4490"
_SQLITE = b"SQLite format 3\0"
_GDAL_ERRORS = (DataSourceError, DataLayerError, RuntimeError, ValueError, pa.ArrowInvalid, OSError)


def read_layer(path: Path, source: Source, rows: int) -> Iterator[pa.Table]:
    """Yield the needed attributes and, where mapped, ``geometry``; ``options.layer`` names the layer, default the first."""
    if path.suffix.lower() in (".geojson", ".json"):
        _check_geojson(path, source)
    else:
        _check_geopackage(path, source)
    try:
        layer = source.option("layer") or str(pyogrio.list_layers(path)[0][0])
        info = pyogrio.read_info(path, layer=layer)
    except (*_GDAL_ERRORS, IndexError):
        raise _refusal(path, source, "has no such layer, or none at all") from None
    attributes = [name for name in source.columns if name != GEOMETRY]
    lacking = [name for name in attributes if name not in set(info["fields"])]
    if GEOMETRY in source.columns and info["geometry_type"] is None:
        lacking.append(GEOMETRY)
    if lacking:
        raise missing(lacking, source, f"file {path.name}, layer {layer}")
    crs = _crs(info["crs"], path, source)
    try:
        with _opened(path, layer, crs, attributes, rows, GEOMETRY in source.columns) as (meta, batches):
            for batch in batches:
                yield _table(batch, meta, source.columns)
    except _GDAL_ERRORS:
        raise _refusal(
            path, source, f"breaks off in layer {layer}, or cannot be transformed from {crs}"
        ) from None


def _crs(found: str | None, path: Path, source: Source) -> str:
    declared = found or source.option("crs")
    if not declared:
        raise _refusal(
            path, source, f"declares no coordinate system; the hub needs {_HUB_CRS} or one to transform from"
        )
    if found and source.option("crs") and found != source.option("crs"):
        raise _refusal(path, source, f"is in {found}, where its definition says {source.option('crs')}")
    return str(declared)


@contextmanager
def _opened(path: Path, layer: str, crs: str, columns: list[str], rows: int, geometry: bool) -> Iterator[Any]:
    options = {"columns": columns, "batch_size": rows, "use_pyarrow": True, "read_geometry": geometry}
    if crs == _HUB_CRS or not geometry:
        with open_arrow(path, layer=layer, **options) as opened:
            yield opened
    else:
        with open_arrow(_warped(path, layer, crs), **options) as opened:
            yield opened


def _warped(path: Path, layer: str, crs: str) -> str:
    """Describe the layer, transformed, in the XML that GDAL's virtual format reads."""
    file, name = quoteattr(str(path.resolve())), quoteattr(layer)
    return (
        f"<OGRVRTDataSource><OGRVRTWarpedLayer><OGRVRTLayer name={name}><SrcDataSource>{file[1:-1]}</SrcDataSource>"
        f"<SrcLayer>{name[1:-1]}</SrcLayer></OGRVRTLayer><SrcSRS>{crs}</SrcSRS><TargetSRS>{_HUB_CRS}</TargetSRS>"
        "</OGRVRTWarpedLayer></OGRVRTDataSource>"
    )


def _table(batch: pa.RecordBatch, meta: dict[str, Any], wanted: tuple[str, ...]) -> pa.Table:
    stored = meta["geometry_name"] or "wkb_geometry"
    columns = {}
    for name in wanted:
        column = batch.column(stored if name == GEOMETRY else name)
        plain = column.storage if isinstance(column, pa.ExtensionArray) else column
        columns[name] = plain.cast(pa.binary()) if name == GEOMETRY else plain.cast(pa.string())
    return pa.table(columns)


def _check_geopackage(path: Path, source: Source) -> None:
    """A GeoPackage is an SQLite database, whose header says of how many pages it is (bytes 16–17 and 28–31)."""
    with path.open("rb") as file:
        head = file.read(100)
        size = file.seek(0, 2)
    if not head:
        raise TruncatedFile(
            f"Source {source.code}, file {path.name} is empty.", source=source.code, file=path.name
        )
    if not head.startswith(_SQLITE):
        raise _refusal(path, source, "is not a GeoPackage")
    page = int.from_bytes(head[16:18], "big")
    if size < (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big"):
        raise TruncatedFile(
            f"Source {source.code}, file {path.name} is shorter than its header says.",
            hint="Ask the department to deliver the file again.",
            source=source.code,
            file=path.name,
        )


def _check_geojson(path: Path, source: Source) -> None:
    """GDAL passes over what is broken behind the first features, so the whole text is read first (RFC 7946)."""
    features = JsonStream(path, tell_encoding(path, source).codec, source.code).records(("features",))
    for feature in features:
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise _refusal(path, source, "is not GeoJSON: a member of its features is no Feature")


def _refusal(path: Path, source: Source, what: str) -> SourceError:
    return WrongFormat(f"Source {source.code}, file {path.name} {what}.", source=source.code, file=path.name)
