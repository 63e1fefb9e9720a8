"""The registered sources as they are written, with no system running and no secret filled in: for who only plans."""

from collections.abc import Mapping

from connectors.definition import load_sources
from connectors.source import Source
from infra.settings import Settings


class LaterKnown(dict[str, str]):
    """Stands for variables whose values only a pull needs: where the departments' systems are."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name


def registered_sources(settings: Settings) -> Mapping[str, Source]:
    """Return every registered source by code; a variable in its options stands as its own name."""
    return load_sources(settings.sources, LaterKnown())
