"""Publishing a resource: its definition, its tables and its ledger entry, in one transaction.

From that moment sources may contribute to it and agreements may be made on it; no process is started anew for it.
"""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from audit.recording import record_administration
from base_libraries.storage import Tables, shape_tables
from catalog.published_resource import PublishedResources
from schemas.errors import DefinitionError
from schemas.publishable import check_publishable, digest_of
from schemas.resource import Resource, resources_shipped


@dataclass(frozen=True)
class Publication:
    """What came of it; ``new`` is False where exactly this version was in force already."""

    resource: Resource
    new: bool


def publish_resource(connection: Connection, resource: Resource, actor: str) -> Publication:
    """Publish a resource as the application; the caller commits, and everything or nothing is done.

    ``actor`` is who the ledger names. Raises ``DefinitionError`` that names all faults, ``AlreadyRegistered`` where the version
    is published with another content. The same version with the same content again changes nothing.
    """
    check_publishable(resource)
    published = PublishedResources(connection, record_administration)
    published.hold(resource.code)
    standing = published.in_force(resource.code)
    if standing and (standing.resource.version, standing.digest) == (resource.version, digest_of(resource)):
        return Publication(standing.resource, new=False)
    _require_newer_than_shipped(resource)
    laid = replace(resource, layout=tuple(item.name for item in resource.items))
    published.add(laid, actor=actor)
    shape_tables(connection, laid, Tables(laid).operations())
    return Publication(laid, new=True)


def withdraw_resource(connection: Connection, code: str, actor: str, reason: str) -> None:
    """Share a resource no longer: no calls, no contributions; what it holds is kept. The caller commits."""
    published = PublishedResources(connection, record_administration)
    published.hold(code)
    published.withdraw(code, actor=actor, reason=reason)


def _require_newer_than_shipped(resource: Resource) -> None:
    shipped = resources_shipped().get(resource.code)
    if shipped is not None and resource.version <= shipped.version:
        raise DefinitionError(
            f"Resource {resource.code} is shipped at version {shipped.version}, so version {resource.version} would not count.",
            hint=f"Raise its version to {shipped.version + 1}.",
            resource=resource.code,
        )
