"""Options of ``connector: rest``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from connectors.options import Group, Options, Secret
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from connectors.source import Source

_PAGING_NEEDS = {
    "page": ("parameter",),
    "offset": ("parameter",),
    "cursor": ("parameter", "cursor"),
    "link": (),
}
_LOGIN_NEEDS = {
    "bearer": ("token",),
    "api_key": ("name", "key"),
    "basic": ("user", "password"),
    "oauth2": ("token_url", "client_id", "client_secret"),
}


class Paging(Group):
    """How one page follows another."""

    by: Literal["page", "offset", "cursor", "link"] = Field(
        description="``page`` number, ``offset`` of the first record, ``cursor`` from the page before, or ``link`` to the next"
    )
    parameter: str | None = Field(None, description="parameter that takes page number, offset or cursor")
    size_parameter: str | None = Field(None, description="parameter that takes the number of records a page")
    size: int = Field(500, ge=1, description="records a page to ask for; the system may give fewer")
    first: int = Field(1, ge=0, description="number of the first page")
    cursor: str | None = Field(None, description="dotted path of the next cursor in the answer")
    next: str | None = Field(
        None, description="dotted path of the next page's URL; the ``Link`` header without"
    )
    total: str | None = Field(
        None, description="dotted path of the number of all records; without, an empty page is the last"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _require(self, self.by, _PAGING_NEEDS[self.by])
        return self


class Authentication(Group):
    """How the hub proves itself."""

    by: Literal["bearer", "api_key", "basic", "oauth2"] = Field(description="the scheme")
    token: Secret | None = Field(None, description="of ``bearer``: the token, by reference")
    name: str | None = Field(None, description="of ``api_key``: name of the header or parameter")
    place: Literal["header", "query"] = Field("header", description="of ``api_key``: where it goes")
    key: Secret | None = Field(None, description="of ``api_key``: the key, by reference")
    user: str | None = Field(None, description="of ``basic``: the user")
    password: Secret | None = Field(None, description="of ``basic``: the password, by reference")
    token_url: str | None = Field(None, description="of ``oauth2``: where tokens are given (RFC 6749, 4.4)")
    client_id: str | None = Field(None, description="of ``oauth2``: the client")
    client_secret: Secret | None = Field(None, description="of ``oauth2``: its secret, by reference")
    scope: str | None = Field(None, description="of ``oauth2``: the scope to ask for")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _require(self, self.by, _LOGIN_NEEDS[self.by])
        return self


class Since(Group):
    """How the system is asked for what changed, by the source's watermark."""

    parameter: str = Field(description="parameter that takes the highest watermark seen")
    format: str | None = Field(
        None, description="how to write it (``%Y-%m-%d %H:%M:%S``); as the system wrote it without"
    )
    overlap_seconds: int = Field(
        0, ge=0, description="how much further back to ask, for rows that appear late; needs ``format``"
    )

    @model_validator(mode="after")
    def _written_somehow(self) -> Self:
        if self.overlap_seconds and not self.format:
            raise ValueError("overlap_seconds needs 'format'.")
        return self


class Success(Group):
    """How an answer of status 200 says that it is none of the errors that some systems send so."""

    path: str = Field(description="dotted path of the answer's own code")
    values: tuple[str, ...] = Field(description="the codes that mean success")


class RestOptions(Options):
    """An interface that answers with JSON."""

    url: str = Field(description="URL of the records")
    records: str = Field("", description="dotted path of the list of records; the answer itself without")
    method: Literal["GET", "POST"] = Field(
        "GET", description="with ``POST`` the parameters below go into the body"
    )
    parameters: Mapping[str, str] = Field({}, description="parameters of every request")
    body: Mapping[str, Any] = Field(
        {}, description="members of the body of a ``POST``, beside the parameters"
    )
    body_as: Literal["json", "form"] = Field("json", description="how the body of a ``POST`` is written")
    headers: Mapping[str, str] = Field({}, description="headers of every request")
    paging: Paging | None = Field(None, description="how pages follow; one answer holds all without")
    authentication: Authentication | None = Field(None, description="how the hub proves itself")
    since: Since | None = Field(
        None, description="how to ask for what changed; everything is read and compared without"
    )
    success: Success | None = Field(
        None, description="for systems that report errors within answers of status 200"
    )
    ca_file: str | None = Field(None, description="certificates to trust, where the system has its own")
    timeout_seconds: float = Field(60, gt=0, description="how long one answer may take")
    most_megabytes: int = Field(64, ge=1, description="largest answer that is read")
    requests_per_second: float | None = Field(
        None, gt=0, description="most requests a second; unlimited without"
    )
    retries: int = Field(
        5, ge=0, description="how often a request is made again that found the system ailing"
    )
    longest_wait_seconds: float = Field(
        120, gt=0, description="longest wait that the system may ask for (``Retry-After``) within a run"
    )

    @model_validator(mode="after")
    def _body_of_a_post(self) -> Self:
        if self.body and self.method != "POST":
            raise ValueError("body needs method: POST.")
        return self

    def check(self, source: "Source") -> None:
        """A watermark is of use only where the system can be asked by it."""
        if (source.watermark is None) != (self.since is None):
            raise DefinitionError("watermark and options.since are of use only together.")
        if (
            self.since
            and self.since.overlap_seconds
            and source.watermark
            and source.watermark.type != "datetime"
        ):
            raise DefinitionError("options.since.overlap_seconds needs a watermark of type datetime.")


def _require(model: Group, by: str, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(model, name) is None:
            raise ValueError(f"by: {by} needs {name!r}.")
