"""Publishing a resource: its definition, its tables and its ledger entry, in one transaction.

From that moment sources may contribute to it and agreements be made on it; no process is started anew for it. A new version is
planned first (``base_libraries.evolution``): where records have to be made ready it comes in force when they are (``hub.evolving``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml
from sqlalchemy import Connection, text

from audit.recording import record_administration
from base_libraries.evolution import Plan, plan
from base_libraries.rewriting import is_empty
from base_libraries.storage import Tables, shape_tables
from catalog.agreement import AgreementStatus
from catalog.published_resource import PublishedResources
from catalog.question_register import check_questions
from catalog.repository import Catalogue
from infra.clock import now
from schemas.errors import AlreadyRegistered, HubError, ItemStillUsed, NotYourPart
from schemas.publishable import check_publishable, digest_of
from schemas.resource import Resource, resources_shipped


@dataclass(frozen=True)
class Publication:
    """What came of it: ``new`` is False where exactly this version was published already, ``in_force`` where records have to be
    made ready for it first."""

    resource: Resource
    new: bool
    in_force: bool = True
    plan: Plan | None = None


def publish_resource(connection: Connection, resource: Resource, actor: str) -> Publication:
    """Publish a resource as the application; the caller commits, and everything or nothing is done.

    ``actor`` is who the ledger names. Raises ``DefinitionError`` that names all faults, ``AlreadyRegistered`` where the version
    is published with another content, ``VersionRefused`` where it cannot follow the one in force, ``ItemStillUsed`` where it
    drops what is read or fed. The same version with the same content again changes nothing.
    """
    check_publishable(resource)
    published = PublishedResources(connection, record_administration)
    published.hold(resource.code)
    if (same := _already(published, resource)) is not None:
        return same
    old = standing(published, resource.code)
    if old is None:
        published.add(resource, actor=actor)
        shape_tables(connection, resource, Tables(resource).operations())
        return Publication(resource, new=True)
    planned = plan(old, resource)
    refuse_used(connection, planned)
    ready = not planned.indexes or is_empty(connection, old)
    published.add(planned.new, actor=actor, in_force=ready)
    shape_tables(connection, planned.new, [*planned.columns, *(planned.indexes if ready else ())])
    return Publication(planned.new, new=True, in_force=ready, plan=planned)


def check_operators_own(connection: Connection, code: str) -> None:
    """Raise ``NotYourPart`` where a resource came of its catalogue entry: that goes its way through the authority's review."""
    written = text("SELECT FROM catalog.entry_version WHERE entry = :code LIMIT 1")
    if connection.execute(written, {"code": code}).first() is not None:
        raise NotYourPart(
            f"Resource {code} is what its entry in the catalogue says, which the authority reviews.",
            hint=f"Change or withdraw the entry: hub catalogue possible {code} --as PERSON",
        )


def standing(published: PublishedResources, code: str) -> Resource | None:
    """Return the version in force: the published one, or the shipped one; None where the resource is neither."""
    found = published.in_force(code)
    return found.resource if found else resources_shipped().get(code)


def planned_for(connection: Connection, resource: Resource) -> Plan | None:
    """Return what publishing would do to stored records, and do nothing; None where the resource is new."""
    check_publishable(resource)
    old = standing(PublishedResources(connection, record_administration), resource.code)
    return plan(old, resource) if old else None


def withdraw_resource(connection: Connection, code: str, actor: str, reason: str) -> None:
    """Share a resource no longer: no calls, no contributions; what it holds is kept. The caller commits."""
    published = PublishedResources(connection, record_administration)
    published.hold(code)
    published.withdraw(code, actor=actor, reason=reason)


def _already(published: PublishedResources, resource: Resource) -> Publication | None:
    versions = published.of(resource.code)
    if not versions:
        return None
    newest = versions[-1]
    if (newest.resource.version, newest.digest) == (
        resource.version,
        digest_of(resource),
    ) and not newest.withdrawn_at:
        return Publication(newest.resource, new=False, in_force=newest.in_force_at is not None)
    if any(one.resource.version == resource.version for one in versions):
        raise AlreadyRegistered(
            f"Version {resource.version} of resource {resource.code} is published, and never changes.",
            hint=f"Raise its version to {newest.resource.version + 1}.",
        )
    if newest.in_force_at is None:
        raise AlreadyRegistered(
            f"Version {newest.resource.version} of resource {resource.code} is not in force yet.",
            hint=f"Run first: hub resource migrate {resource.code}",
        )
    return None


def refuse_used(connection: Connection, planned: Plan) -> None:
    """Raise ``ItemStillUsed``, naming all, where an agreement would not hold against the new version or a source feeds what it drops."""
    agreements = _agreements_against(connection, planned.new)
    sources = _sources_feeding(connection, planned) if planned.dropped else []
    if agreements or sources:
        told = [f"agreement {id_}" for id_ in agreements] + [f"source {code}" for code in sources]
        raise ItemStillUsed(
            f"Version {planned.new.version} of resource {planned.new.code} drops what is still used by {', '.join(told)}.",
            hint="End or amend the agreements and define the sources anew first (Decree 809, article 27).",
            resource=planned.new.code,
        )


def _agreements_against(connection: Connection, new: Resource) -> list[str]:
    against = []
    for agreement in Catalogue(connection, record_administration).agreements():
        ended = agreement.status is AgreementStatus.ENDED or agreement.valid_to <= now()
        if agreement.resource != new.code or ended:
            continue
        try:
            agreement.check_against(new)
            check_questions(connection, agreement, new)
        except HubError:
            against.append(agreement.id)
    return against


def _sources_feeding(connection: Connection, planned: Plan) -> Sequence[str]:
    rows = connection.execute(text("SELECT code, definition FROM catalog.source ORDER BY code")).all()
    found = [(row.code, yaml.safe_load(row.definition)) for row in rows]
    return [
        code
        for code, raw in found
        if raw.get("resource") == planned.new.code and set(planned.dropped) & set(raw.get("mapping") or ())
    ]
