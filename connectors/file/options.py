"""Options of ``connector: file``."""

import codecs
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from connectors.options import Group, Options, Secret
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from connectors.source import Source

SCHEMES = ("sftp", "ftp", "ftps", "s3", "http", "https")


class Storage(Group):
    """How the server that keeps the files is entered; every secret is a reference."""

    user: str | None = Field(None, description="user of SFTP, FTP or HTTP")
    password: Secret | None = Field(None, description="password, by reference")
    key_file: str | None = Field(None, description="file of the private key, for SFTP")
    passphrase: Secret | None = Field(None, description="passphrase of the private key, by reference")
    host_key: str | None = Field(
        None,
        description="public key of the SFTP server (``ssh-ed25519 AAAA…``); known_hosts must have it without",
    )
    access_key: Secret | None = Field(None, description="access key of S3, by reference")
    secret_key: Secret | None = Field(None, description="secret key of S3, by reference")
    session_token: Secret | None = Field(None, description="session token of S3, by reference")
    endpoint: str | None = Field(None, description="URL of an S3 server other than Amazon's")
    region: str | None = Field(None, description="region of S3")
    names: str = Field(
        "utf-8", description="encoding of file names of FTP; many an old server has ``gb18030``"
    )
    headers: Mapping[str, Secret] = Field(
        default_factory=dict, description="headers of HTTP, such as Authorization, by reference"
    )

    @field_validator("names")
    @classmethod
    def _an_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError("is no encoding.") from None
        return value


class DeliveredOptions(Options):
    """How delivered files are got, whatever is in them."""

    storage: Storage = Field(
        default_factory=lambda: Storage.model_validate({}), description="how the server is entered"
    )
    members: str = Field("*", description="pattern of the members that are read of a ZIP archive")
    order: Literal["name", "modified"] = Field("name", description="in which order files have arrived")
    dated: str | None = Field(
        None,
        description="expression whose groups are the date in a file's name (``_(\\d{8})``): its rows count as observed "
        "then; without, when the file was changed",
    )
    settle_seconds: int = Field(
        0, ge=0, description="a file younger than that is left for the next run: it may still be written"
    )
    timeout_seconds: int = Field(60, ge=1, description="how long a server may be silent")
    tries: int = Field(5, ge=1, le=20, description="how often a file is asked for before giving up")
    largest_mib: int = Field(
        4096, ge=1, description="largest file that is read, unpacked, in MiB; a larger one is refused"
    )

    @field_validator("dated")
    @classmethod
    def _finds_a_date(cls, value: str | None) -> str | None:
        if value is not None and not _compiled(value).groups:
            raise ValueError("has no group for the date.")
        return value


class FileOptions(DeliveredOptions):
    """Files, by a pattern, and how they are written where looking is not enough."""

    path: str = Field(
        description="path or pattern (``*``, ``?``, ``**``), or a URL with one: "
        + ", ".join(f"``{scheme}://``" for scheme in SCHEMES)
    )
    format: Literal["auto", "csv", "excel", "json", "xml", "parquet"] = Field(
        "auto", description="what the files are; told from their first bytes by default. ODS is ``excel``"
    )
    encoding: str = Field("auto", description="encoding of text; told from the bytes by default")
    delimiter: str | None = Field(None, description="delimiter of CSV; told from the header without")
    header: Literal["auto"] | int = Field(
        "auto", description="number of the header row, from 1; searched by default"
    )
    aliases: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="other names that a column has had, by its name in the mapping"
    )
    fill_down: tuple[str, ...] = Field(
        (), description="columns of CSV and workbooks whose empty cells mean the value above them"
    )
    footer_rows: int = Field(0, ge=0, description="how many rows below the data are no data")
    until: str | None = Field(
        None,
        description="expression; the first row whose first filled cell has it ends the data (``^(合计|注)``)",
    )
    sheet: str | int | tuple[str | int, ...] | None = Field(
        None,
        description="sheet by name, number (from 1) or pattern (``*``: all with the columns), or a list; "
        "the first with the columns without. Its name is the column ``_sheet``",
    )
    record_path: str | None = Field(
        None, description="dotted path of the records: in JSON to their array, in XML from the root to one"
    )

    @field_validator("until")
    @classmethod
    def _an_expression(cls, value: str | None) -> str | None:
        _compiled(value)
        return value

    @field_validator("path")
    @classmethod
    def _a_place(cls, value: str) -> str:
        return a_place(value)

    def check(self, source: "Source") -> None:
        """What is filled down or has other names must be a column that is read."""
        for name, columns in (("fill_down", self.fill_down), ("aliases", self.aliases)):
            if unread := sorted(set(columns) - set(source.columns)):
                raise DefinitionError(f"options.{name} names {unread[0]!r}, which no item is mapped to.")


def _compiled(value: str | None) -> re.Pattern[str]:
    try:
        return re.compile(value or "")
    except re.error:
        raise ValueError("is no regular expression.") from None


def a_place(value: str) -> str:
    """Check a path or URL of files; raises ``ValueError``."""
    scheme, found, rest = value.partition("://")
    if not found or "${" in scheme:
        return value
    if scheme not in SCHEMES:
        raise ValueError(f"is of the unknown scheme {scheme}://; known are {', '.join(SCHEMES)}.")
    if "@" in rest.partition("/")[0]:
        raise ValueError("holds a user; name it in options.storage, and the password by reference.")
    return value
