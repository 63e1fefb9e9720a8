"""The servers that keep files — SFTP, FTP, S3, HTTP — each as fsspec opens it, limited in time and to one connection."""

import ftplib
import glob
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlsplit

from fsspec import AbstractFileSystem

from connectors.file.formats import Wanted
from connectors.file.options import SCHEMES, Storage
from connectors.file.spool import CHUNK, Spool
from schemas.errors import ConfigurationError, DefinitionError


class Server(ABC):
    """One server: how it is entered, asked and copied from, and what its errors mean."""

    errors: tuple[type[Exception], ...] = (OSError, EOFError)

    def __init__(self, source: Wanted, url: str) -> None:
        self.scheme, _, rest = url.partition("://")
        self.host, _, path = rest.partition("/")
        self.path = f"/{path}"
        self.is_pattern = glob.has_magic(path)
        self.shown = f"{self.scheme}://{self.host}/{path.partition('?')[0]}"
        self._storage: Storage = source.option("storage")
        self._seconds = int(source.option("timeout_seconds"))

    @abstractmethod
    def open(self) -> AbstractFileSystem:
        """Connect."""

    @abstractmethod
    def copy(self, files: AbstractFileSystem, path: str, spool: Spool) -> None:
        """Copy the file into the spool, behind what is there already."""

    def listed(self, files: AbstractFileSystem, pattern: str) -> dict[str, dict[str, Any]]:
        """Return what the server tells of each file of a pattern, by its path."""
        return dict(files.glob(pattern, detail=True))

    def name(self, path: str) -> str:
        """Return the name of a file as people know it."""
        return path

    def info(self, files: AbstractFileSystem, path: str) -> dict[str, Any]:
        """Return what the server tells of one file; raises ``FileNotFoundError``."""
        return dict(files.info(path))

    def close(self, files: AbstractFileSystem) -> None:
        """Disconnect; what speaks HTTP ends its session by itself."""
        del files

    def is_login(self, error: Exception) -> bool:
        """Whether the server refused the user, or what the user may not see."""
        return isinstance(error, PermissionError)

    def is_absent(self, error: Exception) -> bool:
        """Whether the server says that there is no such file."""
        return isinstance(error, FileNotFoundError)

    def is_final(self, error: Exception) -> str:
        """Say why asking again is of no use; empty where it may be."""
        return "has no such file any more" if self.is_absent(error) else ""

    @property
    def _address(self) -> tuple[str, int | None]:
        host, _, port = self.host.rpartition(":")
        return (host, int(port)) if host and port.isdigit() else (self.host, None)


class FtpServer(Server):
    """FTP, with ``ftps://`` over TLS whose certificate is checked."""

    errors = (*ftplib.all_errors,)

    def open(self) -> AbstractFileSystem:
        """Log in; anonymously where no user is named."""
        from connectors.file.ftp import CheckedFtp

        host, port = self._address
        return CheckedFtp(
            host,
            port=port or ftplib.FTP_PORT,
            username=self._storage.user,
            password=self._storage.password,
            timeout=self._seconds,
            encoding=self._storage.names,
            tls=self.scheme == "ftps",
            skip_instance_cache=True,
        )

    def copy(self, files: AbstractFileSystem, path: str, spool: Spool) -> None:
        """Copy in one transfer, begun behind what is there (REST, RFC 3659)."""
        files.ftp.voidcmd("TYPE I")
        files.ftp.retrbinary(f"RETR {path}", spool.write, blocksize=1 << 16, rest=spool.size or None)

    def info(self, files: AbstractFileSystem, path: str) -> dict[str, Any]:
        """Look the file up in its folder: FTP describes files in no other way that all servers know."""
        folder = path.rpartition("/")[0] or "/"
        for told in files.ls(folder, detail=True):
            if told["name"] == path:
                return dict(told)
        raise FileNotFoundError(path)

    def close(self, files: AbstractFileSystem) -> None:
        """Hang up without waiting for the server's word."""
        files.ftp.close()

    def is_login(self, error: Exception) -> bool:
        """530 is the refusal of a login (RFC 959)."""
        return isinstance(error, ftplib.error_perm) and str(error)[:3] in ("530", "532")

    def is_absent(self, error: Exception) -> bool:
        """550 says that a file is not there."""
        return isinstance(error, FileNotFoundError) or (
            isinstance(error, ftplib.error_perm) and str(error).startswith("550")
        )


class S3Server(Server):
    """S3, Amazon's or another's."""

    def __init__(self, source: Wanted, url: str) -> None:
        from aiohttp import ClientError as TransferError
        from botocore.exceptions import BotoCoreError, ClientError

        super().__init__(source, url)
        self.path = f"{self.host}{self.path}"
        if self._storage.endpoint:
            self.shown += f" of {urlsplit(self._storage.endpoint).netloc.rpartition('@')[2]}"
        self.errors = (OSError, BotoCoreError, ClientError, TransferError)

    def open(self) -> AbstractFileSystem:
        """Open with the keys of the definition alone, never with those of the machine; without any, anonymously."""
        from s3fs import S3FileSystem

        storage = self._storage
        limits = {
            "connect_timeout": self._seconds,
            "read_timeout": self._seconds,
            "max_pool_connections": 1,
            "retries": {"max_attempts": 0},
        }
        files = S3FileSystem(
            anon=storage.access_key is None,
            key=storage.access_key,
            secret=storage.secret_key,
            token=storage.session_token,
            endpoint_url=storage.endpoint,
            client_kwargs={"region_name": storage.region} if storage.region else {},
            config_kwargs=limits,
            max_concurrency=1,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        files.retries = 1  # whoever asked asks again, from where the copy stopped
        return files

    def copy(self, files: AbstractFileSystem, path: str, spool: Spool) -> None:
        """Copy range by range."""
        with files.open(path, "rb", block_size=8 * CHUNK, cache_type="readahead") as content:
            content.seek(spool.size)
            while chunk := content.read(CHUNK):
                spool.write(chunk)

    def is_login(self, error: Exception) -> bool:
        """Keys that are wrong, or may not do this."""
        from botocore.exceptions import NoCredentialsError

        return isinstance(error, PermissionError | NoCredentialsError)


def server_of(source: Wanted, url: str) -> Server:
    """Return the server of the URL's scheme; its user and password stand in ``options.storage``, never in the URL."""
    scheme, _, rest = url.partition("://")
    if "@" in rest.partition("/")[0]:
        raise DefinitionError(f"Source {source.code}: options.path holds a user; name it in options.storage.")
    if scheme == "sftp":
        from connectors.file.sftp import SftpServer

        return SftpServer(source, url)
    if scheme in ("http", "https"):
        from connectors.file.http import HttpServer

        return HttpServer(source, url)
    kinds: dict[str, type[Server]] = {"ftp": FtpServer, "ftps": FtpServer, "s3": S3Server}
    if scheme not in kinds:
        known = ", ".join(SCHEMES)
        raise ConfigurationError(
            f"Source {source.code}: options.path is of no scheme that is known ({known})."
        )
    return kinds[scheme](source, url)
