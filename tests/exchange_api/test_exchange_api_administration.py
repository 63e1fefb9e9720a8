"""Administration over the real server: every route in every role, and what each does."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from exchange_api_hub import KEY, id_of
from joserfc.jwk import OKPKey
from sqlalchemy import text

from catalog.person import Role
from exchange_api.administration_routes import EVERYBODY, LINES
from infra.database import Role as Login

pytestmark = pytest.mark.server
HOME = "11500000009275123M"


@pytest.fixture(scope="module")
def hub(served_hub):
    return served_hub


@pytest.fixture(scope="module")
def headers(hub):
    return {role: hub.person(role) for role in Role}


@pytest.fixture
def security(hub, headers):
    def _ask(method, path, expected=200, **body):
        return ask(hub, headers[Role.SECURITY_ADMINISTRATOR], method, path, expected, **body)

    return _ask


def ask(hub, headers, method, path, expected=200, **body):
    answer = hub.http.request(method, path, headers=headers, json=body or None)
    assert answer.status_code == expected, answer.text
    return answer.json()


def new_key(kid):
    return OKPKey.generate_key("Ed25519", {"kid": kid}).as_dict(private=False)


@pytest.mark.parametrize("role", Role)
def test_each_route_is_for_its_roles_and_for_no_other(hub, headers, role):
    for line in LINES:
        path = re.sub(r"\{\w+\}", "nothing-of-that-name", line.path)
        answer = hub.http.request(
            line.method, path, headers=headers[role], json={"unknown": 1} if line.fields else None
        )
        if line.roles == EVERYBODY or role in line.roles:
            assert answer.status_code in (200, 400, 404), (line, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "not_your_part"), line
            entry = hub.entry(answer)
            assert (entry["kind"], entry["actor"], entry["problem"]) == (
                "refusal",
                id_of(role),
                "not_your_part",
            )


def test_organisations_are_registered_changed_and_described(hub, headers):
    authority = headers[Role.CATALOGUE_AUTHORITY]
    path = "/v1/organisations"
    top = ask(hub, authority, "POST", path, code="CITY", name="市局")
    assert (top["division"], top["parent"]) == ("500000", None)
    ask(
        hub,
        headers[Role.SYSTEM_ADMINISTRATOR],
        "POST",
        path,
        code="DISTRICT",
        name="区局",
        division="500103",
        parent="CITY",
    )
    ask(hub, authority, "POST", f"{path}/DISTRICT/offices", code="01", name="一科")
    changed = ask(hub, authority, "PATCH", f"{path}/DISTRICT", name="区政务局", parent=None)
    assert (changed["name"], changed["parent"]) == ("区政务局", None)
    assert ask(hub, authority, "PATCH", f"{path}/DISTRICT", parent="CITY")["parent"] == "CITY"
    told = ask(hub, headers[Role.USER], "GET", f"{path}/DISTRICT")
    assert (told["name"], told["offices"]) == ("区政务局", [{"code": "01", "name": "一科"}])
    with hub.database.engine(Login.AUDITOR).connect() as connection:
        query = text(
            "SELECT actor, action FROM ledger.entry WHERE facts->>'target' LIKE 'DISTRICT%' AND kind = 'administration' ORDER BY id"
        )
        assert [tuple(row) for row in connection.execute(query)] == [
            ("system-administrator", "organisation.add"), ("catalogue-authority", "office.add"),
            ("catalogue-authority", "organisation.rename"), ("catalogue-authority", "organisation.move"),
            ("catalogue-authority", "organisation.move"),
        ]  # fmt: skip


def test_contacts_are_registered_shown_to_who_administers_and_removed(hub, headers):
    authority, path = headers[Role.CATALOGUE_AUTHORITY], f"/v1/organisations/{HOME}/contacts"
    own = ask(hub, authority, "POST", path, address="desk@example.org")
    assert (own["organisation"], own["bearers"]) == (HOME, ["provider", "user"])
    judge = ask(hub, authority, "POST", path, address="judge@example.org", bearers=["security administrator"])
    assert ask(hub, authority, "GET", path)["contacts"] == [own, judge]
    wrong = ({"address": "DESK@example.org"}, 409), ({"address": "desk"}, 400), ({}, 400), ({"address": "a@example.org", "bearers": []}, 400)  # fmt: skip
    for body, status in (*wrong, ({"address": "a@example.org", "bearers": ["boss"]}, 400)):
        assert "example.org" not in str(ask(hub, authority, "POST", path, status, **body))
    ask(hub, authority, "POST", "/v1/organisations/NOBODY/contacts", 404, address="desk@example.org")
    assert ask(hub, authority, "DELETE", f"{path}/{own['id']}")["removed"] is True
    ask(hub, authority, "DELETE", f"{path}/{own['id']}", 404)
    assert ask(hub, authority, "GET", path)["contacts"] == [judge]
    with hub.database.engine(Login.AUDITOR).connect() as connection:
        assert "example.org" not in str(connection.execute(text("SELECT e::text FROM ledger.entry e")).all())


def test_lists_are_read_page_by_page(hub, headers, security):
    for number in range(5):
        security(
            "POST", "/v1/people", id=f"page.{number}", name=f"测试{number}", organisation=HOME, roles=["user"]
        )
    for path, name, key in (
        ("/v1/people", "people", "id"),
        ("/v1/organisations", "organisations", "code"),
        ("/v1/systems", "systems", "system"),
    ):
        whole = security("GET", f"{path}?limit=1000")
        assert whole["next"] is None
        found, after = [], ""
        while after is not None:
            page = security("GET", f"{path}?limit=2&after={after}")
            assert len(page[name]) <= 2
            found, after = found + page[name], page["next"]
        assert found == whole[name]
        assert [row[key] for row in found] == sorted(row[key] for row in found)
    for wrong in ("limit=0", "limit=1001", "limit=x", "before=1", "after=%00"):
        security("GET", f"/v1/people?{wrong}", 400)


def test_a_person_is_registered_signs_in_and_is_suspended(hub, security):
    security("POST", "/v1/people", id="li.new", name="测试新", organisation=HOME, roles=["user"])
    given = security("PUT", "/v1/people/li.new/password")
    answer = hub.http.post("/v1/session", json={"person": "li.new", "password": given["password"]})
    assert answer.json()["to_do_first"] == ["password"]
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    security("PATCH", "/v1/people/li.new", status="suspended")
    since = time.monotonic()
    assert ask(hub, bearer, "GET", "/v1/session", 403)["code"] == "access_denied"
    assert time.monotonic() - since < 1
    changed = security("PATCH", "/v1/people/li.new", status="active", roles=["publisher", "user"])
    assert (changed["status"], changed["roles"]) == ("active", ["publisher", "user"])
    assert ask(hub, bearer, "GET", "/v1/session")["roles"] == ["publisher", "user"]
    assert security("DELETE", "/v1/people/li.new/lock") == {"person": "li.new", "locked": False}
    assert security("DELETE", "/v1/people/li.new/totp") == {"person": "li.new", "second_factor": False}
    assert security("GET", "/v1/people/li.new")["name"] == "测试新"
    with hub.database.engine(Login.AUDITOR).connect() as connection:
        ledger = str(connection.execute(text("SELECT e::text FROM ledger.entry e")).all())
    assert "li.new" in ledger
    assert "测试新" not in ledger
    assert given["password"] not in ledger


def test_a_system_is_registered_and_its_keys_are_rolled_over(hub, security):
    security("POST", "/v1/systems", system="desk", organisation=HOME, key=KEY.as_dict(private=False))
    token = hub.token("desk")
    two = security("POST", "/v1/systems/desk/keys", key=new_key("second"))
    assert [key["kid"] for key in two["keys"]][1] == "second"
    first = two["keys"][0]["kid"]
    retired = security("DELETE", f"/v1/systems/desk/keys/{first}")
    assert [key["valid_until"] is not None for key in retired["keys"]] == [True, False]
    assert security("DELETE", "/v1/systems/desk/keys/second", 409)["code"] == "last_key"
    kept = security("DELETE", "/v1/systems/desk/keys/second?days=0", 409)
    assert "Add the new key first" in kept["hint"]
    pem = OKPKey.generate_key("Ed25519").as_pem(private=False).decode()
    assert len(security("POST", "/v1/systems/desk/keys", pem=pem)["keys"]) == 2  # what has ended is left out
    later = security("DELETE", "/v1/systems/desk/keys/second?days=3")["keys"][0]["valid_until"]
    assert datetime.fromisoformat(later) > datetime.now(UTC) + timedelta(days=2)

    assert hub.http.get("/v1/sources", headers=hub.headers(token)).status_code == 200
    assert security("PATCH", "/v1/systems/desk", status="suspended")["status"] == "suspended"
    ends, answers = time.monotonic() + 1, []
    while time.monotonic() < ends:
        answers.append(
            hub.http.get("/v1/sources", headers=hub.headers(token, Connection="close")).status_code
        )
    assert set(answers[-8:]) == {403}  # within a second, on both processes
    security("PATCH", "/v1/systems/desk", status="active")


def test_nobody_administers_themselves(hub, security):
    mine = f"/v1/people/{id_of(Role.SECURITY_ADMINISTRATOR)}"
    for method, path, body in (
        ("PATCH", mine, {"roles": ["audit_administrator"]}), ("PATCH", mine, {"status": "active"}),
        ("PUT", f"{mine}/password", {}), ("DELETE", f"{mine}/lock", {}), ("DELETE", f"{mine}/totp", {}),
    ):  # fmt: skip
        assert security(method, path, 403, **body)["code"] == "own_work"


WRONG = [
    ("POST", "/v1/people", {"id": "x y", "name": "甲", "organisation": HOME, "roles": ["user"]}, 400, "malformed_request"),
    ("POST", "/v1/people", {"id": "xy", "name": "甲", "organisation": HOME, "roles": ["king"]}, 400, "malformed_request"),
    ("POST", "/v1/people", {"id": "xy", "name": "甲", "organisation": HOME, "roles": "user"}, 400, "malformed_request"),
    ("POST", "/v1/people", {"id": "xy", "name": "甲", "organisation": "nobody", "roles": ["user"]}, 404, "not_registered"),
    ("POST", "/v1/people", {"id": "user", "name": "甲", "organisation": HOME, "roles": ["user"]}, 409, "already_registered"),
    ("POST", "/v1/people", {"id": "permits", "name": "甲", "organisation": HOME, "roles": ["user"]}, 409, "already_registered"),
    ("POST", "/v1/people", {"id": "xy", "name": "甲", "organisation": HOME,
                            "roles": ["system_administrator", "audit_administrator"]}, 422, "roles_exclude"),
    ("PATCH", "/v1/people/user", {"status": "asleep"}, 400, "malformed_request"),
    ("PATCH", "/v1/people/nobody", {"status": "active"}, 404, "not_registered"),
    ("GET", "/v1/people/nobody", {}, 404, "not_registered"),
    ("PUT", "/v1/people/nobody/password", {}, 404, "not_registered"),
    ("POST", "/v1/systems", {"system": "s1", "organisation": HOME}, 400, "malformed_request"),
    ("POST", "/v1/systems", {"system": "s1", "organisation": HOME, "key": {"kty": "oct", "k": "AA"}}, 400, "malformed_request"),
    ("POST", "/v1/systems", {"system": "s1", "organisation": HOME, "pem": "nonsense"}, 400, "malformed_request"),
    ("POST", "/v1/systems", {"system": "user", "organisation": HOME, "key": new_key("k")}, 409, "already_registered"),
    ("POST", "/v1/systems/permits/keys", {"key": KEY.as_dict(private=True)}, 400, "malformed_request"),
    ("POST", "/v1/systems/permits/keys", {"key": KEY.as_dict(private=False)}, 409, "already_registered"),
    ("DELETE", "/v1/systems/permits/keys/none", {}, 404, "not_registered"),
    ("DELETE", "/v1/systems/permits/keys/none?days=-1", {}, 400, "malformed_request"),
    ("GET", "/v1/systems/a%00b", {}, 400, "malformed_request"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_is_one_clear_error_and_changes_nothing(
    hub, security, method, path, body, status, code
):
    def administered():
        with hub.database.engine(Login.AUDITOR).connect() as connection:
            return connection.execute(
                text("SELECT count(*) FROM ledger.entry WHERE kind = 'administration'")
            ).scalar_one()

    before = administered()
    told = security(method, path, status, **body)
    assert told["code"] == code
    assert administered() == before


def test_a_misplaced_organisation_is_refused(hub, headers):
    authority = headers[Role.CATALOGUE_AUTHORITY]
    wrong = {"code": "W", "name": "县局", "division": "500243", "parent": HOME}
    ask(hub, authority, "POST", "/v1/organisations", 400, **wrong | {"division": "5"})
    ask(hub, authority, "POST", "/v1/organisations", 404, **wrong | {"parent": "nobody"})
    ask(hub, authority, "POST", "/v1/organisations", 200, **wrong)
    told = ask(hub, authority, "PATCH", f"/v1/organisations/{HOME}", 422, parent="W")
    assert told["code"] == "misplaced_organisation"
    ask(hub, authority, "PATCH", "/v1/organisations/W", 400, name="")
