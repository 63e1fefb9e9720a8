"""Layers for the benchmark of the connectors: parcels, of four corners each, and districts, of some hundred and fifty.

A parcel is proved valid by arithmetic, a district is judged by GEOS. Beside pyogrio alone, which judges nothing, stands the reading
by pyogrio whose geometry Shapely judges.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely
from pyogrio.raw import open_arrow, read_arrow, write_arrow

from benchmarks.ground import Ground
from benchmarks.register import Form
from connectors.definition import read_source

BATCH = 20_000
_LAYERS = (
    ("parcels", "natural_resources_parcel", 50_000),
    ("districts", "natural_resources_district", 5_000),
)


def layers(ground: Ground) -> Iterator[Form]:
    """Repeat the features of each layer until there are enough to measure, and yield the forms."""
    folder = ground.hub.settings.home / "forms"
    folder.mkdir(exist_ok=True)
    for name, code, rows in _LAYERS:
        original = ground.hub.source(code)
        path = _written(
            Path(original.option("path")), original.option("layer"), rows, folder / f"{name}.gpkg"
        )
        definition: dict[str, Any] = {
            "code": f"{name}_form", "resource": original.resource, "department": original.department,
            "title": original.title, "ordinal": 901, "connector": "spatial", "options": {"path": str(path)},
            "row_id": list(original.row_id),
            "mapping": {item: {"column": mapped.column} for item, mapped in original.mapping.items()},
        }  # fmt: skip
        yield Form(
            f"GeoPackage, {name} ÷ pyogrio",
            read_source(json.dumps(definition), "benchmark", {}),
            partial(_read, path),
            {f"GeoPackage, {name} ÷ pyogrio, validity by Shapely": partial(_judged, path)},
        )


def _written(origin: Path, layer: str, rows: int, path: Path) -> Path:
    path.unlink(missing_ok=True)
    meta, table = read_arrow(origin, layer=layer)
    repeated = pa.concat_tables([table] * max(1, rows // table.num_rows)).combine_chunks()
    write_arrow(repeated, path, layer=layer, driver="GPKG", geometry_type=meta["geometry_type"], crs=meta["crs"],
                geometry_name=meta["geometry_name"] or "wkb_geometry")  # fmt: skip
    return path


def _read(path: Path) -> int:
    with open_arrow(path, use_pyarrow=True, batch_size=BATCH) as (_, reader):
        return sum(batch.num_rows for batch in reader)


def _judged(path: Path) -> int:
    count = 0
    with open_arrow(path, use_pyarrow=True, batch_size=BATCH) as (meta, reader):
        for batch in reader:
            column = batch.column(meta["geometry_name"] or "wkb_geometry")
            wkb = column.storage if isinstance(column, pa.ExtensionArray) else column
            shapely.is_valid(shapely.from_wkb(wkb.to_numpy(zero_copy_only=False)))
            count += batch.num_rows
    return count
