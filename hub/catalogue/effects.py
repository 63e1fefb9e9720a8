"""What the publication and the withdrawal of a catalogue entry do to the resource that it defines, in the same transaction."""

from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.actor import Actor
from catalog.entry import CatalogueEntry
from catalog.entry_steps import Effects
from catalog.published_resource import PublishedResources
from hub.publishing import publish_resource, standing, withdraw_resource
from schemas.resource import Sharing


def publish_entry(connection: Connection, entry: CatalogueEntry, actor: Actor) -> None:
    """Let an entry's records be read and fed from now on; where its next version has none to share, no longer.

    Raises as ``hub.publishing.publish_resource``: then the entry is not published either.
    """
    if not entry.is_queryable or entry.sharing is Sharing.NOT_SHARED:
        withdraw_entry(connection, entry, actor)
        return
    resource = entry.as_resource()
    known = standing(PublishedResources(connection, record_administration), resource.code)
    ships_it = known is not None and resource.version <= known.version and resource.items == known.items
    if not ships_it or (known and known.withdrawn):
        publish_resource(connection, resource, actor.id)


def withdraw_entry(connection: Connection, entry: CatalogueEntry, actor: Actor) -> None:
    """Let an entry's records be read and fed no longer, where they were."""
    found = PublishedResources(connection, record_administration).in_force(entry.id)
    if found is not None and not found.resource.withdrawn:
        withdraw_resource(connection, entry.id, actor.id, f"entry {entry.id} is withdrawn")


EFFECTS = Effects(published=publish_entry, withdrawn=withdraw_entry)
