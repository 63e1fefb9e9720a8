"""A small client of the hub: signs its calls or bears a token, pages, tries again what is safe, and proves every answer.

``Client`` waits, ``AsyncClient`` is awaited; both do what ``exchange_api.client_core`` says. ``python -m exchange_api.client`` is a
command line. See ``docs/client.md``.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx
import orjson
from joserfc.jwk import import_key

from exchange_api.client_core import (
    ARROW,
    JSON,
    Act,
    Bearing,
    Core,
    Identity,
    Key,
    Lost,
    Pause,
    Reason,
    Request,
    Response,
    Signing,
)
from schemas.errors import CallRefused, ConfigurationError, HubError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ("AsyncClient", "Bearing", "CallRefused", "Client", "Reason", "Signing", "read_key", "table_of")
SECONDS = 60.0  # that an answer may take
PAGE = 1000  # records


def read_key(path: Path) -> Key:
    """Read a private key, a JWK, or raise ``ConfigurationError``."""
    try:
        return import_key(orjson.loads(path.read_bytes()))  # type: ignore[return-value]
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} holds no private key as a JWK.") from error


def table_of(answers: Sequence[Response]) -> "pa.Table":
    """Put answers in Arrow's form together as one table."""
    import pyarrow as pa
    import pyarrow.ipc

    return pa.concat_tables([pyarrow.ipc.open_stream(answer.content).read_all() for answer in answers])


class Client:
    """One system at one hub; a context manager. Raises ``CallRefused``, ``AnswerNotProven`` and ``httpx.TransportError``."""

    def __init__(
        self, url: str, identity: Identity, reason: Reason, keys: Mapping[str, Any] | None = None, tries: int = 3
    ) -> None:  # fmt: skip
        self._core = Core(url, identity, reason, keys, tries)
        self._http = httpx.Client(timeout=SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def record(self, resource: str, key: str, *, items: Sequence[str] = ()) -> Any:
        """Return one record."""
        return self._done(self._core.record(resource, key, items)).json()

    def query(self, resource: str, keys: Sequence[str], *, items: Sequence[str] = ()) -> Any:
        """Return up to 1,000 records by key."""
        return self._done(self._core.query(resource, keys, items, JSON)).json()

    def pages(
        self, resource: str, filter_: str | None = None, *, items: Sequence[str] = (), limit: int = PAGE, accept: str = JSON
    ) -> Iterator[Response]:  # fmt: skip
        """Go through the pages of what a filter chooses, each a proven answer."""
        cursor: str | None = None
        while True:
            answer = self._done(self._core.page(resource, filter_, items, limit, cursor, accept))
            yield answer
            if not (cursor := answer.headers.get("hub-cursor")):
                return

    def records(
        self, resource: str, filter_: str | None = None, *, items: Sequence[str] = (), limit: int = PAGE
    ) -> Iterator[Mapping[str, Any]]:
        """Go through the records that a filter chooses."""
        for page in self.pages(resource, filter_, items=items, limit=limit):
            yield from page.json()["records"]

    def table(self, resource: str, filter_: str | None = None, *, items: Sequence[str] = ()) -> "pa.Table":
        """Return the records that a filter chooses as an Arrow table, which Polars takes too: ``polars.from_arrow``."""
        return table_of(list(self.pages(resource, filter_, items=items, limit=10_000, accept=ARROW)))

    def frame(
        self, resource: str, filter_: str | None = None, *, items: Sequence[str] = ()
    ) -> "pd.DataFrame":
        """Return them as a data frame of pandas."""
        return self.table(resource, filter_, items=items).to_pandas()

    def _done(self, act: Act) -> Any:
        try:
            step = next(act)
            while True:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    step = next(act)
                    continue
                try:
                    answer = self._http.request(
                        step.method, step.url, headers=dict(step.headers), content=step.content
                    )
                except httpx.TransportError as error:
                    step = _lost(act, error)
                else:
                    step = act.send(_response(answer))
        except StopIteration as done:
            return done.value


class AsyncClient:
    """The same, awaited; an async context manager."""

    def __init__(
        self, url: str, identity: Identity, reason: Reason, keys: Mapping[str, Any] | None = None, tries: int = 3
    ) -> None:  # fmt: skip
        self._core = Core(url, identity, reason, keys, tries)
        self._http = httpx.AsyncClient(timeout=SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def record(self, resource: str, key: str, *, items: Sequence[str] = ()) -> Any:
        """Return one record."""
        return (await self._done(self._core.record(resource, key, items))).json()

    async def query(self, resource: str, keys: Sequence[str], *, items: Sequence[str] = ()) -> Any:
        """Return up to 1,000 records by key."""
        return (await self._done(self._core.query(resource, keys, items, JSON))).json()

    async def pages(
        self, resource: str, filter_: str | None = None, *, items: Sequence[str] = (), limit: int = PAGE, accept: str = JSON
    ) -> AsyncIterator[Response]:  # fmt: skip
        """Go through the pages of what a filter chooses, each a proven answer."""
        cursor: str | None = None
        while True:
            answer = await self._done(self._core.page(resource, filter_, items, limit, cursor, accept))
            yield answer
            if not (cursor := answer.headers.get("hub-cursor")):
                return

    async def _done(self, act: Act) -> Any:
        try:
            step = next(act)
            while True:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    step = next(act)
                    continue
                try:
                    answer = await self._http.request(
                        step.method, step.url, headers=dict(step.headers), content=step.content
                    )
                except httpx.TransportError as error:
                    step = _lost(act, error)
                else:
                    step = act.send(_response(answer))
        except StopIteration as done:
            return done.value


def _response(answer: httpx.Response) -> Response:
    return Response(answer.status_code, dict(answer.headers), answer.content)


def _lost(act: Act, error: httpx.TransportError) -> Request | Pause:
    """Tell an act that nothing came back; where it gives up, raise what HTTPX said."""
    try:
        return act.throw(Lost())
    except Lost:
        raise error from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Read records by command: one by its key, several, or by a filter, a JSON document a line."""
    parser = argparse.ArgumentParser("python -m exchange_api.client", description=main.__doc__)
    for name, told in (
        ("--url", "the hub's address"), ("--system", "the system that calls"), ("--key", "file of its private key, a JWK"),
        ("--purpose", "what the data is for"), ("--legal-basis", "the law it acts under"), ("--case", "the case's code"),
    ):  # fmt: skip
        parser.add_argument(name, required=True, help=told)
    parser.add_argument("--token", action="store_true", help="bear a token rather than sign each call")
    parser.add_argument(
        "--items", default="", help="names of items, separated by commas; default: all agreed"
    )
    parser.add_argument("--filter", help="which records, in CQL2 text, instead of keys")
    parser.add_argument("resource", help="the resource's code")
    parser.add_argument("keys", nargs="*", help="keys of the records")
    try:
        for line in _read(parser.parse_args(arguments)):
            sys.stdout.write(orjson.dumps(line).decode() + "\n")
    except (HubError, httpx.TransportError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return 130
    return 0


def _read(told: argparse.Namespace) -> Iterator[Any]:
    key, items = read_key(Path(told.key)), tuple(name for name in told.items.split(",") if name)
    identity = Bearing(told.system, key) if told.token else Signing(told.system, key)
    with Client(told.url, identity, Reason(told.purpose, told.legal_basis, told.case)) as client:
        if told.keys:
            yield client.query(told.resource, told.keys, items=items)
        else:
            yield from client.records(told.resource, told.filter, items=items)


if __name__ == "__main__":
    sys.exit(main())
