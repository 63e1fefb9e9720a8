"""HTTP: one file by its URL, or several where the server lists its folders as pages with links."""

import contextlib
from typing import Any
from urllib.parse import quote, unquote

from fsspec import AbstractFileSystem

from connectors.file.formats import Wanted
from connectors.file.places import is_unfinished
from connectors.file.servers import Server
from connectors.file.spool import CHUNK, Spool

_DENIED = (401, 403)
_PLAIN = "!#$%&'()*+,/:;=?@[]~"  # what stays as it is in a URL; a % begins what is quoted already


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
        return HTTPFileSystem(
            client_kwargs={"timeout": limits, "headers": headers},
            simple_links=False,
            skip_instance_cache=True,
        )

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


def _pour(content: Any, spool: Spool) -> None:
    while chunk := content.read(CHUNK):
        spool.write(chunk)


def _status(error: BaseException | None) -> int | None:
    while error is not None:
        status = getattr(error, "status", None)
        if isinstance(status, int):
            return status
        if isinstance(error, FileNotFoundError) and error.__cause__ is None:
            return 404
        error = error.__cause__
    return None
