"""``hub subscription``: who is told of changes, and how long changes are kept for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.administering import administered, database_transaction
from hub.commands.screen import AsJson, actor, console, print_json, table, tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from catalog.subscriptions import Subscriptions

app = typer.Typer(no_args_is_help=True, help="Who is told of a resource's changes, under which agreement.")

Subscription = Annotated[
    str, typer.Argument(help="Id of the subscription, as hub subscription list shows it.")
]


@app.command("list")
def list_subscriptions(
    system: Annotated[str | None, typer.Option(help="Id of a system: only its own.")] = None,
    as_json: AsJson = False,
) -> None:
    """List subscriptions, cancelled ones too."""
    with _subscriptions() as subscriptions:
        found = subscriptions.listed(system)
    if as_json:
        print_json([one.as_dict() for one in found])
        return
    rows = [(one.id, one.system, one.resource, one.agreement, one.status.value) for one in found]
    console.print(table("Subscriptions", ("subscription", "system", "resource", "agreement", "status"), rows))


@app.command("show")
def show(subscription: Subscription, as_json: AsJson = False) -> None:
    """Show a subscription: whose it is, of what, for what."""
    with _subscriptions() as subscriptions:
        told = subscriptions.one(subscription).as_dict()
    tell(told, "\n".join(f"{name}: {_shown(value)}" for name, value in told.items()), as_json)


@app.command("cancel")
def cancel(subscription: Subscription, as_json: AsJson = False) -> None:
    """End a subscription, at once and on every server process."""
    with _subscriptions() as subscriptions:
        ended = subscriptions.cancel(subscription, None, actor=actor())
    tell(ended.as_dict(), f"Subscription {ended.id} of {ended.system} is cancelled.", as_json)


@app.command("status")
def status(
    subscription: Annotated[
        str | None, typer.Argument(help="Id of a subscription; default: all that are pushed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how pushes stand, why they wait or have stopped, and what was not taken."""
    from catalog.subscription_push import dead_letters, moments_told, pushes

    with database_transaction() as connection:
        found, letters = pushes(connection, subscription), dead_letters(connection, subscription)
    if as_json:
        print_json(
            {"pushes": list(map(moments_told, found)), "dead_letters": list(map(moments_told, letters))}
        )
        return
    columns = ("subscription", "system", "resource", "status", "attempts", "reason", "taken_at")
    console.print(table("Pushes", columns, [[str(one[name] or "") for name in columns] for one in found]))
    if letters:
        told = ("subscription", "message", "attempts", "reason", "died_at")
        console.print(table("Dead letters", told, [[str(one[name]) for name in told] for one in letters]))


@app.command("resume")
def resume(
    subscription: Subscription,
    skip: Annotated[
        bool, typer.Option("--skip", help="Go on behind the message that was not taken.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a push that stopped, with the message that was not taken."""
    from catalog.subscription_push import resume_push

    def work(connection: "Connection") -> bool:
        return resume_push(connection, subscription, skip=skip)

    _again(subscription, work, {"from": "behind" if skip else "here"}, as_json)


@app.command("replay")
def replay(
    subscription: Subscription,
    message: Annotated[str, typer.Argument(help="Id of a dead letter, as hub subscription status shows it.")],
    as_json: AsJson = False,
) -> None:
    """Go back to a dead letter, and on from there."""
    from catalog.subscription_push import replay_push

    def work(connection: "Connection") -> bool:
        return replay_push(connection, subscription, message)

    _again(subscription, work, {"from": message}, as_json)


def _again(
    subscription: str, work: "Callable[[Connection], bool]", facts: dict[str, str], as_json: bool
) -> None:
    from audit.recording import record_administration
    from schemas.errors import NotPushed

    with database_transaction() as connection:
        record_administration(
            connection, actor=actor(), action="subscription.push.resume", target=subscription, facts=facts
        )
        if not work(connection):
            raise NotPushed(
                "It is not pushed, or has no such dead letter.", hint="Run: hub subscription status"
            )
    tell({"subscription": subscription, **facts}, f"Subscription {subscription} is pushed again.", as_json)


@app.command("prune")
def prune(
    days: Annotated[
        int | None,
        typer.Option(
            min=1, help="Forget changes that are older. Default: HUB_FEED_DAYS; unset, none are forgotten."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Forget old changes; records and their history stay. Whose cursor is older is asked to take a new snapshot."""
    from hub.feeds import prune_feeds

    with administered() as (hub, _catalogue, _people):
        kept = days or hub.settings.feed_days
        forgotten = prune_feeds(hub, kept, actor=actor()) if kept else {}
    said = f"{sum(forgotten.values()):,} changes are forgotten." if kept else "Changes are kept for ever."
    tell({"days": kept, "forgotten": forgotten}, said, as_json)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) or "all that is agreed" if isinstance(value, list) else str(value)


@contextmanager
def _subscriptions() -> "Iterator[Subscriptions]":
    """Give the subscriptions in one transaction, which commits with its ledger entries when the block ends well."""
    from audit.recording import record_administration
    from catalog.subscriptions import Subscriptions

    with database_transaction() as connection:
        yield Subscriptions(connection, record_administration)
