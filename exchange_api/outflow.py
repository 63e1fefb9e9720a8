"""How much of an answer its reader's side has taken: asked of the connection itself.

The server takes whatever it is handed and keeps it until the reader takes it, so who streams has to look for themselves how
far the reader is. TCP counts what the other side acknowledged (``tcpi_bytes_acked``, Linux 4.1 and newer).
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from starlette.types import Scope

_SIZE, _ACKNOWLEDGED = 232, 120  # bytes of struct tcp_info, and where tcpi_bytes_acked stands in it
_ESTABLISHED = 1
_HELD = Path("/proc/self/fd")


class Outflow:
    """One connection, watched; ``close`` it, for it stays open as long as it is watched."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._before = self._acknowledged()

    @classmethod
    def of(cls, scope: Scope) -> "Outflow | None":
        """Find the connection of a request among this process's; None where there is none, or none that counts."""
        if not scope.get("client") or not hasattr(socket, "TCP_INFO"):
            return None
        host, port = scope["client"][0], int(scope["client"][1] or 0)
        for connection in _connections():
            if _is_with(connection, host, port):
                try:
                    return cls(connection)
                except OSError:
                    connection.close()
                    return None
            connection.close()
        return None

    def taken(self) -> int:
        """Return how many bytes were acknowledged since the watch began, those that frame the body too."""
        return self._acknowledged() - self._before

    @property
    def left(self) -> bool:
        """Whether the reader has closed its end."""
        try:
            return self._told()[0] != _ESTABLISHED
        except OSError:
            return True

    def close(self) -> None:
        """Watch no longer."""
        self._connection.close()

    def _acknowledged(self) -> int:
        return int(struct.unpack_from("=Q", self._told(), _ACKNOWLEDGED)[0])

    def _told(self) -> bytes:
        told = self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
        if len(told) < _ACKNOWLEDGED + 8:
            raise OSError("this system does not count what was acknowledged")
        return told


def _connections() -> Iterator[socket.socket]:
    """Yield a second hold on every socket of this process; the receiver closes each."""
    for held in list(_HELD.iterdir()) if _HELD.is_dir() else ():
        with suppress(OSError):  # closed meanwhile
            if held.is_socket():
                yield socket.socket(fileno=os.dup(int(held.name)))


def _is_with(connection: socket.socket, host: str, port: int) -> bool:
    try:
        peer = connection.getpeername()
        return isinstance(peer, tuple) and peer[1] == port and ip_address(peer[0]) == ip_address(host)
    except (OSError, ValueError):
        return False
