"""A department system's contribution to one resource, as its YAML file in ``connectors/sources`` states it.

A ``Source`` that exists is valid: its items are the resource's, its columns are named, its connector has the
options it needs. Secrets stay out of it: ``${env:NAME}`` and ``${file:PATH}`` are kept as written and filled
in only by ``Source.option``, at the moment a connector opens the system.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.mapping import ItemMapping, parse_mapping
from schemas.errors import ConfigurationError, DefinitionError, HubError
from schemas.resource import NAME, Resource, Sensitivity, resource_named

CONNECTORS = ("sql", "file")
FILE_FORMATS = ("csv", "excel", "json", "geopackage")
WATERMARK_TYPES = ("datetime", "date", "integer", "string")
DEFAULT_RANK = 100

_OPTIONS = {
    "sql": frozenset({"url", "table", "query", "timeout_seconds"}),
    "file": frozenset(
        {"path", "format", "encoding", "delimiter", "record_path", "sheet", "header", "layer", "crs"}
    ),
}
_SECRET = re.compile(r"\$\{(env|file):([^${}]+)\}")


@dataclass(frozen=True)
class Watermark:
    """The column whose growth shows what is new; ``type`` is one of ``WATERMARK_TYPES``."""

    column: str
    type: str = "datetime"

    def __post_init__(self) -> None:
        if self.type not in WATERMARK_TYPES:
            raise DefinitionError(f"watermark.type {self.type!r} is not one of {', '.join(WATERMARK_TYPES)}.")


@dataclass(frozen=True)
class Source:
    """One department system and what it says about one resource.

    ``ordinal`` is a stable number, unique among sources, for provenance. ``row_id`` names the column(s) by which the
    department knows a row; empty means the row number in its file. ``observed_at`` is the column that says when
    the department last saw the row so; without it the file's date or the time of the pull counts.
    ``authority`` ranks the source per item for survivorship: the lower rank wins.
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

    def __post_init__(self) -> None:
        if not NAME.match(self.code):
            raise DefinitionError(f"code {self.code!r} is not lower-case letters, digits and underscores.")
        if not 0 < self.ordinal < 2**15:
            raise DefinitionError(f"ordinal {self.ordinal} is not between 1 and 32767.")
        _check_connector(self)
        resource = _resource(self.resource)
        _check_items(self, resource)
        _check_references(self, resource)

    def rank(self, item: str) -> int:
        """Return the source's authority for that item; the lower wins."""
        return self.authority.get(item, self.authority.get("default", DEFAULT_RANK))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every raw column the hub needs of this source, each once: no more is read (Decree 809, article 25)."""
        wanted = [name for mapped in self.mapping.values() for name in mapped.source_columns]
        wanted += [*self.row_id, *([self.watermark.column] if self.watermark else [])]
        wanted += [self.observed_at] if self.observed_at else []
        return tuple(dict.fromkeys(wanted))

    def option(self, name: str, default: Any = None) -> Any:
        """Return an option with its secrets filled in; raises ``ConfigurationError`` when one is not there."""
        value = self.options.get(name, default)
        return _fill_secrets(value, f"Source {self.code}, option {name}") if isinstance(value, str) else value


def load_source(path: Path, variables: Mapping[str, str | Path]) -> Source:
    """Read one source from YAML, ``${name}`` replaced from ``variables``; raises ``DefinitionError``."""
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _parse(_fill_variables(raw, variables, "definition"))
    except HubError as error:
        raise DefinitionError(f"{path.name}: {error.detail}", hint=error.hint, file=path.name) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise DefinitionError(f"{path.name} is not readable YAML: {error}.", file=path.name) from error


def load_sources(folder: Path, variables: Mapping[str, str | Path]) -> Mapping[str, Source]:
    """Read every ``*.yaml`` of a folder, by code in order of ordinal; codes and ordinals must be unique."""
    found: dict[str, Source] = {}
    ordinals: dict[int, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        source = load_source(path, variables)
        if source.code in found:
            raise DefinitionError(
                f"{path.name}: code {source.code!r} is taken by another source.", file=path.name
            )
        if source.ordinal in ordinals:
            taken = ordinals[source.ordinal]
            raise DefinitionError(
                f"{path.name}: ordinal {source.ordinal} is taken by {taken}.", file=path.name
            )
        found[source.code] = source
        ordinals[source.ordinal] = source.code
    return dict(sorted(found.items(), key=lambda pair: pair[1].ordinal))


# ── parsing ──────────────────────────────────────────────────────────────────────────────────────────


def _parse(raw: Any) -> Source:
    if not isinstance(raw, dict):
        raise DefinitionError("the definition is not a mapping of fields.")
    known = set(Source.__dataclass_fields__)
    for name in raw:
        if name not in known:
            raise DefinitionError(
                f"field {name!r} is unknown.", hint=f"Known are: {', '.join(sorted(known))}."
            )
    for name in ("code", "resource", "department", "title", "ordinal", "connector", "options", "mapping"):
        if raw.get(name) is None:
            raise DefinitionError(f"field {name!r} is missing.")
    return Source(
        code=_text(raw, "code"),
        resource=_text(raw, "resource"),
        department=_text(raw, "department"),
        title=_text(raw, "title"),
        ordinal=_whole_number(raw["ordinal"], "ordinal"),
        connector=_text(raw, "connector"),
        options=_dict(raw, "options"),
        mapping={item: parse_mapping(item, entry) for item, entry in _dict(raw, "mapping").items()},
        watermark=_watermark(raw.get("watermark")),
        row_id=_names(raw.get("row_id")),
        observed_at=_text(raw, "observed_at") if raw.get("observed_at") is not None else None,
        authority={
            item: _whole_number(rank, f"authority.{item}") for item, rank in _dict(raw, "authority").items()
        },
        quality=_rules(raw.get("quality")),
    )


def _text(raw: Mapping[str, Any], name: str) -> str:
    if not isinstance(raw[name], str) or not raw[name].strip():
        raise DefinitionError(f"field {name!r} is not a text.")
    return raw[name]


def _dict(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name) or {}
    if not isinstance(value, dict):
        raise DefinitionError(f"field {name!r} is not a mapping.")
    return value


def _whole_number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DefinitionError(f"field {name!r} is not a whole number.")
    return value


def _names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value] if value is not None else []
    if not all(isinstance(name, str) and name for name in names):
        raise DefinitionError("field 'row_id' is not a column or a list of columns.")
    return tuple(names)


def _watermark(value: Any) -> Watermark | None:
    if value is None:
        return None
    if not isinstance(value, dict) or "column" not in value or set(value) - {"column", "type"}:
        raise DefinitionError("field 'watermark' is not of the form {column: …, type: …}.")
    return Watermark(**value)


def _rules(value: Any) -> tuple[Mapping[str, Any], ...]:
    rules = value or []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) and "rule" in rule for rule in rules):
        raise DefinitionError("field 'quality' is not a list of rules, each with a 'rule'.")
    return tuple(rules)


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────


def _resource(code: str) -> Resource:
    try:
        return resource_named(code)
    except HubError as error:
        raise DefinitionError(f"field 'resource': {error.detail}", hint=error.hint) from None


def _check_connector(source: Source) -> None:
    if source.connector not in CONNECTORS:
        raise DefinitionError(f"connector {source.connector!r} is not one of {', '.join(CONNECTORS)}.")
    for name in source.options:
        if name not in _OPTIONS[source.connector]:
            known = ", ".join(sorted(_OPTIONS[source.connector]))
            raise DefinitionError(
                f"options.{name} is unknown to connector {source.connector}.", hint=f"Known are: {known}."
            )
    required = "url" if source.connector == "sql" else "path"
    if not isinstance(source.options.get(required), str):
        raise DefinitionError(f"options.{required} is missing.")
    if source.connector == "file" and source.options.get("format") not in FILE_FORMATS:
        raise DefinitionError(f"options.format is not one of {', '.join(FILE_FORMATS)}.")
    if source.connector == "sql" and ("table" in source.options) == ("query" in source.options):
        raise DefinitionError("options needs either 'table' or 'query', and not both.")


def _check_items(source: Source, resource: Resource) -> None:
    named = [("mapping", set(source.mapping)), ("authority", set(source.authority) - {"default"})]
    named.append(("quality", {rule["item"] for rule in source.quality if "item" in rule}))
    known = {item.name for item in resource.items}
    for field_name, items in named:
        if unknown := sorted(items - known):
            raise DefinitionError(f"{field_name}.{unknown[0]} is no item of resource {resource.code}.")
    if resource.key.name not in source.mapping:
        raise DefinitionError(f"mapping does not say how to get the key, {resource.key.name!r}.")


def _check_references(source: Source, resource: Resource) -> None:
    """Row references and watermarks are stored and shown in the clear, so no personal column may serve as one."""
    if source.connector == "sql" and not source.row_id:
        raise DefinitionError("row_id is missing: an SQL source is paged by it.")
    references = {*source.row_id, *([source.watermark.column] if source.watermark else [])}
    for name, mapped in source.mapping.items():
        personal = resource.item(name).sensitivity >= Sensitivity.PERSONAL
        if personal and (taken := sorted(references.intersection(mapped.source_columns))):
            raise DefinitionError(
                f"column {taken[0]!r} feeds the sealed item {name!r} and cannot be row_id or watermark.",
                hint="Row references and watermarks are kept in the clear; name another column.",
            )


# ── placeholders ─────────────────────────────────────────────────────────────────────────────────────


def _fill_variables(value: Any, variables: Mapping[str, str | Path], place: str) -> Any:
    if isinstance(value, dict):
        return {key: _fill_variables(entry, variables, str(key)) for key, entry in value.items()}
    if isinstance(value, list):
        return [_fill_variables(entry, variables, place) for entry in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise DefinitionError(f"field {place!r} names the variable {match[1]!r}, which is not set.")
        return str(variables[match[1]])

    return re.sub(r"\$\{(\w+)\}", variable, value)


def _fill_secrets(value: str, place: str) -> str:
    return "".join(_secret_parts(value, place))


def _secret_parts(value: str, place: str) -> Iterator[str]:
    position = 0
    for match in _SECRET.finditer(value):
        yield value[position : match.start()]
        yield _secret(match[1], match[2], place)
        position = match.end()
    yield value[position:]


def _secret(kind: str, name: str, place: str) -> str:
    if kind == "env":
        if name not in os.environ:
            raise ConfigurationError(f"{place}: the environment variable {name} is not set.")
        return os.environ[name]
    try:
        return Path(name).expanduser().read_text(encoding="utf-8").strip()
    except OSError:
        raise ConfigurationError(f"{place}: the secret file {name} cannot be read.") from None
