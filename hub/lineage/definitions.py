"""What is remembered of the sources of a resource when a run over one of them stores its first batch."""

from base_libraries.definitions import Told
from connectors.datasets import dataset_of
from connectors.source import Source
from connectors.transforms import transformations
from hub.composition import Hub
from schemas.resource import Resource


def told_by(hub: Hub, source: Source) -> tuple[Told, ...]:
    """Return how every source of the resource feeds it now, since all their ranks decide; where it is, of this one alone."""
    resource = hub.resources[source.resource]
    return tuple(
        told_of(other, resource, located=other.code == source.code)
        for other in hub.sources.values()
        if other.resource == source.resource
    )


def told_of(source: Source, resource: Resource, *, located: bool) -> Told:
    """Return how a source feeds its resource, as its definition says; ``located``, also where it is."""
    items = {name: found.record() for name, found in transformations(source, resource).items()}
    told = {"department": source.department, "title": source.title, "connector": source.connector}
    dataset = dataset_of(source).record() if located else None
    return Told(source.code, source.ordinal, source.resource, told | {"items": items}, dataset)
