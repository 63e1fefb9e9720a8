"""``hub subscription`` over a database: who is told of changes, and how long changes are kept."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from audit.recording import record_administration
from base_libraries.storage import create_tables
from catalog.agreement import Agreement
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.subscription import Subscription
from catalog.subscriptions import Subscriptions
from catalog.system import System
from hub.cli import app
from hub.composition import open_hub
from hub.duties.going_round import go_round
from infra.database import Role, open_database
from schemas.errors import UnknownSubscription
from schemas.resource import resource_named

KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def subscribed(own_settings):
    """A hub's database in which a system has a subscription."""
    with open_database(own_settings) as database, database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation("11500000009275123M", "行政审批局", "500000"), actor="t")
        catalogue.add_system(System("desk", "11500000009275123M", "desk", (KEY,)), actor="t")
        agreed = Agreement(
            "a-1",
            "desk",
            "legal_person",
            ("name",),
            frozenset({"p"}),
            frozenset({"l"}),
            AT,
            AT + timedelta(days=9),
        )
        catalogue.add_agreement(agreed, actor="t")
        made = Subscription("s-1", "desk", "a-1", "legal_person", ("name",), "p", "l", "c", AT)
        Subscriptions(connection, record_administration).add(made, actor="desk")
    return own_settings


def said(settings, monkeypatch, *words):
    for name, value in settings.model_dump().items():
        if value is not None:
            monkeypatch.setenv(f"HUB_{name.upper()}", str(value))
    done = CliRunner().invoke(app, ["subscription", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_operators_list_show_cancel_and_prune(subscribed, monkeypatch):
    (one,) = json.loads(said(subscribed, monkeypatch, "list", "--json"))
    assert (one["id"], one["items"], one["status"]) == ("s-1", ["name"], "active")
    assert json.loads(said(subscribed, monkeypatch, "list", "--system", "other", "--json")) == []
    assert "purpose: p" in said(subscribed, monkeypatch, "show", "s-1")
    assert "is cancelled" in said(subscribed, monkeypatch, "cancel", "s-1")
    assert json.loads(said(subscribed, monkeypatch, "show", "s-1", "--json"))["status"] == "cancelled"
    with pytest.raises(UnknownSubscription):
        said(subscribed, monkeypatch, "cancel", "s-2")
    assert "for ever" in said(subscribed, monkeypatch, "prune")
    assert "0 changes are forgotten" in said(subscribed, monkeypatch, "prune", "--days", "1")


def test_old_changes_are_forgotten_daily_where_that_is_set(own_settings):
    firm = resource_named("legal_person")
    with open_hub(own_settings.model_copy(update={"feed_days": 30})) as hub:
        with hub.database.engine(Role.OWNER).begin() as connection:
            create_tables(connection, firm)
        with hub.database.engine(Role.APPLICATION).begin() as connection:
            added = text("""
                INSERT INTO library.change_legal_person (_position, _subject, _version, _operation, _recorded_at)
                SELECT n, int4send(n), 1, CASE n WHEN 2 THEN 'close' ELSE 'insert' END,
                    now() - make_interval(days => CASE WHEN n < 8 THEN 31 ELSE 29 END) FROM generate_series(1, 9) AS n""")
            connection.execute(added)
        assert (
            go_round(hub).done["prune"] == 6
        )  # but for the last close, by which it is known that there was one
        assert "prune" not in go_round(hub).done
        with hub.database.engine(Role.APPLICATION).connect() as connection:
            left = (
                connection.execute(text("SELECT _position FROM library.change_legal_person ORDER BY 1"))
                .scalars()
                .all()
            )
            noted = text("SELECT facts ->> 'changes' FROM ledger.entry WHERE action = 'feed.prune'")
            assert (left, connection.execute(noted).scalars().all()) == ([2, 8, 9], ["6"])
