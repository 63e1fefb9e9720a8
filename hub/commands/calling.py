"""``hub call``: records from a running hub, as an approval system would ask for them, in any form and into a file."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.screen import AsJson, console, print_json
from schemas.errors import AnswerUnfinished, ConfigurationError, SourceUnreachable

if TYPE_CHECKING:
    import httpx


def register(app: typer.Typer) -> None:
    """Add the command to ``hub`` itself."""
    app.command()(call)


class Form(StrEnum):
    """Forms of an answer, as their files end."""

    JSON = "json"
    JSON_LINES = "jsonl"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


_BINARY = (Form.ARROW, Form.PARQUET)
_MEDIA_TYPES = {
    Form.JSON: "application/json",
    Form.JSON_LINES: "application/x-ndjson",
    Form.CSV: "text/csv",
    Form.ARROW: "application/vnd.apache.arrow.stream",
    Form.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class _Asked:
    """What is asked for, by keys or by a filter."""

    resource: str
    keys: list[str]
    items: list[str]
    by: str | None
    provenance: bool
    moment: dict[str, str]
    filter_: str | None
    limit: str | None

    def __post_init__(self) -> None:
        chosen = self.filter_ is not None or self.limit is not None
        if chosen == bool(self.keys):
            raise ConfigurationError(
                "Records are asked for by keys, or chosen by --filter and --limit.",
                hint="Give one or the other.",
            )
        if chosen and (self.by or self.moment):
            raise ConfigurationError("A filter goes neither with --by nor with a moment.")


def call(
    resource: Annotated[str, typer.Argument(help="Code of the resource, e.g. natural_person.")],
    system: Annotated[
        str, typer.Option("--as", help="The system that calls; its key must be on this machine.")
    ],
    purpose: Annotated[str, typer.Option(help="What the data is for.")],
    legal_basis: Annotated[str, typer.Option(help="The law acted under.")],
    case: Annotated[str, typer.Option(help="The case (办件) it is for.")],
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY...", help="One key, or up to 1,000.")
    ] = None,
    item: Annotated[
        list[str] | None, typer.Option(help="An item to ask for; may be given again. Default: all agreed.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Ask by this lookup item instead of the key.")] = None,
    provenance: Annotated[bool, typer.Option(help="Also say which department each value is from.")] = False,
    as_of: Annotated[str | None, typer.Option(help="As the hub knew it at that day or time.")] = None,
    valid_at: Annotated[str | None, typer.Option(help="As it held at that day or time.")] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="Instead of keys: CQL2, as \"division LIKE '500103%'\".")
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option(help="With --filter, or for all there is: records at most, or all as a stream."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="The form of the answer.")] = Form.JSON,
    out: Annotated[Path | None, typer.Option(help="Write the answer to this file.")] = None,
    url: Annotated[str | None, typer.Option(help="The hub; default: the one of the settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a running hub for records, as an approval system would. The call is on the ledger; a refusal exits with 1."""
    from hub.caller import Caller, Statement, load_private_key
    from infra.settings import load_settings

    settings = load_settings()
    key = load_private_key(settings.home, system)
    moment = {name: told for name, told in (("as_of", as_of), ("valid_at", valid_at)) if told}
    asked = _Asked(resource, keys or [], item or [], by, provenance, moment, filter_, limit)
    if form in _BINARY and out is None and sys.stdout.isatty():
        raise ConfigurationError(f"{form} is nothing to look at.", hint="Write it to a file with --out.")
    address = url or f"http://{settings.host}:{settings.port}"

    async def ask() -> bool:
        async with (
            Caller(address, system, key, Statement(purpose, legal_basis, case)) as caller,
            reachable(address),
            caller.streamed(*_request(asked), accept=_MEDIA_TYPES[form]) as answer,
        ):
            return await _taken(answer, form, out, as_json=as_json)

    if not asyncio.run(ask()):
        raise typer.Exit(1)


def _request(asked: _Asked) -> tuple[str, str, dict[str, Any], dict[str, Any] | None]:
    """Return method, path, parameters and body of the call."""
    from urllib.parse import quote

    path = f"/v1/resources/{asked.resource}"
    chosen: dict[str, Any] = {"items": ",".join(asked.items)} if asked.items else {}
    chosen |= {"provenance": "true"} if asked.provenance else {}
    if not asked.keys:
        told = {"filter": asked.filter_, "limit": asked.limit}
        return "GET", f"{path}/records", chosen | {name: said for name, said in told.items() if said}, None
    if len(asked.keys) == 1 and not asked.by:
        return "GET", f"{path}/records/{quote(asked.keys[0], safe='')}", chosen | asked.moment, None
    body: dict[str, Any] = {"keys": asked.keys, "provenance": asked.provenance, **asked.moment}
    body |= {"items": asked.items} if asked.items else {}
    body |= {"by": asked.by} if asked.by else {}
    return "POST", f"{path}/query", {}, body


@asynccontextmanager
async def reachable(address: str) -> AsyncIterator[None]:
    """Tell what came of asking a hub: ``SourceUnreachable``, or ``AnswerUnfinished`` where it stopped in the midst."""
    import httpx

    try:
        yield
    except httpx.RemoteProtocolError as error:
        raise AnswerUnfinished(
            "The hub stopped in the midst of the answer, so it is not whole.",
            hint="The ledger says why: hub audit tail. Nothing was left in a file.",
        ) from error
    except httpx.TransportError as error:
        raise SourceUnreachable(f"No hub answers at {address}.", hint="Start one with: hub serve") from error


async def _taken(answer: "httpx.Response", form: Form, out: Path | None, *, as_json: bool) -> bool:
    """Take an answer to the screen or into a file; a refusal is always shown."""
    if answer.status_code >= 400 or (form is Form.JSON and out is None):
        await answer.aread()
        if as_json or not sys.stdout.isatty():
            print_json(answer.json())
        else:
            console.print_json(data=answer.json(), ensure_ascii=False)
        return answer.status_code < 400
    if out is None:
        async for chunk in answer.aiter_bytes():
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return True
    await stored(answer, out)
    return True


async def stored(answer: "httpx.Response", out: Path) -> None:
    """Write beside, then rename: the file is there when the answer is whole, and not before."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            async for chunk in answer.aiter_bytes():
                file.write(chunk)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
