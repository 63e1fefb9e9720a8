"""Write layers to a GeoPackage with GDAL, the same bytes for the same layers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub.city.draw import DAY_ZERO
from hub.city.spatial import CRS


def write_geopackage(path: Path, layers: Mapping[str, tuple[Any, str]]) -> None:
    """Write a new GeoPackage: one layer per name, from a table with WKB ``geometry`` and its geometry type."""
    import pyogrio
    from pyogrio.raw import write

    path.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{DAY_ZERO}T00:00:00.000Z"})
    try:
        for position, (layer, (table, geometry_type)) in enumerate(layers.items()):
            fields = [name for name in table.column_names if name != "geometry"]
            write(
                str(path),
                geometry=table["geometry"].to_numpy(),
                field_data=[table[name].to_numpy() for name in fields],
                fields=fields,
                layer=layer,
                driver="GPKG",
                geometry_type=geometry_type,
                crs=CRS,
                append=position > 0,
                dataset_options={"VERSION": "1.3"},
                layer_options={"GEOMETRY_NAME": "geom", "FID": "fid"},
            )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
