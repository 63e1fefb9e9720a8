"""Events on their way to a lineage backend: handed over at once, sent by a thread, given up rather than waited for.

A backend that refuses, hangs or is not there costs a run nothing. At the end of the process what is left may take
``longest_wait`` seconds; then it is left, and told so.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

MOST_WAITING = 256  # events
SENT = "sent"
_log = logging.getLogger(__name__)

Send = Callable[[Any], None]
"""Sends one event or raises."""


@dataclass
class Letter:
    """One event, made by the thread; ``settled`` is told once what became of it: ``SENT``, or why not, quoting nothing."""

    event: Callable[[], Any]
    settled: Callable[[str], None]
    _open: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, outcome: str) -> None:
        """Tell the outcome, the first time only."""
        with self._lock:
            mine, self._open = self._open, False
        if mine:
            self.settled(outcome)


class Outbox:
    """A bounded queue and the thread that empties it, which starts with the first event."""

    def __init__(self, send: Send, longest_wait: float) -> None:
        self._send, self._longest_wait = send, longest_wait
        self._waiting: queue.Queue[Letter | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._sending: Letter | None = None

    def put(self, event: Callable[[], Any], settled: Callable[[str], None]) -> None:
        """Hand over what makes an event; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="openlineage", daemon=True)
            self._thread.start()
        letter = Letter(event, settled)
        try:
            self._waiting.put_nowait(letter)
        except queue.Full:
            letter.settle("not sent: too many events wait")

    def _work(self) -> None:
        while (letter := self._waiting.get()) is not None:
            self._sending = letter
            letter.settle(self._outcome(letter))
            self._sending = None

    def _outcome(self, letter: Letter) -> str:
        try:
            self._send(letter.event())
        except Exception as error:  # noqa: BLE001 - whatever it is, no run may suffer from it, and its words hold an address
            status = getattr(getattr(error, "response", None), "status_code", None)
            told = f"not sent: {type(error).__name__}" + (f" {status}" if status else "")
            _log.warning("An OpenLineage event was %s.", told)
            return told
        return SENT

    def close(self) -> None:
        """Let the thread send what waits, for ``longest_wait`` seconds at most; what is left is given up."""
        if self._thread is None:
            return
        deadline = time.monotonic() + self._longest_wait
        with suppress(queue.Full):
            self._waiting.put(None, timeout=self._longest_wait)
        self._thread.join(max(0.0, deadline - time.monotonic()))
        left = [self._sending]
        with suppress(queue.Empty):
            while True:
                left.append(self._waiting.get_nowait())
        for letter in left:
            if letter is not None:
                letter.settle("not sent: the backend did not answer in time")


def sender(url: str, api_key: str | None, seconds: float) -> Send:
    """Return what sends an event to an ``http(s)://`` backend, or appends it as one line to a ``file://`` one."""
    parts = urlsplit(url)
    return _to_file(Path(unquote(parts.path))) if parts.scheme == "file" else _to_http(url, api_key, seconds)


def _to_file(path: Path) -> Send:
    def send(event: Any) -> None:
        from openlineage.client.serde import Serde

        line = f"{Serde.to_json(event)}\n".encode()
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            if os.write(opened, line) != len(
                line
            ):  # one write, so that lines of several processes do not mix
                raise OSError("The file took a part of the event only.")
        finally:
            os.close(opened)

    return send


def _to_http(url: str, api_key: str | None, seconds: float) -> Send:
    @cache
    def transport() -> Any:
        from openlineage.client.transport.http import (
            ApiKeyTokenProvider,
            HttpConfig,
            HttpTransport,
            TokenProvider,
        )

        auth = ApiKeyTokenProvider({"apiKey": api_key}) if api_key else TokenProvider({})
        base = url if url.endswith("/") else f"{url}/"
        once = {
            "total": 0
        }  # a second try would keep the next event waiting; the run's record says what is missing
        return HttpTransport(HttpConfig(base, timeout=seconds, auth=auth, retry=once))

    def send(event: Any) -> None:
        transport().emit(event)

    return send
