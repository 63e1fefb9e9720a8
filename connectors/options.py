"""Options of connectors: each kind declares its own as a frozen model, which checks them and makes their documentation.

``Options`` is the base; the kinds' models stand in the packages beside (``connectors.sql.options``, …). A wrong option is a
``DefinitionError`` that names it. ``python -m connectors.options KIND`` prints the table of the kind's page in ``docs``.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from connectors.secrets import refers
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from connectors.source import Source


def _by_reference(value: str) -> str:
    if not refers(value):
        raise ValueError("is a secret, so give a reference: ${env:…}, ${file:…} or ${airflow:…}.")
    return value


def _password_by_reference(value: str) -> str:
    found = re.search(r"://[^/@]*?:([^/@]*)@", value)
    if found and found[1] and not refers(found[1]):
        raise ValueError("holds a password, so give a reference: ${env:…}, ${file:…} or ${airflow:…}.")
    return value


Secret = Annotated[str, AfterValidator(_by_reference)]
"""A text that a definition may hold by reference alone."""

Address = Annotated[str, AfterValidator(_password_by_reference)]
"""A URL whose password, if there is one, a definition may hold by reference alone."""


class Group(BaseModel):
    """Options that belong together, under a name of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Options(Group):
    """What a kind of connector can be told; every field has a description."""

    def check(self, source: "Source") -> None:
        """Check what the options demand of the rest of the definition; raises ``DefinitionError``."""


def parsed(kind: str, model: type[Options], given: Mapping[str, Any]) -> Options:
    """Check options as a definition gives them; raises ``DefinitionError`` naming ``options.<name>``."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
    raise _refusal(kind, model, fault)


def table(model: type[Options]) -> str:
    """Return the options as a Markdown table."""
    return "\n".join(("| Option | Meaning | Default |", "| --- | --- | --- |", *_rows(model)))


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"| `{prefix}{name}` | {field.description} | {_default(field)} |"
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _rows(kind, f"{prefix}{name}.")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else "none"
    return "none" if field.default in (None, (), "", {}) else f"`{field.default}`"


def _refusal(kind: str, model: type[Options], fault: ErrorDetails) -> DefinitionError:
    place = ".".join(
        ("options", *(str(part) for part in fault["loc"] if not str(part).startswith("function")))
    )
    if fault["type"] == "extra_forbidden":
        known = ", ".join(sorted(model.model_fields))
        return DefinitionError(f"{place} is unknown to connector {kind}.", hint=f"Known are: {known}.")
    if fault["type"] == "missing":
        return DefinitionError(f"{place} is missing.")
    if fault["type"] == "literal_error":
        return DefinitionError(f"{place} is not {fault['ctx']['expected']}.")
    words = str(fault["ctx"]["error"]) if fault["type"] == "value_error" else fault["msg"]
    return DefinitionError(f"{place if fault['loc'] else 'options'}: {words}")


if __name__ == "__main__":
    from connectors.kinds import options_of

    sys.stdout.write(table(options_of(sys.argv[1])) + "\n")
