"""``hub person password``, ``totp`` and ``unlock``: how people sign in with a local account."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hub.commands.screen import AsJson, actor, tell

if TYPE_CHECKING:
    from catalog.accounts import Accounts
    from catalog.second_factors import SecondFactors

Id = Annotated[str, typer.Argument(help="Id of a registered person.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``hub person``."""
    for command in (password, totp, unlock):
        app.command()(command)


def password(
    person: Id,
    generate: Annotated[
        bool, typer.Option("--generate", help="Let the hub make one, and print it this once.")
    ] = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input, one line.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a person a password, good for choosing one of their own; it ends their sessions and any lock."""
    from catalog.passwords import new_password

    chosen = new_password() if generate else _read(stdin)
    with _accounts() as (accounts, _):
        given = accounts.give_password(person, chosen, actor=actor())
    told = {"person": person, "until": given.until} | ({"password": chosen} if generate else {})
    shown = f" It is {chosen} and is not shown again." if generate else ""
    tell(
        told,
        f"{person} may sign in until {given.until:%Y-%m-%d %H:%M} UTC, to choose a password.{shown}",
        as_json,
    )


def totp(
    person: Id,
    reset: Annotated[
        bool, typer.Option("--reset", help="Take the second factor away, of who has lost it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set up a person's second factor (TOTP, RFC 6238), with the person and their device at hand."""
    from infra.clock import now

    with _accounts() as (_, factors):
        if reset:
            factors.reset(person, actor=actor())
        else:
            uri = factors.begin(person, actor=actor())
    if reset:
        tell({"person": person, "second_factor": False}, f"{person} has no second factor.", as_json)
        return
    Console(stderr=True, highlight=False).print(
        f"Add this to the device: {uri}", markup=False, soft_wrap=True
    )
    code = typer.prompt("The code it shows", err=True)
    with _accounts() as (_, factors):
        codes = factors.confirm(person, code, now(), actor=actor())
    told = {"person": person, "second_factor": True, "recovery_codes": list(codes)}
    tell(
        told,
        f"{person} has a second factor. Codes for the day it is lost, each good once: {' '.join(codes)}",
        as_json,
    )


def unlock(person: Id, as_json: AsJson = False) -> None:
    """Let a person sign in again who has failed too often."""
    with _accounts() as (accounts, _):
        accounts.unlock(person, actor=actor())
    tell({"person": person, "locked": False}, f"{person} may try again.", as_json)


def _read(stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


@contextmanager
def _accounts() -> Iterator[tuple["Accounts", "SecondFactors"]]:
    from audit.recording import record_administration
    from hub.composition import open_hub
    from hub.local_accounts import LocalAccounts
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).begin() as connection:
        local = LocalAccounts.of(hub.settings, hub.keyring)
        yield (
            local.accounts(connection, record_administration),
            local.factors(connection, record_administration),
        )
