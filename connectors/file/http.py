"""HTTP: one file by its URL, or several where the server lists its folders as pages with links."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from fsspec import AbstractFileSystem
from yarl import URL

from connectors.file.formats import Wanted
from connectors.file.places import is_unfinished
from connectors.file.servers import Server
from connectors.file.spool import CHUNK, Spool

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

_DENIED = (401, 403)
_PLAIN = "!#$%&'()*+,/:;=?@[]~"  # what stays as it is in a URL; a % begins what is quoted already


class _SentElsewhere(OSError):
    """A redirect to another host, or to no encryption."""


class HttpServer(Server):
    """A web server; what it does not tell beside a file (size, time, tag) is found out by reading it."""

    def __init__(self, source: Wanted, url: str) -> None:
        from aiohttp import ClientError

        super().__init__(source, url)
        self.path = quote(url, safe=_PLAIN)  # links in pages are quoted, and a pattern is compared with them
        self.is_pattern = "*" in url.partition("?")[0]
        self.errors = (OSError, ClientError, ValueError)

    def open(self) -> AbstractFileSystem:
        """Prepare the session; HTTP logs in with every request."""
        import aiohttp
        from fsspec.implementations.http import HTTPFileSystem

        storage = self._storage
        headers = dict(storage.headers)
        if storage.user is not None:
            headers["Authorization"] = aiohttp.encode_basic_auth(storage.user, storage.password or "")
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._seconds, sock_read=self._seconds)
        session = {
            "timeout": limits,
            "headers": headers,
            "middlewares": (self._kept_home,) if headers else (),
        }
        return HTTPFileSystem(client_kwargs=session, simple_links=False, skip_instance_cache=True)

    async def _kept_home(self, request: "ClientRequest", ask: "ClientHandlerType") -> "ClientResponse":
        """Send keys to the host they are for: where an answer sends on to, they do not go."""
        home, there = URL(self.path).origin(), request.url.origin()
        safer = (home.scheme, there.scheme) == ("http", "https") and home.host == there.host
        if there != home and not safer:
            raise _SentElsewhere
        return await ask(request)

    def listed(self, files: AbstractFileSystem, pattern: str) -> dict[str, dict[str, Any]]:
        """Follow the links of the folder's page that fit; a page tells no more than names, so each file is asked about."""
        told = {}
        for path, link in files.glob(pattern, detail=True).items():
            name, _, ordering = path.partition("?")  # ?C=M;O=A and the like order the page anew
            if link["type"] != "file" or (ordering and name.endswith("/")) or is_unfinished(self.name(name)):
                continue
            with contextlib.suppress(FileNotFoundError):
                told[path] = self.info(files, path)
        return told

    def name(self, path: str) -> str:
        """Unquote the name, which many servers write in UTF-8 and some in GBK."""
        quoted = path.partition("?")[0]
        try:
            return unquote(quoted, errors="strict")
        except UnicodeDecodeError:
            return unquote(quoted, "gb18030", "replace")

    def info(self, files: AbstractFileSystem, path: str) -> dict[str, Any]:
        """Ask for the headers; a length of 0 is what some servers say when they do not know it yet."""
        told = dict(files.info(path))
        return told | {"size": told["size"] or None}

    def copy(self, files: AbstractFileSystem, path: str, spool: Spool) -> None:
        """Copy in one answer; gone on with by ranges, where the server knows them, else begun again."""
        if spool.size:
            try:
                with files.open(path, "rb", block_size=4 * CHUNK) as content:
                    content.seek(spool.size)
                    _pour(content, spool)
                    return
            except ValueError:  # it knows no ranges
                spool.start_again()
        with files.open(path, "rb", block_size=0) as content:
            _pour(content, spool)

    def is_login(self, error: Exception) -> bool:
        """401 and 403; fsspec words some of them as files that are not there."""
        return _status(error) in _DENIED

    def is_absent(self, error: Exception) -> bool:
        """404 and 410."""
        return _status(error) in (404, 410)

    def is_final(self, error: Exception) -> str:
        """An answer that sends on to another host does so the next time."""
        if any(isinstance(cause, _SentElsewhere) for cause in _causes(error)):
            return (
                "sends on to another host, where options.storage does not go: name that one in options.path"
            )
        return super().is_final(error)


def _pour(content: Any, spool: Spool) -> None:
    while chunk := content.read(CHUNK):
        spool.write(chunk)


def _status(error: Exception) -> int | None:
    for cause in _causes(error):
        status = getattr(cause, "status", None)
        if isinstance(status, int):
            return status
        if isinstance(cause, FileNotFoundError) and cause.__cause__ is None:
            return 404
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
