"""Options of ``connector: spatial``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from connectors.file.options import DeliveredOptions, a_place
from connectors.options import Group
from connectors.rest.options import Authentication
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from connectors.source import Source

CRS = r"^EPSG:\d{4,6}$"


class ServiceOptions(Group):
    """A service that gives features page by page. Its names are those of ``connector: rest``, whose client asks it."""

    kind: Literal["wfs", "ogc_api"] = Field(description="WFS 2.0, or OGC API Features")
    url: str = Field(
        description="URL of the service: of WFS what ``?service=WFS`` is added to, of OGC API the landing page"
    )
    page_size: int = Field(
        1000, ge=0, description="features a page to ask for; 0 asks for all at once, where a WFS cannot page"
    )
    sort_by: str | None = Field(
        None, description="property by which a WFS sorts, so that pages do not overlap; its own order without"
    )
    parameters: Mapping[str, str] = Field(
        {}, description="parameters of every request for features, such as ``bbox`` or ``srsName``"
    )
    headers: Mapping[str, str] = Field({}, description="headers of every request")
    authentication: Authentication | None = Field(
        None, description="how the hub proves itself, as in ``connector: rest``"
    )
    ca_file: str | None = Field(None, description="certificates to trust, where the system has its own")
    timeout_seconds: float = Field(60, gt=0, description="how long one answer may take")
    most_megabytes: int = Field(256, ge=1, description="largest answer that is read")
    requests_per_second: float | None = Field(
        None, gt=0, description="most requests a second; unlimited without"
    )
    retries: int = Field(
        5, ge=0, description="how often a request is made again that found the system ailing"
    )
    longest_wait_seconds: float = Field(
        120, gt=0, description="longest wait that the system may ask for (``Retry-After``) within a run"
    )

    @property
    def method(self) -> str:
        """Features are asked for by GET."""
        return "GET"


class SpatialOptions(DeliveredOptions):
    """Layers in files, by a pattern, or of a service; exactly one of ``path`` and ``service``."""

    path: str | None = Field(
        None,
        description="path, pattern or URL of files: GeoPackage, Shapefile (a ZIP, or its ``.shp``), GeoJSON, GML, FlatGeobuf",
    )
    service: ServiceOptions | None = Field(None, description="a WFS or an OGC API")
    layer: str | None = Field(
        None,
        description="layer, feature type or collection; of a file the first without, of a service required",
    )
    crs: str | None = Field(
        None,
        pattern=CRS,
        description="coordinate system (``EPSG:4527``): required where the layer names none, and must be the one it names",
    )
    axes: Literal["declared", "east_first"] = Field(
        "declared",
        description="order of coordinates in GML: as its coordinate system says, or always east before north, which some servers do",
    )
    encoding: str | None = Field(
        None, description="encoding of a Shapefile's text, where neither ``.cpg`` nor its table names one"
    )
    invalid: Literal["repair", "quarantine"] = Field(
        "repair",
        description="what becomes of a row whose geometry is invalid (OGC 06-103r4): repaired and counted, or quarantined",
    )

    @field_validator("path")
    @classmethod
    def _a_place(cls, value: str | None) -> str | None:
        return value and a_place(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.service is None):
            raise ValueError("needs either 'path' or 'service', and not both.")
        if self.service and not self.layer:
            raise ValueError("layer is missing: a service has many.")
        return self

    def check(self, source: "Source") -> None:
        """A service is read whole, so a watermark is of no use to it."""
        if self.service and source.watermark is not None:
            raise DefinitionError("watermark is of no use to a service, which is read whole and compared.")


class ServiceSource:
    """What the client of ``connector: rest`` asks of a source, answered by ``options.service``."""

    def __init__(self, source: "Source") -> None:
        self.code = source.code
        self._told: ServiceOptions = source.option("service")

    def option(self, name: str) -> Any:
        """Return an option of the service; secrets are filled in."""
        if name == "headers":
            accepted = {
                "wfs": "application/xml, text/xml",
                "ogc_api": "application/geo+json, application/json",
            }
            return {"Accept": accepted[self._told.kind], **self._told.headers}
        return getattr(self._told, name)
