"""References to secrets in a source's options, filled in only when the department's system is opened.

``${env:NAME}`` is an environment variable, ``${file:PATH}`` the content of a file, ``${airflow:CONNECTION.field}`` a field
of an Airflow connection: ``login``, ``password``, ``host``, ``port``, ``schema``, ``uri`` or ``extra.NAME``. A definition
holds the reference as it is written, so no secret is in a repository, a log or a database.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.errors import ConfigurationError

_REFERENCE = re.compile(r"\$\{(env|file|airflow):([^${}]+)\}")
_AIRFLOW_FIELDS = ("login", "password", "host", "port", "schema", "uri")


def refers(text: str) -> bool:
    """Tell whether the text has a reference in it."""
    return _REFERENCE.search(text) is not None


def filled(value: Any, place: str) -> Any:
    """Return the option with every reference in it replaced; raises ``ConfigurationError`` naming ``place``."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _SECRETS[found[1]](found[2], place), value)
    if isinstance(value, Mapping):
        return {name: filled(entry, place) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(filled(entry, place) for entry in value)
    if isinstance(value, BaseModel):
        return value.model_copy(
            update={name: filled(getattr(value, name), place) for name in type(value).model_fields}
        )
    return value


def _environment(name: str, place: str) -> str:
    if name not in os.environ:
        raise ConfigurationError(f"{place}: the environment variable {name} is not set.")
    return os.environ[name]


def _file(name: str, place: str) -> str:
    try:
        return Path(name).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{place}: the secret file {name} cannot be read.") from None


def _airflow(name: str, place: str) -> str:
    code, _, field = name.partition(".")
    if field not in _AIRFLOW_FIELDS and not field.startswith("extra."):
        known = ", ".join((*_AIRFLOW_FIELDS, "extra.NAME"))
        raise ConfigurationError(
            f"{place}: {name!r} names no field of an Airflow connection.", hint=f"Known are: {known}."
        )
    connection = _connection(code, place)
    if field == "uri":
        return str(connection.get_uri())
    value = (
        connection.extra_dejson.get(field[6:]) if field.startswith("extra.") else getattr(connection, field)
    )
    if value is None:
        raise ConfigurationError(f"{place}: the Airflow connection {code} has no {field}.")
    return str(value)


def _connection(code: str, place: str) -> Any:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowException

    try:
        return Connection.get(code)
    except (AirflowException, ValueError):
        raise ConfigurationError(
            f"{place}: there is no Airflow connection {code}.",
            hint=f"Add it in Airflow, or set AIRFLOW_CONN_{code.upper()}.",
        ) from None


_SECRETS: Mapping[str, Callable[[str, str], str]] = {"env": _environment, "file": _file, "airflow": _airflow}
