"""What a department's interface answered, as the hub's own errors. Nothing of its answer gets through: it may quote values."""

from urllib.parse import urlsplit

from connectors.source import Source
from schemas.errors import DefinitionError, SourceError, SourceLoginFailed, SourceUnreachable, WrongFormat


def place_of(source: Source, url: str) -> str:
    """Say where the interface is: host and path, never parameters or a user."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DefinitionError(f"Source {source.code}: options.url is not a URL of http or https.")
    if parts.password:
        raise DefinitionError(
            f"Source {source.code}: options.url holds a password.",
            hint="Give user and password in options.authentication.",
        )
    return f"{parts.hostname}{port}{parts.path}"


def unreachable(source: Source, place: str, why: str) -> SourceUnreachable:
    """It does not answer, or is ailing, however often it was asked."""
    hint = "Check options.url and the network, or ask the department whether the system is up."
    return SourceUnreachable(f"Source {source.code}: {place} {why}.", hint=hint, source=source.code)


def login(source: Source, place: str) -> SourceLoginFailed:
    """Token, key or password were refused."""
    hint = "Check options.authentication with the department, and whether the hub may read this interface."
    return SourceLoginFailed(
        f"Source {source.code}: {place} refused the login.", hint=hint, source=source.code
    )


def status(source: Source, place: str, code: int) -> SourceError:
    """It refused the request itself."""
    hint = "Check url, parameters and paging of the source against the department's description."
    if 300 <= code < 400:
        hint = "Put the address it redirects to into options.url, if it is the department's."
    return SourceError(
        f"Source {source.code}: {place} answered with status {code}.",
        hint=hint,
        source=source.code,
        status=code,
    )


def wrong(source: Source, place: str, what: str, hint: str = "") -> WrongFormat:
    """It answered, but not with what the definition says."""
    return WrongFormat(f"Source {source.code}: {place} {what}.", hint=hint, source=source.code)
