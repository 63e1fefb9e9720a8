"""The process beside an API worker that judges and stores what is pushed, so that no call waits for it.

It is started by the first push and opens a hub of its own. It ends with its worker, even a killed one: a source that it
was storing to is free again at once.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any

from connectors.push.body import Body
from infra.settings import Settings
from infra.telemetry import configure_logging, describe
from schemas.errors import HubError, PushInterrupted

_log = logging.getLogger(__name__)


class SourceProcess:
    """Takes bodies one after another; a process that dies is replaced for the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None

    async def take(self, code: str, body: Body, digest: str) -> dict[str, Any]:
        """Store a body for that source and return the answer; what the ingest raises is raised here."""
        pool = self._pool = self._pool or self._started()
        try:
            outcome = await asyncio.wrap_future(pool.submit(_take, self._settings, code, body, digest))
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
            raise PushInterrupted(
                "The process that was storing the body has died; the batches that it committed stay.",
                hint="Send the body again under the same key: it goes on where it stopped.",
            ) from None
        if isinstance(outcome, _Refusal):
            raise outcome.error()
        return outcome

    def close(self) -> None:
        """Let the process end; what it is storing is stored first."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, context, initializer=_begin, initargs=(self._settings.log_level,))


class _Refusal:
    """An error on its way from one process to the other; its constructor's arguments may be any."""

    def __init__(self, error: HubError) -> None:
        self._kind, self._detail, self._hint = type(error), error.detail, error.hint
        self._context: Mapping[str, Any] = error.context

    def error(self) -> HubError:
        """Return the error as it was."""
        made = self._kind.__new__(self._kind)
        HubError.__init__(made, self._detail, hint=self._hint, **self._context)
        return made


def _begin(log_level: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who stops the server lets what is being stored be stored
    configure_logging(log_level)
    threading.Thread(target=_end_with_the_worker, daemon=True).start()


def _end_with_the_worker() -> None:
    worker = multiprocessing.parent_process()
    if worker is not None:
        wait([worker.sentinel])
        os._exit(1)  # in the midst of a batch, if need be: its transaction ends with its connection


def _take(settings: Settings, code: str, body: Body, digest: str) -> "dict[str, Any] | _Refusal":
    from hub.composition import open_hub
    from hub.pushing import take

    try:
        with open_hub(settings) as hub:
            return take(hub, hub.source(code), body, digest)
    except HubError as error:
        return _Refusal(error)
    except Exception as error:  # noqa: BLE001 - a driver's error may not survive the way, and may quote a row
        _log.error("A push to %s failed: %s", code, describe(error))
        return _Refusal(HubError("The push failed inside the hub."))
