"""SFTP, from a server whose key is known."""

from pathlib import Path
from typing import Any

import paramiko
from fsspec import AbstractFileSystem
from fsspec.implementations.sftp import SFTPFileSystem

from connectors.file.servers import Server
from connectors.file.spool import CHUNK, Spool
from schemas.errors import ConfigurationError

_PORT = 22
_KNOWN_HOSTS = "~/.ssh/known_hosts"


class _UnknownHost(paramiko.SSHException):
    """The server's key is not the one expected, or none is known."""


class _Known(paramiko.MissingHostKeyPolicy):
    """Accepts the key of ``options.storage.host_key``, or one in the machine's known_hosts: no other, not even once."""

    def __init__(self, expected: str | None) -> None:
        self._expected = expected

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        if self._expected is not None:
            known = key.get_base64() in self._expected.split()
        else:
            hosts = paramiko.HostKeys()
            path = Path(_KNOWN_HOSTS).expanduser()
            if path.exists():
                hosts.load(str(path))
            known = hosts.check(hostname, key)
        if not known:
            raise _UnknownHost


class SftpServer(Server):
    """SFTP, by password or private key; no agent and no key of the machine is tried."""

    errors = (OSError, EOFError, paramiko.SSHException)

    def open(self) -> AbstractFileSystem:
        """Log in; the server's key is checked first."""
        host, port = self._address
        storage = self._storage
        files = SFTPFileSystem(
            host,
            port=port or _PORT,
            username=storage.user,
            password=storage.password,
            key_filename=self._key_file(),
            passphrase=storage.passphrase,
            timeout=self._seconds,
            banner_timeout=self._seconds,
            auth_timeout=self._seconds,
            channel_timeout=self._seconds,
            allow_agent=False,
            look_for_keys=False,
            host_key_policy=_Known(storage.host_key),
            skip_instance_cache=True,
        )
        files.ftp.get_channel().settimeout(self._seconds)
        return files

    def copy(self, files: AbstractFileSystem, path: str, spool: Spool) -> None:
        """Copy with requests sent ahead, begun behind what is there."""
        with files.ftp.open(path, "rb") as content:
            size = content.stat().st_size
            content.seek(spool.size)
            content.prefetch(size, max_concurrent_requests=64)
            while chunk := content.read(CHUNK):
                spool.write(chunk)

    def close(self, files: AbstractFileSystem) -> None:
        """Hang up."""
        files.client.close()

    def is_login(self, error: Exception) -> bool:
        """A refused user or key, or a folder that the user may not see."""
        return isinstance(error, paramiko.AuthenticationException | PermissionError) or (
            isinstance(error, paramiko.SSHException) and "No authentication methods" in str(error)
        )

    def is_final(self, error: Exception) -> str:
        """An unknown server stays unknown."""
        if isinstance(error, _UnknownHost):
            return "has a host key that is not known: put it into options.storage.host_key or known_hosts"
        return super().is_final(error)

    def _key_file(self) -> str | None:
        named: Any = self._storage.key_file
        if named is None:
            return None
        path = Path(named).expanduser()
        if not path.is_file():
            raise ConfigurationError(f"The key file {path} of options.storage is not there.")
        return str(path)
