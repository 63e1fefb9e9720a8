"""What stands undone, over the real server: a department's own, and everybody's for the catalogue authority."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.recording import record_administration
from catalog.person import Role
from catalog.tables import MATTER
from infra.database import Role as Login

pytestmark = pytest.mark.server
OURS, THEIRS = "11500000009275123M", "115000000092750357"


@pytest.fixture(scope="module")
def hub(served_hub):
    at = datetime.now(UTC)
    with served_hub.database.engine(Login.APPLICATION).begin() as connection:
        record_administration(connection, actor="test", action="test", target="test", facts={})
        for number, provider in enumerate((OURS, OURS, THEIRS)):
            connection.execute(
                MATTER.insert().values(
                    kind="application", id=f"AP{number}", state="approved", duty="deliver", due_at=at - timedelta(days=9),
                    opened_at=at - timedelta(days=40), parties={"provider": provider, "user": OURS}, position=1,
                )
            )  # fmt: skip
    return served_hub


def asked(hub, role, **params):
    return hub.http.get("/v1/duties", params=params, headers=hub.person(role))


def subjects(answer):
    assert answer.status_code == 200, answer.text
    return [one["subject"] for one in answer.json()["duties"]]


def test_a_department_sees_its_own_and_the_authority_all(hub):
    own = asked(hub, Role.PUBLISHER, duty="late_delivery")
    assert subjects(own) == ["AP0", "AP1"]
    (first, _) = own.json()["duties"]
    assert (first["organisation"], first["severity"], first["article"]) == (OURS, "alert", "22, 38")
    assert 3 <= first["days_late"] <= 9
    assert subjects(asked(hub, Role.CATALOGUE_AUTHORITY, duty="late_delivery")) == ["AP0", "AP1", "AP2"]
    everything = asked(hub, Role.USER)
    assert {"AP0", "AP1"} <= set(subjects(everything))
    assert {one["organisation"] for one in everything.json()["duties"]} == {OURS}
    entry = hub.entry(own)
    assert (entry["action"], entry["outcome"], entry["records"]) == ("duties", "answered", 2)


def test_they_come_in_pages(hub):
    found, after = [], ""
    while after is not None:
        page = asked(hub, Role.CATALOGUE_AUTHORITY, duty="late_delivery", limit=1, after=after)
        found += subjects(page)
        after = page.json()["next"]
    assert found == ["AP0", "AP1", "AP2"]


def test_what_is_asked_wrongly_is_said(hub):
    for wrong in ({"duty": "late"}, {"colour": "red"}, {"limit": "0"}):
        answer = asked(hub, Role.PUBLISHER, **wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert "duty, after, limit" in asked(hub, Role.PUBLISHER, colour="red").json()["hint"]
    system = {"Authorization": f"Bearer {hub.token()}"}
    assert hub.http.get("/v1/duties", headers=system).status_code == 401
