"""The kinds of connectors: each a package of its own, its options light to load, its connector loaded when a system is opened."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from connectors.options import Options

if TYPE_CHECKING:
    from connectors.connector import Connector
    from connectors.source import Source

_OPTIONS = {
    "sql": "SqlOptions",
    "file": "FileOptions",
    "rest": "RestOptions",
    "spatial": "SpatialOptions",
    "push": "PushOptions",
    "stream": "StreamOptions",
}
_CONNECTORS = {
    "sql": "SqlConnector",
    "file": "FileConnector",
    "rest": "RestConnector",
    "spatial": "SpatialConnector",
    "push": "PushConnector",
    "stream": "StreamConnector",
}
KINDS = tuple(_OPTIONS)


def options_of(kind: str) -> type[Options]:
    """Return the model of a kind's options; ``kind`` is one of ``KINDS``."""
    model: type[Options] = getattr(import_module(f"connectors.{kind}.options"), _OPTIONS[kind])
    return model


def open_connector(source: "Source") -> "Connector":
    """Open the source's system; raises a ``SourceError`` that names source and place."""
    made: Callable[[Any], Connector] = getattr(
        import_module(f"connectors.{source.connector}.connector"), _CONNECTORS[source.connector]
    )
    return made(source)
