"""``hub verify-answer``: prove an answer of a hub by its public key, without asking it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.screen import AsJson, tell

if TYPE_CHECKING:
    from audit.answers import Answer

ANSWER_HEAD = "HTTP/"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify-answer")(verify_answer)


def verify_answer(
    file: Annotated[Path, typer.Argument(help="The answer as `curl --include` writes it: headers and body.")],
    keys: Annotated[
        Path | None,
        typer.Option(help="What the hub's /.well-known/answer-keys.json answered. Default: this hub's keys."),
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option(help="The request that it should be to: its line, with the whole URI, and its headers."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether a hub has given this answer, whole as it is here; nothing is asked of the hub."""
    from audit.answers import check_answer

    digest = None if request is None else _request_digest(_read(request))
    proof = check_answer(_answer(_read(file)), _keys(keys), digest)
    told = {"hub": proof.hub, "at": proof.at, "key": proof.key, "request": request is not None}
    said = " and is one to that request" if request is not None else ""
    tell(told, f"Proven: {proof.hub} gave this answer{said}, by its key {proof.key}.", as_json)


def _read(path: Path) -> bytes:
    from schemas.errors import ConfigurationError

    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None


def _keys(path: Path | None) -> dict[str, bytes]:
    import orjson

    from audit.answer_keys import keys_in, public_keys
    from infra.keyring import FileKeyring
    from infra.settings import load_settings
    from schemas.errors import ConfigurationError

    if path is None:
        return keys_in(public_keys(FileKeyring(load_settings().keyring)))
    try:
        return keys_in(orjson.loads(_read(path)))
    except orjson.JSONDecodeError:
        raise ConfigurationError(f"{path} is not JSON.") from None


def _answer(data: bytes) -> "Answer":
    from audit.answers import Answer
    from schemas.errors import AnswerNotProven

    first, fields, body = _message(data)
    version, _, rest = first.partition(" ")
    if not version.startswith(ANSWER_HEAD) or not rest[:3].isdecimal():
        raise AnswerNotProven("The file does not begin with the status line of an answer.")
    return Answer(int(rest[:3]), fields, body)


def _request_digest(data: bytes) -> bytes:
    from audit.answers import request_digest
    from schemas.errors import AnswerNotProven

    first, fields, _ = _message(data)
    method, _, rest = first.partition(" ")
    uri = rest.partition(" ")[0]
    if "://" not in uri:
        raise AnswerNotProven(
            "The request's first line does not hold its whole URI.",
            hint="As: GET https://hub.example/v1/resources",
        )
    return request_digest(method, uri, fields)


def _message(data: bytes) -> tuple[str, dict[str, str], bytes]:
    """Take a message apart: its first line, its fields by name in lower case, its body."""
    end = "\r\n" if b"\r\n" in data.partition(b"\n\n")[0] else "\n"
    head, _, body = data.partition((end * 2).encode())
    first, *lines = head.decode("latin-1").split(end)
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        known = fields.get(name.lower())
        fields[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    return first, fields, body
