"""Looking at a place by the connector of its kind, and refusing what no draft can be made of."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.drafting.places import Place
from connectors.look import SAMPLED_ROWS, Look
from schemas.errors import DefinitionError, WrongFormat
from schemas.identifiers import is_valid

_PERSONAL = ("citizen_number", "mobile_phone", "credit_code")
_VALUE = re.compile(r"^[+-]?[\d,.]+%?$|^\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}")
_MOSTLY = 0.5


def looks(place: Place, rows: int = SAMPLED_ROWS) -> list[Look]:
    """Return every table at the place that has a header; raises a ``SourceError`` where there is none, or nothing can be read."""
    with place.entered():
        found = _looks(place.kind, place.options, rows)
    headed = [one for one in found if has_header(one)]
    if not headed:
        raise WrongFormat(
            f"{found[0].title if found else 'The place'} has no row with the names of its columns: what stands in their place are values.",
            hint="Ask the department for a header, or say which row it is with --option header=NUMBER.",
        )
    return headed


def _looks(kind: str, options: Mapping[str, Any], rows: int) -> list[Look]:
    if kind == "file":
        from connectors.file.look import look as file_look

        return file_look(
            str(options["path"]), {name: value for name, value in options.items() if name != "path"}, rows
        )
    if kind == "sql":
        from connectors.sql.look import look as sql_look

        return sql_look(options, rows)
    if kind == "spatial":
        from connectors.spatial.look import look as spatial_look

        return spatial_look(options, rows)
    if kind == "rest":
        from connectors.rest.look import look as rest_look

        return rest_look(options, rows)
    raise DefinitionError(
        f"Systems of connector {kind} cannot be looked at.",
        hint="Write the definition by hand; see docs/sources.md.",
    )


def has_header(look: Look) -> bool:
    """Whether the columns' names are names: a value among them, which may be a person's, tells that there is no header."""
    names = [name.strip() for name in look.sample.column_names]
    if any(is_valid(kind, name.upper()) for kind in _PERSONAL for name in names):
        return False
    return sum(_VALUE.match(name) is not None for name in names) <= _MOSTLY * len(names)
