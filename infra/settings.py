"""Every setting of the hub, read from ``HUB_…`` environment variables; ``docs/settings.md`` is made from here.

``python -m infra.settings > docs/settings.md`` writes that page anew; a test fails when it is out of date.
"""

import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import ConfigurationError

_SOURCES = Path(__file__).resolve().parents[1] / "connectors" / "sources"
_URL_SCHEMES = ("postgresql://", "postgres://")


def _user_folder() -> Path:
    return Path(platformdirs.user_data_dir("exchange-hub"))


def networks_in(told: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks that a setting names, separated by commas; ``ValueError`` where one is none."""
    return tuple(ip_network(part.strip()) for part in told.split(",") if part.strip())


class Settings(BaseSettings):
    """What may differ from one hub to the next. Immutable; paths are absolute once read."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True, extra="ignore", validate_default=True)

    home: Path = Field(
        default_factory=_user_folder,
        description="Folder of everything the hub keeps: keyring, embedded database, demo city.",
        json_schema_extra={"default_shown": "the user's data folder, e.g. `~/.local/share/exchange-hub`"},
    )
    city: Path = Field(
        default_factory=lambda data: data["home"] / "city",
        description="Folder of the demo city's department systems; `${city}` in source definitions.",
        json_schema_extra={"default_shown": "`city` in the home folder"},
    )
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL URL of the owner's login (`postgresql://…`). "
        "Unset: the hub runs an embedded PostgreSQL in its home folder.",
    )
    database_application_url: str | None = Field(
        default=None,
        repr=False,
        description="URL of a login that is a member of `hub_application` only. "
        "Unset: the owner's login takes that role by `SET ROLE`.",
    )
    database_auditor_url: str | None = Field(
        default=None,
        repr=False,
        description="URL of a login that is a member of `hub_auditor` only. Unset: as for the application.",
    )
    airflow_database_url: str | None = Field(
        default=None,
        repr=False,
        description="URL of the database that `hub airflow` gives to Airflow. "
        "Unset: a database `airflow` on the embedded PostgreSQL.",
    )
    keyring: Path = Field(
        default_factory=lambda data: data["home"] / "keyring.json",
        description="File of the master keys; made at first use, readable by its owner only. Back it up.",
        json_schema_extra={"default_shown": "`keyring.json` in the home folder"},
    )
    sources: Path = Field(
        default=_SOURCES,
        description="Folder of source definitions, one YAML file each.",
        json_schema_extra={"default_shown": "`connectors/sources`"},
    )
    calendar: Path | None = Field(
        default=None,
        description="Folder of calendars of the hub's own, YAML files of free and worked days that win over the official ones. "
        "Unset: the official ones alone.",
    )
    time_zone: str = Field(
        default="Asia/Shanghai", description="Time zone in which the hub's days begin and end, an IANA name."
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Address the HTTP server listens on.")
    port: int = Field(default=8053, ge=1, le=65_535, description="Port the HTTP server listens on.")
    public_url: str = Field(
        default_factory=lambda data: f"http://{data['host']}:{data['port']}",
        description="URL under which callers reach the hub, e.g. that of its proxy; "
        "client assertions must name its token endpoint or the hub's id as their audience.",
        json_schema_extra={"default_shown": "`http://`, host and port"},
    )
    signature_skew_seconds: int = Field(
        default=60,
        ge=0,
        le=300,
        description="By how many seconds the clocks of systems that sign their calls may differ from the hub's.",
    )
    workers: int = Field(default=2, ge=1, le=256, description="Number of HTTP server processes.")
    hub_id: str = Field(
        default="urn:hub:chongqing",
        min_length=1,
        description="Name of this hub among hubs: issuer of its tokens and their audience.",
    )
    division: str = Field(
        default="500000",
        pattern=r"^[1-9]\d{5}$",
        description="Division that the hub serves (GB/T 2260); of an organisation for which none is told.",
    )
    token_seconds: int = Field(
        default=300, ge=10, le=3_600, description="Lifetime of an access token, in seconds."
    )
    session_seconds: int = Field(
        default=28_800, ge=60, le=86_400, description="Longest life of a person's session, in seconds."
    )
    session_idle_seconds: int = Field(
        default=1_800, ge=60, le=86_400, description="How long a session may lie unused, in seconds."
    )
    sign_in_failures: int = Field(
        default=5,
        ge=3,
        le=20,
        description="After how many failures in a row signing in is refused for a while; each more doubles the wait.",
    )
    sign_in_address_failures: int = Field(
        default=50,
        ge=5,
        description="How many failures to sign in are taken from one address at once, and one more each minute; whoever has "
        "signed in from there before is judged all the same.",
    )
    proxies: str = Field(
        default="",
        description="Networks (CIDR, separated by commas) of the proxies in front of the hub, whose `X-Forwarded-For` is believed.",
        json_schema_extra={"default_shown": "none"},
    )
    first_password_hours: int = Field(
        default=72,
        ge=1,
        le=720,
        description="How long a password that was given is good for choosing one, in hours.",
    )
    remind_working_days: int = Field(
        default=2,
        ge=1,
        le=20,
        description="How many working days before the end of what is due it is reminded of, its last day included.",
    )
    renew_working_days: int = Field(
        default=20,
        ge=1,
        le=60,
        description="How many working days before its end an agreement is reminded of.",
    )
    unused_agreement_days: int = Field(
        default=90,
        ge=1,
        le=3_650,
        description="After how many days without a read an agreement is told to be unused.",
    )
    expiring_key_days: int = Field(
        default=30,
        ge=1,
        le=366,
        description="How many days before its end the last key of a system is told of.",
    )
    webhook_url: str | None = Field(
        default=None,
        description="Where `hub notify` tells what stands undone to programs, `http(s)://…`. Unset: nowhere.",
    )
    webhook_secret: str | None = Field(
        default=None,
        repr=False,
        description="Key that messages to the webhook are signed with: `whsec_` and base64 of 24 bytes or more.",
    )
    smtp_url: str | None = Field(
        default=None,
        description="Mail server by which `hub notify` tells contacts: `smtps://host[:465]`, `smtp+starttls://host[:587]`, or, "
        "not encrypted, `smtp://host[:25]`. Unset: no mail.",
    )
    smtp_sender: str | None = Field(default=None, description="The address that mail is from.")
    smtp_user: str | None = Field(
        default=None,
        description="Whom the hub signs in to the mail server as; never unencrypted, but on this machine. Unset: it does not.",
    )
    smtp_password: str | None = Field(default=None, repr=False, description="The password to that.")
    notify_again_days: int = Field(
        default=7,
        ge=1,
        le=366,
        description="After how many days what still stands undone is told again.",
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="OpenID provider that people may sign in by: its issuer, `https://…`. Unset: local accounts alone.",
    )
    oidc_client_id: str | None = Field(default=None, description="Who the hub is to the OpenID provider.")
    oidc_client_secret: str | None = Field(
        default=None,
        repr=False,
        description="The hub's secret with the OpenID provider. Unset: a public client.",
    )
    oidc_claim: str = Field(
        default="preferred_username",
        min_length=1,
        description="Which claim of the OpenID provider is the id of a person registered here, e.g. `sub`.",
    )
    oidc_second_factor: str = Field(
        default="mfa otp hwk",
        description="Which values of the OpenID provider's `acr` or `amr` tell of a second factor; apart by blanks.",
    )
    batch_rows: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="Rows pulled, judged and committed at a time; bounds the memory an ingest takes.",
    )
    sheet_rows: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="Rows of a sheet that are taken at once when a catalogue is imported from a workbook.",
    )
    feed_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="After how many days changes are forgotten, daily by a DAG or by `hub subscription prune`; then subscribers that are further behind take a new snapshot. "
        "Unset: they are kept for ever.",
    )
    push_networks: str = Field(
        default="",
        description="Networks (CIDR, separated by commas) in which subscribers may be told by webhook though their addresses are not "
        "public, e.g. the government's own network; and by plain HTTP there alone.",
        json_schema_extra={"default_shown": "none"},
    )
    openlineage_url: str | None = Field(
        default=None,
        description="Where runs are told by OpenLineage: `http(s)://…` of a backend, or `file:///…`, a line an event. "
        "Unset: nowhere.",
    )
    openlineage_api_key: str | None = Field(
        default=None, repr=False, description="Key sent to the OpenLineage backend as a bearer token."
    )
    openlineage_seconds: float = Field(
        default=2.0,
        ge=0.1,
        le=60,
        description="How long the OpenLineage backend may take to answer, and the end of a program waits for it.",
    )
    harvest_networks: str = Field(
        default="",
        description="Networks (CIDR, separated by commas) whose catalogues may be harvested though their addresses are not public, "
        "e.g. the government's own network.",
        json_schema_extra={"default_shown": "none"},
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe level that is logged: DEBUG, INFO, WARNING or ERROR."
    )

    @field_validator("home", "city", "keyring", "sources", "calendar")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ValueError, OSError, ZoneInfoNotFoundError):  # an OSError where it is a folder of names
            raise ValueError("must be a time zone such as Asia/Shanghai") from None

    @field_validator(
        "database_url", "database_application_url", "database_auditor_url", "airflow_database_url"
    )
    @classmethod
    def _is_postgresql_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(_URL_SCHEMES):
            raise ValueError("must start with postgresql://")
        return url

    @field_validator("openlineage_url")
    @classmethod
    def _is_backend(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not url.startswith(("http://", "https://", "file:///")):
            raise ValueError("must start with http://, https:// or file:///")
        if "@" in url.partition("://")[2].partition("/")[0]:
            raise ValueError("must not hold a user or password; set HUB_OPENLINEAGE_API_KEY")
        return url

    @field_validator("webhook_url")
    @classmethod
    def _is_webhook(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        if url is not None and "@" in url.partition("://")[2].partition("/")[0]:
            raise ValueError("must not hold a user or password; messages are signed")
        return url

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, url: str | None) -> str | None:
        if url is None:
            return None
        told = urlsplit(url)
        if told.scheme not in ("smtp", "smtp+starttls", "smtps") or not told.hostname or told.path.strip("/"):
            raise ValueError(
                "must be smtps://host, smtp+starttls://host or smtp://host, with a port or without"
            )
        if "@" in told.netloc:
            raise ValueError("must not hold a user or password; set HUB_SMTP_USER and HUB_SMTP_PASSWORD")
        try:
            told.port  # noqa: B018 - it is read when it is asked for
        except ValueError:
            raise ValueError("must end in a port from 1 to 65535, or in none") from None
        return url

    @field_validator("smtp_sender")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        from email_validator import EmailNotValidError, validate_email

        if address is None:
            return None
        try:
            return validate_email(address, allow_smtputf8=False, check_deliverability=False).ascii_email
        except EmailNotValidError:
            raise ValueError("must be an e-mail address") from None

    @field_validator("harvest_networks", "push_networks", "proxies")
    @classmethod
    def _are_networks(cls, told: str) -> str:
        return ",".join(map(str, networks_in(told)))

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must start with https://, unless it is on this machine")
        return url

    @model_validator(mode="after")
    def _knows_itself(self) -> "Settings":
        if self.oidc_issuer is not None and self.oidc_client_id is None:
            raise ValueError("HUB_OIDC_CLIENT_ID is missing beside HUB_OIDC_ISSUER")
        return self

    @model_validator(mode="after")
    def _sends_mail_as_somebody(self) -> "Settings":
        if self.smtp_url is None:
            return self
        if self.smtp_sender is None:
            raise ValueError("HUB_SMTP_SENDER is missing beside HUB_SMTP_URL")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("HUB_SMTP_USER and HUB_SMTP_PASSWORD are set together")
        told = urlsplit(self.smtp_url)
        if (
            self.smtp_user
            and told.scheme == "smtp"
            and told.hostname not in ("localhost", "127.0.0.1", "::1")
        ):
            raise ValueError("HUB_SMTP_PASSWORD would be sent unencrypted; use smtps:// or smtp+starttls://")
        return self

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: Any) -> Any:
        return level.upper() if isinstance(level, str) else level


def load_settings() -> Settings:
    """Settings from the environment; ``ConfigurationError`` names the variable, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        words = "; ".join(f"{_variable(fault['loc'])}: {fault['msg']}" for fault in faults)
    raise ConfigurationError(f"A setting is wrong: {words}.", hint="See docs/settings.md.")


def _variable(place: tuple[int | str, ...]) -> str:
    return f"HUB_{str(place[0]).upper()}" if place else "together"


def settings_page() -> str:
    """``docs/settings.md`` as it should be."""
    rows = "\n".join(
        f"| `HUB_{name.upper()}` | {field.description} | {_default_shown(name)} |"
        for name, field in Settings.model_fields.items()
    )
    return (
        "# Settings\n\n"
        "Each setting is an environment variable. A wrong one stops the hub with a sentence that names it.\n"
        "This page is made from `infra/settings.py` by `python -m infra.settings > docs/settings.md`.\n\n"
        f"| Variable | What it is | Default |\n|---|---|---|\n{rows}\n"
    )


def _default_shown(name: str) -> str:
    field = Settings.model_fields[name]
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default_shown" in extra:
        return str(extra["default_shown"])
    return "unset" if field.default is None else f"`{field.default}`"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
