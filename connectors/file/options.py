"""Options of ``connector: file``."""

from typing import Literal

from pydantic import Field

from connectors.options import Options


class FileOptions(Options):
    """Files, by a pattern, and how they are written where looking is not enough."""

    path: str = Field(description="path or pattern (``*``, ``?``, ``**``) of the files")
    format: Literal["csv", "excel", "json", "geopackage"] = Field(description="what the files are")
    encoding: str = Field("auto", description="encoding of text; told from the bytes by default")
    delimiter: str | None = Field(None, description="delimiter of CSV; told from the header without")
    header: Literal["auto"] | int = Field(
        "auto", description="number of the header row, from 1; searched by default"
    )
    sheet: str | int | None = Field(
        None, description="name or number, from 1, of the sheet; the first with the columns without"
    )
    record_path: str | None = Field(None, description="dotted path of the records in JSON")
    layer: str | None = Field(None, description="layer of a GeoPackage; the first without")
    crs: str | None = Field(None, description="coordinate system, where a layer declares none")
