"""Looking at files of layers of which nothing is known: which layers are in them, and their first features."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.file.archives import Archive, is_archive, unpacked
from connectors.file.places import Found
from connectors.look import SAMPLED_ROWS, Glance, Look
from connectors.options import parsed
from connectors.spatial.files import LayerFiles, layer_extracted, layer_members
from connectors.spatial.layers import VALIDITY, Layer, layer_names
from connectors.spatial.options import SpatialOptions
from connectors.spatial.wholeness import require_whole


def look(given: Mapping[str, Any], rows: int = SAMPLED_ROWS) -> list[Look]:
    """Look at the layer that ``given`` names, or at every layer of the (last) file; ``given`` are options of ``spatial``.

    Raises a ``SourceError`` where nothing can be read.
    """
    glance = _glance(given)
    with LayerFiles(glance) as files:
        found = files.listing(()).ready[-1:]
        looks: list[Look] = []
        for one in found:
            with files.fetched(one) as path:
                looks += list(_looks(path, one, given, rows))
    return looks


def _glance(given: Mapping[str, Any], columns: tuple[str, ...] = ()) -> Glance:
    return Glance(parsed("spatial", SpatialOptions, given), columns)


def _looks(path: Path, found: Found, given: Mapping[str, Any], rows: int) -> Iterator[Look]:
    glance = _glance(given)
    if not is_archive(found.name):
        with unpacked(path, glance) as content:
            yield from _layers(content, Path(found.name).name, given, rows)
        return
    with Archive(path, glance) as archive:
        for member in layer_members(archive, found.name, glance):
            with layer_extracted(archive, member) as content:
                known = {**given, "members": member.name}
                yield from _layers(content, f"{Path(found.name).name}!{member.name}", known, rows)


def _layers(path: Path, title: str, given: Mapping[str, Any], rows: int) -> Iterator[Look]:
    kind = require_whole(path, _glance(given))
    named = given.get("layer")
    names = [str(named)] if named else layer_names(path)
    for name in names:
        told = {**given, "layer": name} if named or len(names) > 1 else dict(given)
        shape = Layer(path, kind, _glance(told), name).shape
        layer = Layer(path, kind, _glance(told, tuple(shape)), name)
        yield Look(
            f"{title}: {name}" if len(names) > 1 else title, told, shape, _sample(layer, rows), "spatial"
        )


def _sample(layer: Layer, rows: int) -> pa.Table:
    first = next(layer.tables(rows), None)
    if first is None:
        return pa.table({name: pa.nulls(0, pa.string()) for name in layer.shape})
    return first.select([name for name in layer.shape if name != VALIDITY]).slice(0, rows)
