"""The HTTP server as a child process: Granian, as many workers as asked for, loopback unless told otherwise."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from infra.settings import Settings
from schemas.errors import ConfigurationError

START_SECONDS = 120.0
APPLICATION = "exchange_api.app:app"
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: it trusts nobody, and spares them to load whom to trust, which costs more than they ask."""


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def command(settings: Settings, application: str = APPLICATION) -> list[str]:
    """Return the command that serves an ASGI application."""
    return [
        sys.executable, "-m", "granian", "--interface", "asgi", "--host", settings.host, "--port", str(settings.port),
        "--workers", str(settings.workers), "--loop", "uvloop", "--log-level", "warning", "--no-ws",
        "--workers-kill-timeout", "10", application,
    ]  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that makes a child read the same settings."""
    given = {
        f"HUB_{name.upper()}": str(value)
        for name, value in settings.model_dump().items()
        if value is not None
    }
    return {**os.environ, **given}


@contextmanager
def served(
    settings: Settings, log: Path, application: str = APPLICATION, extra: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Serve while the block runs; yields the base URL once the hub answers."""
    url = f"http://{settings.host}:{settings.port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command(settings, application), env=environment(settings) | dict(extra or {}), stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait(process, url, log)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(url: str) -> bool:
    """Whether a hub answers there."""
    try:  # plain HTTP: there is no certificate, and loading the authorities' costs more than the question
        return (
            httpx.get(f"{url}/healthz", timeout=5, trust_env=False, verify=PLAIN).status_code
            == httpx.codes.OK
        )
    except httpx.TransportError:
        return False


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise ConfigurationError(f"The server stopped at once; the end of {log} says why.")
        if answers(url):
            return
        time.sleep(0.1)
    raise ConfigurationError(f"The server did not answer within {START_SECONDS:.0f} seconds; see {log}.")
