"""The process beside an API worker that judges and stores what is pushed, so that no call waits for it.

It is started by the first push and opens a hub of its own.
"""

import asyncio
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from connectors.push.body import Body
from infra.settings import Settings
from schemas.errors import HubError


class SourceProcess:
    """Takes bodies one after another; a process that dies is replaced for the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None

    async def take(self, code: str, body: Body, digest: str) -> dict[str, Any]:
        """Store a body for that source and return the answer; what the ingest raises is raised here."""
        self._pool = self._pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        running = asyncio.get_running_loop().run_in_executor(
            self._pool, _take, self._settings, code, body, digest
        )
        try:
            outcome = await running
        except BrokenProcessPool:
            self._pool = None
            raise HubError("The process that stores pushed rows has died.") from None
        if isinstance(outcome, _Refusal):
            raise outcome.error()
        return outcome

    def close(self) -> None:
        """Let the process end; what it is storing is stored first."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


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


def _take(settings: Settings, code: str, body: Body, digest: str) -> "dict[str, Any] | _Refusal":
    from hub.composition import open_hub
    from hub.pushing import take

    try:
        with open_hub(settings) as hub:
            return take(hub, hub.source(code), body, digest)
    except HubError as error:
        return _Refusal(error)
