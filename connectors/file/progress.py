"""How far a source's files are read: per file its version, its SHA-256, and how many rows are committed."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

MEMBER = "!"


class Progress:
    """The state of one pull, kept per file name; a member of an archive is named ``archive!member``."""

    def __init__(self, state: Mapping[str, Any] | None) -> None:
        self._files: dict[str, dict[str, Any]] = dict((state or {}).get("files", {}))

    @property
    def names(self) -> Collection[str]:
        """The files that are known."""
        return self._files.keys()

    def keep(self, names: Collection[str]) -> None:
        """Forget the files that are gone."""
        self._files = {
            name: entry for name, entry in self._files.items() if name.partition(MEMBER)[0] in names
        }

    def is_done(self, name: str, version: str | None) -> bool:
        """Whether the file is read to its end and, without reading it again, known not to have changed."""
        entry = self._files.get(name)
        return bool(entry and entry["done"] and version is not None and entry["version"] == version)

    def has_read(self, name: str, version: str | None, sha256: Callable[[], str]) -> bool:
        """Whether the content is read to its end already; the digest of a file that is new is not waited for."""
        return name in self._files and bool(self.begin(name, version, sha256())["done"])

    def begin(self, name: str, version: str | None, sha256: str) -> dict[str, Any]:
        """Return the file's entry: gone on with where the content is the same, else to be read from its start."""
        former = self._files.get(name)
        if former and former["sha256"] == sha256:
            entry = former | {"version": version}
        else:
            high = former["high"] if former and former["done"] else None
            entry = {"version": version, "sha256": sha256, "rows": 0, "done": False}
            entry |= {"floor": high, "high": high}
        self._files[name] = entry
        return entry

    def note(self, name: str, entry: dict[str, Any]) -> None:
        """Say how far the file is read."""
        self._files[name] = entry

    def state(self) -> dict[str, Any]:
        """Return what is to be stored, JSON-ready."""
        return {"files": dict(self._files)}
