"""Options of ``connector: sql``."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from connectors.options import Address, Options
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from connectors.source import Source


class SqlOptions(Options):
    """A table, view or query of a database; exactly one of ``table`` and ``query``."""

    url: Address = Field(description="SQLAlchemy URL of the database; the password by reference")
    table: str | None = Field(None, description="table or view, its schema before a dot")
    query: str | None = Field(None, description="a SELECT instead of a table")
    overlap: int = Field(
        0,
        ge=0,
        description="how far behind the watermark to read again, for rows that are committed late: "
        "seconds; days of a ``date``; numbers of an ``integer``",
    )
    timeout_seconds: int = Field(
        600, ge=1, description="how long one page of rows may take at the department"
    )
    lock_timeout_seconds: int = Field(
        30, ge=1, description="how long to wait for a lock that somebody else holds on the table"
    )
    page_rows: int | None = Field(
        None, ge=1, description="rows a statement asks for; eight batches, or ten seconds' worth, without"
    )
    rows_per_second: int | None = Field(
        None, ge=1, description="most rows a second asked of the department; unlimited without"
    )

    @model_validator(mode="after")
    def _one_relation(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("needs either 'table' or 'query', and not both.")
        return self

    def check(self, source: "Source") -> None:
        """A database is paged by the row id, so there must be one; an overlap is measured on the watermark."""
        if not source.row_id:
            raise DefinitionError("row_id is missing: an SQL source is paged by it.")
        if self.overlap and (source.watermark is None or source.watermark.type == "string"):
            raise DefinitionError("options.overlap needs a watermark that is a time, a date or a number.")
