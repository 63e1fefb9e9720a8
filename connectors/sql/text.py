"""Names and places of a department's database, written so that nothing in them can act or leak."""

import re
from collections.abc import Callable

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from connectors.source import Source
from schemas.errors import DefinitionError
from schemas.resource import resource_named

POSTGRESQL = re.compile(r"^postgres(ql)?(\+\w+)?://")
"""How the URL of a PostgreSQL begins, whatever driver it names."""

_NAME = re.compile(r"[^\x00-\x1f\x7f\"`\[\];]{1,128}")


def checked(name: str) -> str:
    """Return a table or column name, Chinese or not, or raise ``DefinitionError``: no quotes, brackets or semicolons."""
    if not _NAME.fullmatch(name):
        raise DefinitionError(f"{name!r} is not the name of a table or column.")
    return name


def quoted(name: str) -> str:
    """Return the name as a quoted SQL identifier."""
    return f'"{checked(name)}"'


def relation(source: Source, quote: Callable[[str], str]) -> str:
    """Write what is selected from: the table, each part of its dotted name quoted, or the query in brackets; named ``delivered``."""
    if table := source.option("table"):
        return ".".join(quote(checked(part)) for part in str(table).split(".")) + " AS delivered"
    return f"({str(source.option('query')).strip().rstrip(';')}) AS delivered"


def geometries(source: Source) -> frozenset[str]:
    """Return the columns whose bytes are shapes: those of items that are geometries."""
    resource = resource_named(source.resource)
    fed = [mapped for name, mapped in source.mapping.items() if resource.item(name).geometry]
    return frozenset(column for mapped in fed for column in mapped.source_columns)


def place_of(source: Source) -> str:
    """Say which database it is, by host and name; never by user or password."""
    try:
        url = make_url(str(source.option("url")))
    except (ArgumentError, ValueError):
        raise DefinitionError(f"Source {source.code}: options.url is not a database URL.") from None
    host = url.host or url.query.get("host") or "this machine"
    return f"database {url.database or ''} at {host}{f':{url.port}' if url.port else ''}"
