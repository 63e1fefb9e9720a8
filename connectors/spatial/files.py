"""Delivered files of layers: got, remembered and gone on with as all files are; a Shapefile's parts are one file."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from connectors.file.archives import ARCHIVE, Archive, Member
from connectors.file.connector import FileConnector, digest_of
from connectors.file.delivered import DeliveredFiles, Listing
from connectors.file.formats import Reading, Wanted
from connectors.file.places import Found
from connectors.file.spool import written_to
from connectors.source import Source
from connectors.spatial import shapefile
from connectors.spatial.layers import read_layer
from schemas.errors import WrongFormat

_LAYERS = (".gpkg", ".shp", ".geojson", ".json", ".gml", ".xml", ".fgb")
_PACKED = (ARCHIVE, ".gz", ".zst")


class LayerFiles(DeliveredFiles):
    """A source's files; the parts of a Shapefile, on this machine or a mounted folder, count as one."""

    def __init__(self, source: Wanted) -> None:
        super().__init__(source)
        self._wanted = source
        self._remote = "://" in str(source.option("path"))

    def listing(self, known: Collection[str]) -> Listing:
        """List the files that are layers or archives; of one that is named without wildcards that is not asked."""
        listing = super().listing(known)
        several = any(sign in str(self._wanted.option("path")) for sign in "*?[")
        chosen = [file for file in listing.ready if not several or is_layer(file.name, _PACKED)]
        return Listing(
            frozenset(file.name for file in chosen) | listing.names, tuple(map(self._whole, chosen))
        )

    def require_unchanged(self, found: Found) -> None:
        """Raise ``TruncatedFile`` when the file, or a part of it, was written to since it was listed."""
        if not found.name.lower().endswith(shapefile.SUFFIX):
            super().require_unchanged(found)
        elif self._version(Path(found.path)) != found.version:
            raise written_to(self._wanted, found.name)

    def _whole(self, found: Found) -> Found:
        if not found.name.lower().endswith(shapefile.SUFFIX):
            return found
        if self._remote:
            raise WrongFormat(
                f"Source {self._wanted.code}, file {found.name} is a Shapefile in parts, which servers cannot give at once.",
                hint="Ask the department to deliver it as a ZIP.",
                source=self._wanted.code,
                file=found.name,
            )
        return replace(found, version=self._version(Path(found.path)))

    @staticmethod
    def _version(path: Path) -> str | None:
        try:
            stats = [part.stat() for part in (path, *shapefile.beside(path))]
        except FileNotFoundError:
            return None
        return ",".join(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)


class SpatialFiles(FileConnector):
    """A department's deliveries of layers."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, LayerFiles(source))

    def documents(self, archive: Archive, name: str) -> list[Member]:
        """Return the members that are layers; a Shapefile's version is that of all its parts."""
        return layer_members(archive, name, self._source)

    def extracted(self, archive: Archive, member: Member) -> AbstractContextManager[Path]:
        """Unpack a member, and beside it what belongs to it."""
        return layer_extracted(archive, member)

    def opened(self, path: Path, batch_rows: int) -> Reading:
        """Open a file for reading."""
        return read_layer(path, self._source, batch_rows)

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of the file with all its parts."""
        is_shapefile = path.suffix.lower() == shapefile.SUFFIX
        return digest_of([path, *shapefile.beside(path)] if is_shapefile else [path])


def is_layer(name: str, others: tuple[str, ...] = ()) -> bool:
    """Tell by the name whether a file may be a layer."""
    return name.lower().endswith((*_LAYERS, *others))


def layer_members(archive: Archive, name: str, wanted: Wanted) -> list[Member]:
    """Return an archive's members that are layers; raises ``WrongFormat`` where none is."""
    found = [
        replace(member, version=",".join(part.version for part in (member, *_parts(archive, member))))
        for member in archive.members()
        if is_layer(member.name)
    ]
    if not found:
        raise WrongFormat(
            f"Source {wanted.code}, file {name} has no member that is a layer.",
            hint="A Shapefile, GeoPackage, GeoJSON, GML or FlatGeobuf is expected in it.",
            source=wanted.code,
            file=name,
        )
    return found


@contextmanager
def layer_extracted(archive: Archive, member: Member) -> Iterator[Path]:
    """Unpack a member, and beside it what belongs to it, in one folder."""
    with ExitStack() as stack:
        parts = [stack.enter_context(archive.extracted(part)) for part in (member, *_parts(archive, member))]
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hub-layer-")))
        for part in parts:
            (folder / part.name).symlink_to(part)
        yield folder / parts[0].name


def _parts(archive: Archive, member: Member) -> list[Member]:
    """Return the members of the same name that belong to a Shapefile, or the schema of a GML."""
    suffixes = {".shp": shapefile.COMPANIONS, ".gml": (".xsd",), ".xml": (".xsd",)}
    path = PurePosixPath(member.name)
    return [
        other
        for other in archive.all_members()
        if PurePosixPath(other.name).with_suffix("") == path.with_suffix("")
        and PurePosixPath(other.name).suffix.lower() in suffixes.get(path.suffix.lower(), ())
    ]
