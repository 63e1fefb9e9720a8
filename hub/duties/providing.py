"""Whose duty a resource or a source is: the organisations that provide and deliver."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from connectors.source import Source
from schemas.resource import Resource

_PROVIDERS = text("SELECT id, provider FROM catalog.entry WHERE id = ANY(:codes) AND in_force IS NOT NULL")
_CODES = text(
    "SELECT name, min(code) AS code FROM catalog.organisation WHERE name = ANY(:names) GROUP BY name HAVING count(*) = 1"
)


def providers_of(connection: Connection, resources: Sequence[Resource]) -> dict[str, str]:
    """Return by resource who its entry says provides it, else who is registered by the name of its provider."""
    codes = [resource.code for resource in resources]
    told = {row.id: row.provider for row in connection.execute(_PROVIDERS, {"codes": codes})}
    of = _registered(connection, [resource.provider for resource in resources])
    named = {resource.code: of[resource.provider] for resource in resources if resource.provider in of}
    return named | told


def collectors_of(connection: Connection, sources: Iterable[Source]) -> dict[str, str]:
    """Return the codes of the departments that deliver, by name."""
    return _registered(connection, [source.department for source in sources])


def _registered(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Return the codes of organisations by name; one name of several is nobody's."""
    return {row.name: row.code for row in connection.execute(_CODES, {"names": sorted(set(names))})}
