"""Where a source's rows come from, named as OpenLineage names data sets: never a user, a password, a query or a token.

A namespace says which system (``postgres://host:5432``, ``s3://bucket``, ``file``), a name what of it. Where a definition
keeps the place itself by reference, the source's own code stands for it: what is a secret is not told.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from connectors.secrets import refers
from connectors.source import Source

_PORTS: Mapping[str, int] = {
    "postgres": 5432, "mysql": 3306, "oracle": 1521, "mssql": 1433, "sftp": 22, "ftp": 21, "ftps": 990, "amqp": 5672,
    "amqps": 5671,
}  # fmt: skip
_DIALECTS: Mapping[str, str] = {"postgresql": "postgres", "mariadb": "mysql"}
_WITH_SCHEMA = {"postgres": "public", "mssql": "dbo"}


@dataclass(frozen=True)
class Dataset:
    """A data set, by namespace and name."""

    namespace: str
    name: str

    def record(self) -> dict[str, str]:
        """Return it JSON-ready."""
        return asdict(self)


def dataset_of(source: Source) -> Dataset:
    """Return the data set that the source reads, the same in every process: no reference to a secret is filled in."""
    return _NAMERS[source.connector](source) or Dataset(f"{source.connector}://{source.code}", source.code)


def database_dataset(url: str, table: str) -> Dataset:
    """Name a table, its schema before a dot, of the database at an SQLAlchemy or libpq URL."""
    parts = urlsplit(url)
    dialect = parts.scheme.partition("+")[0]
    kind = _DIALECTS.get(dialect, dialect)
    path = unquote(parts.path)
    if kind == "sqlite":
        return Dataset(f"sqlite://{path.removeprefix('/')}", table if "." in table else f"main.{table}")
    schema = _WITH_SCHEMA.get(kind)
    name = f"{schema}.{table}" if schema and "." not in table else table
    return Dataset(_namespace(kind, parts), ".".join(filter(None, (path.strip("/"), name))))


def _namespace(scheme: str, parts: SplitResult) -> str:
    host, _, port = parts.netloc.rpartition("@")[2].partition(":")  # a socket has no host in its URL
    usual = _PORTS.get(scheme)
    told = port or (str(usual) if usual else "")
    return f"{scheme}://{host or 'localhost'}" + (f":{told}" if told else "")


def _of_sql(source: Source) -> Dataset | None:
    url = _place(source, "url")
    return url and database_dataset(url, source.options.get("table") or f"query.{source.code}")


def _of_files(source: Source) -> Dataset | None:
    place = _place(source, "path")
    return place and _file(place, source.options.get("layer"))


def _file(place: str, layer: Any = None) -> Dataset:
    inside = f"/{layer}" if layer else ""
    scheme, found, rest = place.partition("://")
    if not found:
        return Dataset("file", f"{place}{inside}")
    authority, _, path = rest.partition("/")
    if scheme == "s3":
        return Dataset(f"s3://{authority}", f"{path}{inside}")
    without_query = path.partition("?")[0] if scheme in ("http", "https") else path
    return Dataset(_namespace(scheme, urlsplit(f"{scheme}://{authority}")), f"/{without_query}{inside}")


def _of_spatial(source: Source) -> Dataset | None:
    service = source.options.get("service")
    if not isinstance(service, Mapping):
        return _of_files(source)
    url = str(service.get("url", ""))
    return None if _is_secret(url) else _file(url, source.options.get("layer"))


def _of_rest(source: Source) -> Dataset | None:
    url = _place(source, "url")
    return url and _file(url)


def _of_stream(source: Source) -> Dataset | None:
    url = _place(source, "url")
    if not url:
        return None
    if changes := source.options.get("changes"):
        return database_dataset(url, changes["table"])
    parts = urlsplit(url)
    return Dataset(_namespace(parts.scheme, parts), str(source.options["queue"]["name"]))


def _of_push(source: Source) -> Dataset | None:
    return Dataset(f"push://{source.code}", source.code)


def _place(source: Source, option: str) -> Any:
    """Return the option, or None where the place itself is a secret; a password by reference hides nothing else."""
    place = str(source.options.get(option) or "")
    unknown = not place or _is_secret(place) or (option == "url" and "://" not in place)
    return None if unknown else place


def _is_secret(place: str) -> bool:
    scheme, found, rest = place.partition("://")
    shown = scheme + rest.rpartition("@")[2] if found else place
    return refers(shown)


_NAMERS: Mapping[str, Callable[[Source], Dataset | None]] = {
    "sql": _of_sql, "file": _of_files, "rest": _of_rest, "spatial": _of_spatial, "stream": _of_stream, "push": _of_push,
}  # fmt: skip
