"""Reading sources from YAML: one file a source, ``${name}`` replaced by the hub's own variables."""

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from connectors.mapping import parse_mapping
from connectors.source import Comparison, Source, Tombstone, Watermark
from schemas.errors import DefinitionError, HubError

_REQUIRED = ("code", "resource", "department", "title", "ordinal", "connector", "options", "mapping")


def load_source(path: Path, variables: Mapping[str, str | Path]) -> Source:
    """Read one source from a YAML file, ``${name}`` replaced from ``variables``; raises ``DefinitionError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise DefinitionError(f"{path.name} is not readable YAML: {error}.", file=path.name) from error
    return read_source(text, path.name, variables)


def read_source(text: str, name: str, variables: Mapping[str, str | Path]) -> Source:
    """Read one source from YAML; errors name ``name``, where the text is from."""
    import yaml

    try:
        return _parse(_fill_variables(yaml.safe_load(text), variables, "definition"))
    except HubError as error:
        raise DefinitionError(f"{name}: {error.detail}", hint=error.hint, file=name) from None
    except yaml.YAMLError as error:
        raise DefinitionError(f"{name} is not readable YAML: {error}.", file=name) from error


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
    for name in _REQUIRED:
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
        drift=_text(raw, "drift") if raw.get("drift") is not None else "freeze",
        deletions=_deletions(raw.get("deletions")),
        schedule=_text(raw, "schedule") if raw.get("schedule") is not None else None,
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


def _deletions(value: Any) -> Comparison | Tombstone | None:
    if value is None:
        return None
    kinds: Mapping[str, type[Comparison] | type[Tombstone]] = {
        "comparison": Comparison,
        "tombstone": Tombstone,
    }
    if not isinstance(value, dict) or value.get("by") not in kinds:
        raise DefinitionError(
            "field 'deletions' is not of the form {by: comparison} or {by: tombstone, column: …}."
        )
    made = kinds[value["by"]]
    given: dict[str, Any] = {
        name: tuple(map(str, entry)) if isinstance(entry, list) else entry for name, entry in value.items()
    }
    known = {entry.name for entry in fields(made)}
    if unknown := sorted(set(given) - known - {"by"}):
        raise DefinitionError(
            f"field 'deletions.{unknown[0]}' is unknown.", hint=f"Known are: {', '.join(sorted(known))}."
        )
    if made is Tombstone and not isinstance(given.get("column"), str):
        raise DefinitionError("field 'deletions.column' is missing.")
    del given["by"]
    return made(**given)


def _rules(value: Any) -> tuple[Mapping[str, Any], ...]:
    rules = value or []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) and "rule" in rule for rule in rules):
        raise DefinitionError("field 'quality' is not a list of rules, each with a 'rule'.")
    return tuple(rules)


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
