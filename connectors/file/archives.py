"""Compressed files and archives, told by their names: .gz and .zst are unpacked, of a .zip every member that matches."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pyarrow as pa

from connectors.file.formats import Wanted
from connectors.file.places import is_unfinished
from connectors.file.spool import CHUNK, spooled, too_large
from schemas.errors import SourceError, TruncatedFile, WrongFormat

ARCHIVE = ".zip"
_COMPRESSED = (".gz", ".zst")
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, NotImplementedError)
_END_OF_ZIP = b"PK\x05\x06"


@dataclass(frozen=True)
class Member:
    """A member of an archive; its version is its checksum and size, as the archive states them."""

    name: str
    version: str
    content: zipfile.ZipInfo


@contextmanager
def unpacked(path: Path, source: Wanted) -> Iterator[Path]:
    """Give the file unpacked where its name ends in .gz or .zst, else as it is."""
    if path.suffix.lower() not in _COMPRESSED:
        yield path
        return
    with spooled(source, path.stem) as spool:
        try:
            for chunk in _decompressed(path):
                spool.write(chunk)
        except EOFError:
            raise _cut(source, path.name) from None
        except _BROKEN:
            raise _broken(source, path.name) from None
        if not spool.size and path.stat().st_size < 4:
            raise _cut(source, path.name)
        yield spool.finish()


class Archive:
    """A ZIP whose members are read one by one."""

    def __init__(self, path: Path, source: Wanted) -> None:
        self._source, self._name = source, path.name
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError):
            cut = path.stat().st_size == 0 or _lacks_end(path)
            raise (_cut if cut else _broken)(source, path.name) from None

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *raised: object) -> None:
        self._zip.close()

    def members(self) -> list[Member]:
        """Return the members of ``options.members``, by name; raises ``WrongFormat`` when there is none."""
        pattern = str(self._source.option("members"))
        found = [member for member in self.all_members() if fnmatchcase(member.name, pattern)]
        if not found:
            raise WrongFormat(
                f"Source {self._source.code}, file {self._name} has no member {pattern}.",
                hint="Check options.members.",
                source=self._source.code,
                file=self._name,
            )
        return found

    def all_members(self) -> list[Member]:
        """Return all members that are finished, by name."""
        named = [(_member_name(entry), entry) for entry in self._zip.infolist() if not entry.is_dir()]
        found = [
            Member(name, f"{entry.file_size}:{entry.CRC:08x}", entry)
            for name, entry in named
            if not is_unfinished(name) and "__MACOSX/" not in name
        ]
        return sorted(found, key=lambda member: member.name)

    @contextmanager
    def extracted(self, member: Member) -> Iterator[Path]:
        """Unpack one member; raises ``WrongFormat`` when it is under a password, broken, or larger than allowed."""
        self._check(member)
        with spooled(self._source, member.name) as spool:
            try:
                with self._zip.open(member.content) as content:
                    while chunk := content.read(CHUNK):
                        spool.write(chunk)
            except (EOFError, *_BROKEN):
                raise _broken(self._source, f"{self._name}, member {member.name}") from None
            yield spool.finish()

    def _check(self, member: Member) -> None:
        if member.content.flag_bits & _ENCRYPTED:
            raise WrongFormat(
                f"Source {self._source.code}, file {self._name}: member {member.name} is under a password.",
                hint="Ask the department for it without a password.",
                source=self._source.code,
                file=self._name,
            )
        if member.content.file_size > int(self._source.option("largest_mib")) << 20:
            raise too_large(self._source, f"{self._name}, member {member.name}")


def is_archive(name: str) -> bool:
    """Whether the file has members."""
    return name.lower().endswith(ARCHIVE)


def _member_name(entry: zipfile.ZipInfo) -> str:
    """Names that are not marked as UTF-8 are GBK where Chinese Windows wrote them; Python reads them as code page 437."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return entry.filename


def _decompressed(path: Path) -> Iterator[bytes]:
    if path.suffix.lower() == ".gz":
        with gzip.open(path, "rb") as content:
            while chunk := content.read(CHUNK):
                yield chunk
        return
    with pa.input_stream(str(path), compression="zstd") as content:
        try:
            while chunk := content.read(CHUNK):
                yield chunk
        except OSError as error:  # Arrow tells a cut file from a broken one in words alone
            raise (EOFError if "Truncated" in str(error) else zlib.error) from None


def _lacks_end(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(2)
        file.seek(max(0, path.stat().st_size - 65_557))
        return head == b"PK" and _END_OF_ZIP not in file.read()


def _cut(source: Wanted, name: str) -> SourceError:
    return TruncatedFile(
        f"Source {source.code}, file {name} ends before what is packed in it does.",
        hint="Ask the department to deliver the file again.",
        source=source.code,
        file=name,
    )


def _broken(source: Wanted, name: str) -> SourceError:
    return WrongFormat(
        f"Source {source.code}, file {name} cannot be unpacked: it is broken.", source=source.code, file=name
    )
