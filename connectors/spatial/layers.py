"""Layers of features in files, through GDAL; one layer is read at a time, in batches of ``rows`` features.

Geometry comes as WKB in EPSG:4490 (CGCS2000), longitude before latitude, in the column ``geometry``. A layer in another
coordinate system is transformed by GDAL's own PROJ; one that names none is refused unless ``options.crs`` declares it, for a
vendor's shifted system cannot be told from coordinates. Other columns are text, as the file has them.
"""

import json
import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import open_arrow

from connectors.batch import Shape, with_faults
from connectors.file.formats import Reading, Wanted
from connectors.file.formats.headers import asked, lacking, missing
from connectors.source import Source
from connectors.spatial import shapefile
from connectors.spatial.geometry import REPAIRED, examined
from connectors.spatial.wholeness import cut, refusal, require_whole
from infra.prefetch import prefetched
from schemas.resource import resource_named

GEOMETRY, VALIDITY = "geometry", "_validity"
HUB_CRS = "EPSG:4490"
# EPSG has the transformation between these two, CGCS2000 to WGS 84 (1), with no parameter but zeros.
_SAME_DEGREES = (HUB_CRS, "EPSG:4326", "OGC:CRS84")
_WGS84 = {"OGC:CRS84": "EPSG:4326"}
_GDAL_ERRORS = (DataSourceError, DataLayerError, RuntimeError, ValueError, pa.ArrowInvalid, OSError)
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "gml": {"WRITE_GFS": "NO", "DOWNLOAD_SCHEMA": "NO", "FORCE_SRS_DETECTION": "YES"},
    "geojson": {"DATE_AS_STRING": "YES"},
}
_TYPES = {"object": "text", "bool": "boolean"}

# Text that looks like a number may be a code whose leading zeros count.
pyogrio.set_gdal_config_options({"GML_FIELDTYPES": "ALWAYS_STRING"})
logging.getLogger("pyogrio").setLevel(logging.CRITICAL)  # GDAL's words may quote values


def read_layer(path: Path, source: Wanted, rows: int) -> Reading:
    """Read the columns asked for, where the layer has them; ``options.layer`` names the layer, default the first."""
    kind = require_whole(path, source)
    layer = Layer(path, kind, source, source.option("layer"))
    if without := lacking(source, {**layer.shape, VALIDITY: ""}):
        raise missing(without, source, f"file {path.name}, layer {layer.name}", layer.shape)
    return Reading(layer.shape, layer.tables(rows))


class Layer:
    """One layer of a file that is whole; raises ``WrongFormat`` where it has none of that name, or no coordinate system.

    Without a ``name`` it is the first.
    """

    def __init__(self, path: Path, kind: str, source: Wanted, name: str | None = None) -> None:
        self._path, self._kind, self._source = path, kind, source
        self._options = dict(_OPTIONS.get(kind, {}))
        if kind == "gml" and source.option("axes") == "east_first":
            self._options["INVERT_AXIS_ORDER_IF_LAT_LONG"] = "NO"
        with self._alone() as place:
            self._look(place, name)

    def _look(self, place: Path, name: str | None) -> None:
        try:
            self.name = name or layer_names(place)[0]
            told: dict[str, Any] = {} if self._kind != "shapefile" else {"encoding": self._encoding}
            info = pyogrio.read_info(place, layer=self.name, **told, **self._options)
        except UnicodeDecodeError:
            raise refusal(
                self._path,
                self._source,
                "has names that are not in the encoding it says",
                "Ask the department, and name it in options.encoding, such as GB18030.",
            ) from None
        except (*_GDAL_ERRORS, IndexError):
            raise refusal(self._path, self._source, "has no such layer, or none at all") from None
        self.shape: Shape = {
            name: _type(str(kind)) for name, kind in zip(info["fields"], info["dtypes"], strict=True)
        }
        self._count = shapefile.count(place) if self._kind == "shapefile" else info["features"]
        if info["geometry_type"] is not None:
            self.shape = {**self.shape, GEOMETRY: GEOMETRY}
            self.crs = self._crs(info["crs"])

    @property
    def _encoding(self) -> str | None:
        declared: str | None = self._source.option("encoding")
        return declared

    def _crs(self, found: str | None) -> str:
        found = _WGS84.get(found or "", found)
        found = None if found and "undefined" in found[:80].lower() else found
        declared: str | None = self._source.option("crs")
        if not (found or declared):
            raise refusal(
                self._path,
                self._source,
                f"declares no coordinate system; the hub needs {HUB_CRS} or one to transform from",
                "Ask the department which it is, and name it in options.crs.",
            )
        if found and declared and found != declared:
            raise refusal(
                self._path,
                self._source,
                f"is in {_crs_name(found)}, where its definition says {declared}",
                "Correct options.crs, or ask the department to name the right system in the file.",
            )
        return found or str(declared)

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """Yield the columns asked for, with what is wrong with geometry, at most ``rows`` features at a time."""
        wanted = [name for name in asked(self._source) if name in self.shape]
        count = 0
        try:
            with self._alone() as place, self._opened(place, wanted, rows) as (meta, batches):
                stored = meta["geometry_name"] or "wkb_geometry"
                with closing(prefetched(_each(batches))) as ahead:
                    for batch in ahead:
                        count += batch.num_rows
                        yield self._table(batch, wanted, stored)
        except _GDAL_ERRORS:
            raise refusal(
                self._path,
                self._source,
                f"breaks off in layer {self.name}, or cannot be decoded or transformed",
            ) from None
        if self._count >= 0 and count != self._count:
            raise cut(
                self._path, self._source, f"has {self._count:,} features, of which {count:,} can be read"
            )

    @contextmanager
    def _opened(self, place: Path, wanted: list[str], rows: int) -> Iterator[Any]:
        geometry = GEOMETRY in wanted
        columns = [name for name in wanted if name != GEOMETRY]
        options = {"columns": columns, "batch_size": rows, "use_pyarrow": True, "read_geometry": geometry}
        if geometry and self.crs not in _SAME_DEGREES:
            with open_arrow(self._warped(place), layer=self.name, **options) as opened:
                yield opened
            return
        if self._encoding and self._kind == "shapefile":
            options["encoding"] = self._encoding
        with open_arrow(place, layer=self.name, **options, **self._options) as opened:
            yield opened

    def _warped(self, place: Path) -> str:
        """Describe the layer, transformed, in the XML that GDAL's virtual format reads."""
        name = quoteattr(self.name)
        told = dict(self._options)
        if self._encoding and self._kind == "shapefile":
            told["ENCODING"] = self._encoding
        options = "".join(f"<OOI key={quoteattr(key)}>{escape(value)}</OOI>" for key, value in told.items())
        return (
            f"<OGRVRTDataSource><OGRVRTWarpedLayer><OGRVRTLayer name={name}>"
            f"<SrcDataSource>{escape(str(place.absolute()))}</SrcDataSource><OpenOptions>{options}</OpenOptions>"
            f"<SrcLayer>{escape(self.name)}</SrcLayer></OGRVRTLayer><SrcSRS>{escape(self.crs)}</SrcSRS>"
            f"<TargetSRS>{HUB_CRS}</TargetSRS></OGRVRTWarpedLayer></OGRVRTDataSource>"
        )

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """Give the file where GDAL finds no notes of its own beside it, which it would believe rather than look again."""
        if self._kind != "gml":
            yield self._path
            return
        with TemporaryDirectory(prefix="hub-layer-") as folder:
            for suffix in (".gml", ".xsd"):
                origin = self._path if suffix == ".gml" else self._path.with_suffix(suffix)
                if origin.exists():
                    (Path(folder) / f"layer{suffix}").symlink_to(origin.resolve())
            yield Path(folder) / "layer.gml"

    def _table(self, batch: pa.RecordBatch, wanted: list[str], stored: str) -> pa.Table:
        columns = {name: _text(_plain(batch.column(name))) for name in wanted if name != GEOMETRY}
        if GEOMETRY not in wanted:
            return pa.table(columns)
        wkb = _plain(batch.column(stored)).cast(pa.binary())
        found = examined(wkb, repair=self._source.option("invalid") == "repair")
        table = pa.table({**columns, GEOMETRY: found.wkb})
        if VALIDITY in asked(self._source):
            repaired = {place: reason for place, (rule, reason) in found.faults.items() if rule == REPAIRED}
            table = table.append_column(
                VALIDITY, pa.array([repaired.get(place) for place in range(len(table))], pa.string())
            )
        return with_faults(table, _geometry_item(self._source), found.faults)


def layer_names(path: Path) -> list[str]:
    """Return the names of the file's layers."""
    return [str(name) for name, _ in pyogrio.list_layers(path)]


def _geometry_item(source: Wanted) -> str:
    """Return the item that the geometry becomes; who looks for the first time knows none yet."""
    if not isinstance(source, Source):
        return GEOMETRY
    items = (item.name for item in resource_named(source.resource).items if item.geometry)
    return next((name for name in items if name in source.mapping), GEOMETRY)


def _crs_name(crs: str) -> str:
    """Return a code, or the name that stands first in a description."""
    return crs if len(crs) < 20 else crs.partition('"')[2].partition('"')[0] or "a system of its own"


def _type(kind: str) -> str:
    if kind in _TYPES:
        return _TYPES[kind]
    if kind.startswith("datetime"):
        return "datetime" if "[D]" not in kind else "date"
    return "integer" if kind.startswith(("int", "uint")) else "number" if kind.startswith("float") else "text"


def _each(batches: Any) -> Generator[pa.RecordBatch, None, None]:
    yield from batches


def _plain(column: pa.Array) -> pa.Array:
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _text(column: pa.Array) -> pa.Array:
    """Write values as text: whole numbers without a fraction, lists as JSON, bytes in hexadecimal."""
    kind = column.type
    if pt.is_string(kind):
        column.validate(full=True)  # raises where the bytes are not what the file's encoding says
        return column
    if pt.is_floating(kind):
        whole = pc.and_(pc.equal(pc.trunc(column), column), pc.less(pc.abs(column), 1e15))
        written = column.cast(pa.string())
        if not pc.any(whole).as_py():
            return written
        return pc.coalesce(pc.if_else(whole, column, None).cast(pa.int64()).cast(pa.string()), written)
    if pt.is_list(kind) or pt.is_binary(kind):
        written = [
            value.hex() if isinstance(value, bytes) else value and json.dumps(value, ensure_ascii=False)
            for value in column.to_pylist()
        ]
        return pa.array(written, pa.string())
    return column.cast(pa.string())
