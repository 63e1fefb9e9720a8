"""Reading sources from YAML: one file a source, ``${name}`` replaced by the hub's own variables.

A definition that is wrong, or that meets another one's code or ordinal, is told and left out: it never stops the others.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from connectors.mapping import parse_mapping
from connectors.source import Comparison, Source, Tombstone, Watermark
from schemas.errors import DefinitionError, HubError

_REQUIRED = ("code", "resource", "department", "title", "ordinal", "connector", "options", "mapping")


@dataclass(frozen=True)
class Broken:
    """A definition that is left out: where it is from, the code it says, else what its file is called, and what is wrong."""

    name: str
    code: str
    error: DefinitionError


@dataclass(frozen=True)
class Definitions:
    """The sources by code, in order of ordinal, and the definitions that are left out."""

    sources: Mapping[str, Source]
    broken: tuple[Broken, ...] = ()


def load_source(path: Path, variables: Mapping[str, str | Path]) -> Source:
    """Read one source from a YAML file, ``${name}`` replaced from ``variables``; raises ``DefinitionError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise DefinitionError(f"{path.name} is not readable YAML: {error}.", file=path.name) from error
    return read_source(text, path.name, variables)


def read_source(text: str, name: str, variables: Mapping[str, str | Path]) -> Source:
    """Read one source from YAML; errors name ``name``, where the text is from, and the ``source``, where it says so."""
    import yaml

    raw: Any = None
    try:
        raw = yaml.safe_load(text)
        return _parse(_fill_variables(raw, variables, "definition"))
    except HubError as error:
        code = raw.get("code") if isinstance(raw, dict) else None
        context = {"file": name, "source": code if isinstance(code, str) else None}
        raise DefinitionError(f"{name}: {error.detail}", hint=error.hint, **context) from None
    except (yaml.YAMLError, RecursionError) as error:
        # Its own words quote the text, over several lines.
        what, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DefinitionError(
            f"{name} is not readable YAML: {what or 'it cannot be parsed'}{place}.", file=name
        ) from None


def load_sources(folder: Path, variables: Mapping[str, str | Path]) -> Mapping[str, Source]:
    """Read every ``*.yaml`` of a folder, by code in order of ordinal; raises ``DefinitionError`` where one is left out."""
    found = load_definitions(folder, variables)
    for broken in found.broken:
        raise broken.error
    return found.sources


def load_definitions(
    folder: Path, variables: Mapping[str, str | Path], registered: Mapping[str, str] | None = None
) -> Definitions:
    """Read every ``*.yaml`` of a folder, and the definitions ``registered`` elsewhere, by code.

    Where two have the same code or ordinal neither is taken: which of them speaks for what was contributed cannot be told.
    """
    readings: list[tuple[str, str, Callable[[], Source]]] = [
        (path.name, path.stem, partial(load_source, path, variables))
        for path in sorted(folder.glob("*.yaml"))
    ]
    for code, text in (registered or {}).items():
        name = f"registered source {code}"
        readings.append((name, code, partial(read_source, text, name, variables)))
    sources: list[tuple[str, Source]] = []
    broken: list[Broken] = []
    for name, code, read in readings:
        try:
            sources.append((name, read()))
        except DefinitionError as error:
            broken.append(Broken(name, str(error.context.get("source", code)), error))
    broken += (meetings := list(_meetings(sources)))
    met = {one.name for one in meetings}
    kept = sorted((source for name, source in sources if name not in met), key=lambda one: one.ordinal)
    return Definitions({source.code: source for source in kept}, tuple(broken))


def _meetings(sources: list[tuple[str, Source]]) -> Iterable[Broken]:
    """Yield the definitions whose code or ordinal is that of another."""
    names = defaultdict(list)
    for name, source in sources:
        for field in ("code", "ordinal"):
            names[field, getattr(source, field)].append(name)
    for name, source in sources:
        for field in ("code", "ordinal"):
            value = getattr(source, field)
            if others := [other for other in names[field, value] if other != name]:
                error = DefinitionError(
                    f"{name}: {field} {value!r} is taken by {' and '.join(others)} too.",
                    hint="Give it to the one by which rows have come; until then neither is used.",
                    file=name,
                    source=source.code,
                )
                yield Broken(name, source.code, error)
                break


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
