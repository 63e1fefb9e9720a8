"""Options of ``connector: stream``."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from connectors.options import Address, Group, Options
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from connectors.source import Source


class ChangesOptions(Group):
    """A table's changes, from PostgreSQL's log."""

    table: str = Field(description="the table, its schema before a dot")
    publication: str = Field(description="the publication that has the table; the department creates it")
    slot: str = Field(
        pattern=r"^[a-z0-9_]{1,63}$",
        description="replication slot of the hub's own, which the first pull creates",
    )
    most_changes: int = Field(
        500_000, ge=1, description="most changes a run takes up; the next run goes on behind them"
    )
    timeout_seconds: int = Field(600, ge=1, description="how long one statement may take at the department")
    largest_lag_mb: int = Field(
        1024, ge=1, description="how much log the slot may keep at the department before the hub warns"
    )


class QueueOptions(Group):
    """A queue of JSON messages, over AMQP 0-9-1."""

    name: str = Field(description="the queue")
    records: str = Field(
        "",
        description="dotted path of the record, or the list of records, in a message; the message itself without",
    )
    idle_seconds: float = Field(1, gt=0, description="a run ends when no message came for so long")
    most_messages: int = Field(
        20_000, ge=1, le=65_535, description="most messages a run takes up; the next run goes on behind them"
    )


class StreamOptions(Options):
    """A stream of changes; exactly one of ``changes`` and ``queue``."""

    url: Address = Field(
        description="``postgresql://…`` or ``amqp://…``, ``amqps://…``; the password by reference"
    )
    changes: ChangesOptions | None = Field(None, description="changes of a PostgreSQL table")
    queue: QueueOptions | None = Field(None, description="messages of an AMQP queue")

    @model_validator(mode="after")
    def _one_stream(self) -> Self:
        if (self.changes is None) == (self.queue is None):
            raise ValueError("needs either 'changes' or 'queue', and not both.")
        return self

    def check(self, source: "Source") -> None:
        """Changes are applied by the row id, and a stream has its own order, so no watermark is of use."""
        if not source.row_id:
            raise DefinitionError("row_id is missing: a change names its row by it.")
        if source.watermark is not None:
            raise DefinitionError("watermark is of no use to a stream, which has an order of its own.")
