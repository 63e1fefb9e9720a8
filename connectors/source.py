"""A department system's contribution to one resource, as its definition states it.

A ``Source`` that exists is valid: its items are the resource's, its columns are named, its connector has the
options it needs. Secrets stay out of it: references are kept as written and filled in only by ``Source.option``, at the
moment a connector opens the system.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.kinds import KINDS, options_of
from connectors.mapping import ItemMapping
from connectors.options import Options, parsed
from connectors.secrets import filled
from schemas.errors import DefinitionError, HubError
from schemas.resource import NAME, Resource, Sensitivity, resource_named

WATERMARK_TYPES = ("datetime", "date", "integer", "string")
DRIFT_POLICIES = ("freeze", "evolve", "quarantine")
DEFAULT_RANK = 100


@dataclass(frozen=True)
class Watermark:
    """The column whose growth shows what is new; ``type`` is one of ``WATERMARK_TYPES``."""

    column: str
    type: str = "datetime"

    def __post_init__(self) -> None:
        if self.type not in WATERMARK_TYPES:
            raise DefinitionError(f"watermark.type {self.type!r} is not one of {', '.join(WATERMARK_TYPES)}.")


@dataclass(frozen=True)
class Comparison:
    """Deletions found by comparing keys: what the hub has of the source and the department has no more is gone.

    A department that suddenly lacks more than the share ``at_most`` of its rows is not believed: the run is refused. All keys
    are read for it, so it is done once in ``every_hours``.
    """

    at_most: float = 0.1
    every_hours: float = 24

    def __post_init__(self) -> None:
        if not 0 < self.at_most <= 1:
            raise DefinitionError("deletions.at_most is not a share above 0 and up to 1.")


@dataclass(frozen=True)
class Tombstone:
    """Deletions told by a column: a row is gone when it has one of ``values``, or any value where none are named."""

    column: str
    values: tuple[str, ...] = ()

    def gone(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Tell row by row whether it is gone."""
        text = column.cast(pa.string())
        if self.values:
            return pc.fill_null(pc.is_in(text, pa.array(self.values)), False)
        return pc.fill_null(pc.not_equal(text, ""), False)


@dataclass(frozen=True)
class Source:
    """One department system and what it says about one resource.

    ``ordinal`` is a stable number, unique among sources, for provenance. ``row_id`` names the column(s) by which the
    department knows a row; empty means the row number in its file. ``observed_at`` is the column that says when
    the department last saw the row so; without it the file's date or the time of the pull counts.
    ``authority`` ranks the source per item for survivorship: the lower rank wins. ``drift`` is what happens when the
    system's columns change, one of ``DRIFT_POLICIES``; ``deletions`` how rows that are gone are told; ``schedule`` a cron
    expression in China's time, where the resource's update cycle is not what holds.
    """

    code: str
    resource: str
    department: str
    title: str
    ordinal: int
    connector: str
    options: Mapping[str, Any]
    mapping: Mapping[str, ItemMapping]
    watermark: Watermark | None = None
    row_id: tuple[str, ...] = ()
    observed_at: str | None = None
    authority: Mapping[str, int] = field(default_factory=dict)
    quality: tuple[Mapping[str, Any], ...] = ()
    drift: str = "freeze"
    deletions: Comparison | Tombstone | None = None
    schedule: str | None = None

    def __post_init__(self) -> None:
        if not NAME.match(self.code):
            raise DefinitionError(f"code {self.code!r} is not lower-case letters, digits and underscores.")
        if not 0 < self.ordinal < 1000:
            raise DefinitionError(f"ordinal {self.ordinal} is not between 1 and 999.")
        if self.connector not in KINDS:
            raise DefinitionError(f"connector {self.connector!r} is not one of {', '.join(KINDS)}.")
        if self.drift not in DRIFT_POLICIES:
            raise DefinitionError(f"drift {self.drift!r} is not one of {', '.join(DRIFT_POLICIES)}.")
        self.settings.check(self)
        resource = _resource(self.resource)
        _check_items(self, resource)
        _check_deletions(self)
        _check_references(self, resource)

    def rank(self, item: str) -> int:
        """Return the source's authority for that item; the lower wins."""
        return self.authority.get(item, self.authority.get("default", DEFAULT_RANK))

    @property
    def tombstone(self) -> Tombstone | None:
        """The column that tells which rows are gone, where there is one."""
        return self.deletions if isinstance(self.deletions, Tombstone) else None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every raw column the hub needs of this source, each once: no more is read (Decree 809, article 25)."""
        wanted = [name for mapped in self.mapping.values() for name in mapped.source_columns]
        return tuple(dict.fromkeys((*wanted, *self._marks)))

    @property
    def _marks(self) -> list[str]:
        """The columns that are no item's: they name rows, order them, or tell of their end."""
        named = (self.watermark, self.tombstone)
        found = [*self.row_id, *(mark.column for mark in named if mark)]
        return [*found, self.observed_at] if self.observed_at else found

    def lacks(self, found: Collection[str]) -> list[str]:
        """Return the columns without which the source cannot be read, and which are not among ``found``.

        Where drift is not frozen these are the key's, and those that name and order rows; every other may be missing.
        """
        needed = self.columns if self.drift == "freeze" else self.vital_columns
        return [name for name in needed if name not in found]

    @property
    def key(self) -> str:
        """The item that is the resource's key."""
        return _resource(self.resource).key.name

    @property
    def vital_columns(self) -> tuple[str, ...]:
        """The columns without which no row is one, whatever the policy: the key's, and those that name and order rows."""
        key = self.mapping[self.key].source_columns
        return tuple(dict.fromkeys((*key, *self._marks)))

    @cached_property
    def settings(self) -> Options:
        """The options, checked, with the defaults of those not given; references to secrets as they are written."""
        return parsed(self.connector, options_of(self.connector), self.options)

    def option(self, name: str) -> Any:
        """Return an option with its secrets filled in; raises ``ConfigurationError`` when one is not there."""
        return filled(getattr(self.settings, name), f"Source {self.code}, option {name}")


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────


def _resource(code: str) -> Resource:
    try:
        return resource_named(code)
    except HubError as error:
        raise DefinitionError(f"field 'resource': {error.detail}", hint=error.hint) from None


def _check_items(source: Source, resource: Resource) -> None:
    named = [("mapping", set(source.mapping)), ("authority", set(source.authority) - {"default"})]
    named.append(("quality", {rule["item"] for rule in source.quality if "item" in rule}))
    known = {item.name for item in resource.items}
    for field_name, items in named:
        if unknown := sorted(items - known):
            raise DefinitionError(f"{field_name}.{unknown[0]} is no item of resource {resource.code}.")
    if resource.key.name not in source.mapping:
        raise DefinitionError(f"mapping does not say how to get the key, {resource.key.name!r}.")


def _check_deletions(source: Source) -> None:
    if source.deletions is not None and not source.row_id:
        raise DefinitionError("row_id is missing: a row that is gone is known by it.")


def _check_references(source: Source, resource: Resource) -> None:
    """Row references and watermarks are stored and shown in the clear, so no personal column may serve as one."""
    references = {*source.row_id, *([source.watermark.column] if source.watermark else [])}
    for name, mapped in source.mapping.items():
        personal = resource.item(name).sensitivity >= Sensitivity.PERSONAL
        if personal and (taken := sorted(references.intersection(mapped.source_columns))):
            raise DefinitionError(
                f"column {taken[0]!r} feeds the sealed item {name!r} and cannot be row_id or watermark.",
                hint="Row references and watermarks are kept in the clear; name another column.",
            )
