"""``hub subscription`` over a database: who is told of changes, and how long changes are kept."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from audit.recording import record_administration
from catalog.agreement import Agreement
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.subscription import Subscription
from catalog.subscriptions import Subscriptions
from catalog.system import System
from hub.cli import app
from infra.database import Role, open_database
from schemas.errors import UnknownSubscription

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
