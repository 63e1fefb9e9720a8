"""What a person types to say where a system is, as the kind of connector, its options, and the secrets taken out of it."""

import os
import re
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from connectors.secrets import refers
from schemas.errors import DefinitionError, SourceUnreachable

_DATABASES = ("postgresql", "postgres", "mysql", "mariadb", "sqlite", "oracle", "mssql", "dm", "kingbase")
_DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
_FILES = ("sftp", "ftp", "ftps", "s3")
_WEB = ("http", "https")
_LAYERS = (".gpkg", ".shp", ".geojson", ".gml", ".fgb")
_TABLES = (
    ".csv",
    ".tsv",
    ".txt",
    ".xls",
    ".xlsx",
    ".xlsm",
    ".xlsb",
    ".ods",
    ".parquet",
    ".xml",
    ".jsonl",
    ".ndjson",
    ".zip",
)
_SECRET = re.compile(
    r"pass(word|wd)?|pwd|secret|token|api_?key|app_?key|access_?key|app_?secret|^key$|^sign$|signature|^ak$|^sk$",
    re.IGNORECASE,
)
_SQLITE = b"SQLite format 3\0"
_MAGIC_BYTES = 4096


@dataclass(frozen=True)
class Place:
    """A system: the ``kind`` of connector that reads it, its ``options``, secrets by reference, and the ``secrets`` by variable."""

    kind: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)

    def told(self, options: Mapping[str, Any]) -> "Place":
        """Return the place with more options, which count before what was made out."""
        return replace(self, options={**self.options, **options})

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have the secrets in the environment, where references find them, for as long as the system is looked at."""
        former = {name: os.environ.get(name) for name in self.secrets}
        os.environ.update(self.secrets)
        try:
            yield
        finally:
            for name, value in former.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def place_of(typed: str) -> Place:
    """Make out what a path or a URL leads to; raises ``DefinitionError`` where it is neither, ``SourceUnreachable`` for no file."""
    scheme, found, _ = typed.partition("://")
    if not found:
        return _local(typed)
    kind = scheme.partition("+")[0].lower()
    try:
        urlsplit(typed).port  # noqa: B018 (raises where it is none)
    except ValueError:
        raise DefinitionError("The URL cannot be read; check its host and port.") from None
    if kind in _DATABASES:
        return _database(typed, kind)
    if kind in _FILES or (kind in _WEB and _suffix(urlsplit(typed).path) in (*_TABLES, *_LAYERS)):
        return _remote_file(typed)
    if kind in _WEB:
        return _interface(typed)
    raise DefinitionError(
        f"{scheme}:// leads to no kind of system that can be looked at.",
        hint="Give a file, a database's URL, an address of http(s), sftp, ftp or s3.",
    )


def _suffix(path: str) -> str:
    name = path.lower()
    for packed in (".gz", ".zst"):
        name = name.removesuffix(packed)
    return Path(name).suffix


def _variable(words: str, use: str) -> str:
    """Name the environment variable of a secret, after the database or interface that it opens."""
    bare = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")
    return f"{bare if bare[:1].isalpha() else 'SOURCE'}_{use}"


# ── files ────────────────────────────────────────────────────────────────────────────────────────────


def _local(typed: str) -> Place:
    path = Path(typed).expanduser().absolute()
    if path.is_file():
        if _is_plain_sqlite(path):
            return Place("sql", {"url": f"sqlite:///{path}"})
        return Place("spatial" if _is_layer(path) else "file", {"path": str(path)})
    several = any(sign in typed for sign in "*?[")
    if not several and not path.is_dir():
        raise SourceUnreachable(
            f"There is no file {path}.", hint="Check the path, or give a URL with its scheme."
        )
    kind = "spatial" if _suffix(typed) in _LAYERS else "file"
    return Place(kind, {"path": str(path)})


def _is_layer(path: Path) -> bool:
    if _suffix(path.name) in _LAYERS:
        return True
    with path.open("rb") as file:
        head = file.read(_MAGIC_BYTES)
    if head.startswith(_SQLITE):
        return True
    if zipfile.is_zipfile(path) and path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            return any(_suffix(name) in _LAYERS for name in archive.namelist())
    return b'"FeatureCollection"' in head and head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{"


def _is_plain_sqlite(path: Path) -> bool:
    """Whether it is an SQLite database, and no GeoPackage, which says so in a table of its own."""
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            return False
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            query = "SELECT count(*) FROM sqlite_master WHERE name = 'gpkg_contents'"
            return bool(database.execute(query).fetchone()[0] == 0)
    except sqlite3.Error:
        return path.suffix.lower() != ".gpkg"


def _remote_file(typed: str) -> Place:
    parts = urlsplit(typed)
    path = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    storage: dict[str, str] = {}
    secrets: dict[str, str] = {}
    if parts.username:
        storage["user"] = unquote(parts.username)
    if parts.password:
        password = unquote(parts.password)
        variable = _variable(parts.hostname or "", "PASSWORD")
        storage["password"] = password if refers(password) else f"${{env:{variable}}}"
        secrets = {} if refers(password) else {variable: password}
    kind = "spatial" if _suffix(parts.path) in _LAYERS else "file"
    return Place(kind, {"path": path, **({"storage": storage} if storage else {})}, secrets)


# ── databases and interfaces ─────────────────────────────────────────────────────────────────────────


def _database(typed: str, kind: str) -> Place:
    scheme, _, rest = typed.partition("://")
    url = f"{_DRIVERS.get(scheme, scheme)}://{rest}"
    parts = urlsplit(url)
    secrets: dict[str, str] = {}
    variable = _variable(parts.path.strip("/").rpartition("/")[2] or parts.hostname or "", "PASSWORD")
    if parts.password and not refers(unquote(parts.password)):
        # As it stands in the URL, with its escapes: the variable takes its place there.
        secrets[variable] = parts.password
        user = parts.netloc.rpartition("@")[0].partition(":")[0]
        url = url.replace(f"{user}:{parts.password}@", f"{user}:${{env:{variable}}}@", 1)
    url, more = _without_secrets(url, variable)
    return Place("sql", {"url": url}, secrets | more)


def _without_secrets(url: str, variable: str) -> tuple[str, dict[str, str]]:
    """Take the password out of the parameters of a database's URL, where some drivers have it."""
    query = urlsplit(url).query
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if _SECRET.search(name) and value and not refers(unquote(value)):
            return url.replace(pair, f"{name}=${{env:{variable}}}", 1), {variable: value}
    return url, {}


def _interface(typed: str) -> Place:
    parts = urlsplit(typed)
    words = parts.path.strip("/").rpartition("/")[2] or parts.hostname or ""
    kept, secret = [], None
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if _SECRET.search(name) and value and secret is None:
            secret = name, value
        else:
            kept.append((name, value))
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2], query=urlencode(kept), fragment="").geturl()
    if parts.username:
        return _with_login(
            url, unquote(parts.username), unquote(parts.password or ""), _variable(words, "PASSWORD")
        )
    if secret is None:
        return Place("rest", {"url": url})
    name, value = secret
    variable = _variable(words, "KEY")
    reference = value if refers(value) else f"${{env:{variable}}}"
    login = {"by": "api_key", "name": name, "place": "query", "key": reference}
    return Place("rest", {"url": url, "authentication": login}, {} if refers(value) else {variable: value})


def _with_login(url: str, user: str, password: str, variable: str) -> Place:
    reference = password if refers(password) else f"${{env:{variable}}}"
    login = {"by": "basic", "user": user, "password": reference}
    return Place(
        "rest", {"url": url, "authentication": login}, {} if refers(password) else {variable: password}
    )
