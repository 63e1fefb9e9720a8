"""Options of ``connector: push``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from connectors.options import Options
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from connectors.source import Source


class PushOptions(Options):
    """Who may push, and how its rows are written where looking is not enough."""

    systems: tuple[str, ...] = Field(
        min_length=1, description="registered systems that may push rows of this source"
    )
    record_path: str | None = Field(
        None, description="dotted path of the list of records in a JSON body; JSON Lines need none"
    )
    encoding: str = Field("auto", description="encoding of CSV bodies; told from their bytes by default")
    delimiter: str | None = Field(None, description="delimiter of CSV bodies; told from the header without")
    aliases: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="other names that a column of the definition may go by"
    )
    largest_mib: int = Field(4096, ge=1, description="largest body that is taken, in MiB")

    def check(self, source: "Source") -> None:
        """A push is what its sender says is new, so nothing tells where to go on, and nothing can be compared."""
        if source.watermark is not None:
            raise DefinitionError("watermark is of no use to connector push: the sender says what is new.")


PushFormat = Literal["json", "csv", "parquet", "arrow"]
"""What a pushed body is: JSON (Lines), CSV, Parquet, or an Arrow IPC stream."""
